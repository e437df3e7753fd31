/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/process.h"

#include <signal.h>

bool signal_is_stop_request(int signal)
{
	return signal == SIGTERM || signal == SIGINT || signal == SIGQUIT || signal == SIGHUP;
}

bool signal_dumps_core(int signal)
{
	switch (signal) {
	case SIGABRT:
	case SIGBUS:
	case SIGFPE:
	case SIGILL:
	case SIGSEGV:
	case SIGSYS:
	case SIGTRAP:
	case SIGXCPU:
	case SIGXFSZ:
		return true;
	default:
		return false;
	}
}

/* SIGSTOP cannot be handled, and the terminal's mostly are not. */
static bool signal_pauses(const struct signal_facts *facts)
{
	int signal = facts->number;

	return signal == SIGSTOP ||
	       (!facts->handled && (signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU));
}

/* What is stopped already stays so from then on. */
static void take_pause(struct process *process, usec_t time)
{
	if (!process->paused || process->continued >= process->paused)
		process->paused = time;
}

usec_t process_paused_since(const struct process *process, usec_t time)
{
	bool went_on = process->continued >= process->paused && process->continued <= time;

	return process->paused <= time && !went_on ? process->paused : 0;
}

/* Keeps a request from outside: the process may send itself the same signal when it is done. The
 * one before is kept as well: a stop that was obeyed is often asked for again. */
static void take_stop_request(struct process *process, const struct signal_facts *facts)
{
	bool asked = process->stop.number && !process->stop.sender.in_agent;

	if (asked && facts->sender.in_agent)
		return;
	process->stop_before = process->stop;
	process->stop = *facts;
}

static void take_signal(struct process *process, const struct event *event)
{
	const struct process_event *news = &event->process;
	struct signal_facts facts = {
		.number = news->signal,
		.time = event->time,
		.from_kernel = news->from_kernel,
		.handled = news->handled,
		.sender = news->sender,
	};

	if (signal_pauses(&facts))
		take_pause(process, event->time);
	else if (news->signal == SIGCONT)
		process->continued = event->time;
	else if (signal_is_stop_request(news->signal))
		take_stop_request(process, &facts);
	else if (!news->handled) /* a fault that is handled ends nothing: JVMs and Go live with them
				  */
		process->fatal = facts;
}

const struct signal_facts *process_stop_by(const struct process *process, usec_t time)
{
	const struct signal_facts *last = &process->stop, *before = &process->stop_before;

	if (!last->number)
		return NULL;
	return last->time > time && before->number ? before : last;
}

void process_update(struct process *process, const struct event *event)
{
	process->task = event->process.task;
	process->agent = event->agent;
	process->oom |= event->process.oom;
	if (event->type == EVENT_EXECED) {
		process->execed = event->time;
	} else if (event->type == EVENT_SIGNALED) {
		take_signal(process, event);
	} else if (event->type == EVENT_DUMPING) {
		process->dumping = event->time;
	} else if (event->type == EVENT_EXITED) {
		process->exited = true;
		process->exited_at = event->time;
		process->exit_code = event->process.task.exit_code;
	}
}

struct exit_facts exit_facts_from_code(uint32_t exit_code)
{
	int signal = exit_code & 0x7f;

	return (struct exit_facts){
		.known = true,
		.by_signal = signal != 0,
		.dumped = exit_code & 0x80,
		.status = signal ? signal : (int)(exit_code >> 8 & 0xff),
	};
}

#include "process.h"

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

static bool signal_freezes(int signal)
{
	return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

/* A process that was asked from outside to end may send itself the same signal when it is done. */
static void take_stop_request(struct process *process, const struct signal_facts *facts)
{
	bool asked = process->stop.number && !process->stop.sender.in_agent;

	if (!asked || !facts->sender.in_agent)
		process->stop = *facts;
}

static void take_signal(struct process *process, const struct event *event)
{
	const struct process_event *news = &event->process;
	struct signal_facts facts = {
		.number = news->signal,
		.time = event->time,
		.from_kernel = news->from_kernel,
		.sender = news->sender,
	};

	if (signal_freezes(news->signal))
		process->frozen = true;
	else if (news->signal == SIGCONT)
		process->frozen = false;
	else if (signal_is_stop_request(news->signal))
		take_stop_request(process, &facts);
	else
		process->fatal = facts;
}

void process_update(struct process *process, const struct event *event)
{
	process->task = event->process.task;
	process->agent = event->agent;
	process->oom |= event->process.oom;
	switch (event->type) {
	case EVENT_EXECED:
		process->execed = event->time;
		break;
	case EVENT_SIGNALED:
		take_signal(process, event);
		break;
	case EVENT_DUMPING:
		process->dumping = event->time;
		break;
	case EVENT_EXITED:
		process->exited = true;
		process->exited_at = event->time;
		process->exit_code = event->process.task.exit_code;
		break;
	default: /* EVENT_COMMAND and EVENT_STARTED say no more than the task */
		break;
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

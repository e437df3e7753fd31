/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/stall.h"

#include "verdict/differential.h"
#include "verdict/evidence.h"
#include "verdict/rules_network.h"
#include "verdict/rules_token.h"
#include "verdict/shortage.h"

/* A check comes at 1.45 times the keep-alive at the latest. */
#define PATIENCE(keepalive) ((keepalive)*5 / 4)
#define SLACK(keepalive)    ((keepalive) / 5)

/* The second look at what the agent lacks comes after a 25th of the keep-alive, still before the
 * hub gives up. Quotas are measured out every 100 ms (the kernel's
 * Documentation/scheduler/sched-bwc.rst).
 */
#define LOOKS_APART_LEAST (200 * USEC_PER_MSEC)
#define LOOKS_APART_MOST  (1 * USEC_PER_SEC)

usec_t stall_patience(const struct agent_settings *settings)
{
	return PATIENCE(keepalive_of(settings));
}

usec_t stall_slack(const struct agent_settings *settings)
{
	return SLACK(keepalive_of(settings));
}

usec_t stall_looks_apart(const struct agent_settings *settings)
{
	usec_t apart = keepalive_of(settings) / 25;

	if (apart < LOOKS_APART_LEAST)
		return LOOKS_APART_LEAST;
	return apart < LOOKS_APART_MOST ? apart : LOOKS_APART_MOST;
}

static void begin(struct deliberation *on, const struct circumstances *given,
		  struct verdict *verdict)
{
	*verdict = (struct verdict){ .ended_by = ENDED_BY_UNKNOWN, .cause = CAUSE_UNKNOWN };
	*on = (struct deliberation){ .given = given, .verdict = verdict };
}

bool stall_of_dying_process(const struct circumstances *given, struct verdict *verdict)
{
	const struct process *process = given->process;
	struct deliberation on;
	usec_t since;

	begin(&on, given, verdict);
	if (!process || process->exited)
		return false;
	if (process->dumping) { /* the mode sock-diag does not show the signal */
		since = process->dumping;
		tokens_add(evidence(&on), "dumping_core=yes");
	} else if (signal_dumps_core(process->fatal.number)) {
		since = process->fatal.time;
		tokens_add(evidence(&on), "signal=%s",
			   signal_to_string(process->fatal.number) ?: "?");
		add_sender(evidence(&on), &process->fatal);
	} else {
		return false;
	}
	tokens_add(evidence(&on), "dying_msec=%llu",
		   (unsigned long long)((given->time - since) / USEC_PER_MSEC));
	nominate(&on, CAUSE_AGENT_CRASH);
	differential_judge(given, verdict);
	return true;
}

static bool not_sending(const struct circumstances *given)
{
	return given->settings->keepalive &&
	       given->socket->idle_tx >= stall_patience(given->settings);
}

static bool not_reading(const struct circumstances *given, usec_t unread_since)
{
	return unread_since && given->time - unread_since >= stall_patience(given->settings);
}

static bool is_held(const struct circumstances *given)
{
	return task_is_held(given->owner_state) && held_for(given) >= keepalive_of(given->settings);
}

bool stall_may_be_of_agent(const struct circumstances *given, usec_t unread_since)
{
	/* a debugger holds it, and whoever attached that knows */
	if (given->owner_state == TASK_STATE_TRACED)
		return false;
	return is_held(given) || not_sending(given) || not_reading(given, unread_since);
}

void stall_of_idle_agent(const struct circumstances *given, usec_t unread_since,
			 struct verdict *verdict)
{
	bool unread = not_reading(given, unread_since);
	struct deliberation on;

	begin(&on, given, verdict);
	if (is_held(given))
		tokens_add(evidence(&on), "process=%s", task_state_to_string(given->owner_state));
	tokens_add(evidence(&on), "nothing_sent_sec=%llu",
		   (unsigned long long)(given->socket->idle_tx / USEC_PER_SEC));
	if (unread)
		tokens_add(evidence(&on), "unread_bytes=%u", given->socket->unread_bytes);
	shortage_describe(given, evidence(&on));
	nominate(&on, shortage_of(given).explains ? CAUSE_HOST_STARVED : CAUSE_AGENT_HANG);
	differential_judge(given, verdict);
}

bool stall_may_be_starved(const struct circumstances *given)
{
	return !task_is_held(given->owner_state) && !shortage_is_excluded(given);
}

void stall_of_token(const struct circumstances *given, struct verdict *verdict)
{
	struct deliberation on;

	begin(&on, given, verdict);
	describe_token(given, evidence(&on));
	nominate(&on, CAUSE_TOKEN_EXPIRED);
	verdict->confidence = CONFIDENCE_SUSPECTED;
}

void stall_of_path(const struct circumstances *given, struct verdict *verdict)
{
	struct deliberation on;

	begin(&on, given, verdict);
	describe_timeout(&on);
	decide_silent_path(&on);
	differential_judge(given, verdict);
}

void stall_without_connection(const struct circumstances *given, usec_t down, unsigned attempts,
			      struct verdict *verdict)
{
	struct deliberation on;

	begin(&on, given, verdict);
	tokens_add(evidence(&on), "down_sec=%llu", (unsigned long long)(down / USEC_PER_SEC));
	tokens_add(evidence(&on), "attempts=%u", attempts);
	if (given->path.routes_known && !given->path.route.there)
		tokens_add(evidence(&on), "route=none-to-the-last-peer");
	nominate(&on, CAUSE_AGENT_NOT_RECONNECTING);
	differential_judge(given, verdict);
}

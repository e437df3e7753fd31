#include "verdict_stall.h"

#include "verdict_rules.h"

#define PATIENCE(keepalive) ((keepalive)*5 / 4)
#define SLACK(keepalive)    ((keepalive) / 5)

usec_t stall_patience(const struct agent_settings *settings)
{
	return PATIENCE(keepalive_or_usual(settings));
}

usec_t stall_slack(const struct agent_settings *settings)
{
	return SLACK(keepalive_or_usual(settings));
}

static void begin(struct deliberation *on, const struct circumstances *given,
		  struct verdict *verdict)
{
	*verdict = (struct verdict){ .cause = CAUSE_UNKNOWN, .confidence = CONFIDENCE_INVALID };
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
	if (process->dumping) { /* of which signal, and whose, is not known then */
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
	decide(&on, CAUSE_AGENT_CRASH, CONFIDENCE_LIKELY);
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

static bool frozen(const struct circumstances *given)
{
	return given->process && given->process->frozen &&
	       given->socket->idle_tx >= keepalive_of(given);
}

/* Silence alone is a sign only of an agent that was seen to keep its promise before: the setting
 * may be wrong. */
bool stall_of_idle_agent(const struct circumstances *given, usec_t unread_since,
			 struct verdict *verdict)
{
	bool unsent = not_sending(given), unread = not_reading(given, unread_since);
	bool sure = frozen(given) || (unsent && given->kept_alive) || (unread && unsent);
	struct deliberation on;

	begin(&on, given, verdict);
	if (!frozen(given) && !unsent && !unread)
		return false;
	if (frozen(given))
		tokens_add(evidence(&on), "process=stopped-by-signal");
	tokens_add(evidence(&on), "nothing_sent_sec=%llu",
		   (unsigned long long)(given->socket->idle_tx / USEC_PER_SEC));
	if (unread)
		tokens_add(evidence(&on), "unread_bytes=%u", given->socket->unread_bytes);
	if (given->socket->unacked_bytes == 0)
		tokens_add(ruled_out(&on), "path-silent=all-acknowledged");
	decide(&on, CAUSE_AGENT_HANG, sure ? CONFIDENCE_LIKELY : CONFIDENCE_SUSPECTED);
	return true;
}

void stall_of_path(const struct circumstances *given, struct verdict *verdict)
{
	struct deliberation on;

	begin(&on, given, verdict);
	describe_timeout(&on);
	decide_path(&on, CONFIDENCE_SUSPECTED);
}

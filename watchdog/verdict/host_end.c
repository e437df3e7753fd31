/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/host_end.h"

#include "verdict/differential.h"

/* Many boards reset themselves by their watchdog, so it says nothing of a host that was shut down.
 */
static enum cause cause_of(const struct host_end *end)
{
	if (end->unwatched)
		return CAUSE_UNKNOWN;
	if (end->stop == HOST_STOP_REBOOT || end->stop == HOST_STOP_KEXEC)
		return CAUSE_HOST_REBOOT;
	if (end->stop != HOST_STOP_UNSEEN || end->journal_closed)
		return CAUSE_HOST_SHUTDOWN;
	if (end->panicked || host_end_watchdog_fired(end))
		return CAUSE_HOST_CRASH;
	return CAUSE_POWER_LOST;
}

static void describe(const struct host_end *end, struct tokens *evidence)
{
	tokens_add(evidence, "boot=%s", end->boot_id);
	if (end->stop != HOST_STOP_UNSEEN)
		tokens_add(evidence, "shutdown=%s", host_stop_to_string(end->stop));
	if (end->asked_by[0])
		tokens_add(evidence, "shutdown_asked_by=%s", end->asked_by);
	if (end->journal_closed)
		tokens_add(evidence, "journal_closed=yes");
	if (end->panicked)
		tokens_add(evidence, "kernel_panic=yes");
	if (end->watchdog)
		tokens_add(evidence, "watchdog_bootstatus=%#x", end->watchdog);
	if (end->is_container)
		tokens_add(evidence, "container=yes");
	if (end->not_the_last)
		tokens_add(evidence, "boots_between=maybe");
	if (end->unwatched)
		tokens_add(evidence, "unwatched=yes");
	if (end->down)
		tokens_add(evidence, "host_down_sec=%llu",
			   (unsigned long long)(end->down / USEC_PER_SEC));
}

void verdict_on_host_end(const struct circumstances *given, struct verdict *verdict)
{
	*verdict = (struct verdict){
		.ended_by = ENDED_BY_UNKNOWN,
		.cause = cause_of(given->host_end),
	};
	describe(given->host_end, &verdict->evidence);
	differential_judge(given, verdict);
}

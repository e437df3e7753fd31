/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/rules_tls.h"

#include "verdict/ended_by.h"
#include "verdict/rules_half_path.h"
#include "verdict/tls_facts.h"

static enum ruling decide_refused_by_agent(struct deliberation *on)
{
	enum clock_state clock = on->given->clock;

	if (clock != CLOCK_UNKNOWN && clock != CLOCK_SYNCHRONISED)
		tokens_add(evidence(on), "clock=%s", clock_state_to_string(clock));
	tls_describe_error(on->given, evidence(on));
	tls_describe_certificate(on->given, evidence(on));
	if (tls_clock_may_be_wrong(on->given, on->verdict))
		return nominate(on, CAUSE_CLOCK_WRONG);
	return nominate(on, CAUSE_TLS_REFUSED_BY_AGENT);
}

enum ruling rule_tls(struct deliberation *on)
{
	const struct circumstances *given = on->given;
	const struct tls_facts *tls = given->tls;

	/* A client that dies of a signal in its handshake has not refused anything. */
	if (!tls->begun || death_signal(given) > 0)
		return SILENT;
	if (tls->alert_received)
		return nominate(on, CAUSE_TLS_REFUSED_BY_HUB);
	if (tls->track == TLS_NOT_SPOKEN)
		return nominate(on, CAUSE_TLS_NOT_SPOKEN);
	if (tls_is_under_way(tls) && tls->unsent && !tls->alert_sent && !given->waited &&
	    given->socket->idle_rx < USEC_PER_SEC)
		return WAIT; /* that may be an alert */
	if (tls_alert_refuses(given) || tls_agent_left_early(given, on->verdict))
		return decide_refused_by_agent(on);
	if (tls_has_stalled(given))
		return rule_half_path(on) == DECIDED ? DECIDED : nominate(on, CAUSE_TLS_STALLED);
	return SILENT;
}

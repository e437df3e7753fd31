/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/rung.h"

#include "verdict/mqtt_facts.h"
#include "verdict/tls_facts.h"

/* Before the handshake of TCP is done: nothing leads to the peer, or nothing came back. */
static bool failed_on_path(const struct verdict *verdict)
{
	return verdict->ended_by == ENDED_BY_CONNECT_UNREACHABLE ||
	       verdict->cause == CAUSE_LINK_DOWN || verdict->cause == CAUSE_WIFI_DISCONNECTED ||
	       verdict->cause == CAUSE_MODEM_DISCONNECTED || verdict->cause == CAUSE_NO_ROUTE ||
	       verdict->cause == CAUSE_ADDRESS_CHANGED || verdict->cause == CAUSE_UNREACHABLE;
}

/* A session counts as up when a hub of TLS 1.3 has not refused the agent's Finished for a while. A
 * connection without one whose handshake was not seen ended within it. */
static bool failed_in_tls(const struct circumstances *given)
{
	const struct tls_facts *tls = given->tls;

	if (tls->track == TLS_NOT_SPOKEN)
		return true;
	if (tls->track == TLS_NOT_SEEN)
		return !given->session;
	if (!tls->begun || !tls_is_under_way(tls))
		return false;
	return !tls->finished || tls->alert_sent || tls->alert_received || !given->session;
}

enum rung rung_of_end(const struct circumstances *given, const struct verdict *verdict)
{
	if (!given->came_up)
		return failed_on_path(verdict) ? RUNG_PATH : RUNG_TCP;
	if (failed_in_tls(given))
		return RUNG_TLS;
	if (given->login_failed || mqtt_connect_is_unanswered(given->mqtt) ||
	    mqtt_session_is_refused(given->mqtt))
		return RUNG_LOGIN;
	return RUNG_NONE;
}

void rung_add_times(const usec_t took[static RUNG_MAX], struct tokens *evidence)
{
	if (took[RUNG_NAME])
		tokens_add(evidence, "lookup_msec=%llu",
			   (unsigned long long)(took[RUNG_NAME] / USEC_PER_MSEC));
	if (took[RUNG_TCP])
		tokens_add(evidence, "tcp_msec=%llu",
			   (unsigned long long)(took[RUNG_TCP] / USEC_PER_MSEC));
	if (took[RUNG_TLS])
		tokens_add(evidence, "tls_msec=%llu",
			   (unsigned long long)(took[RUNG_TLS] / USEC_PER_MSEC));
	if (took[RUNG_LOGIN])
		tokens_add(evidence, "login_msec=%llu",
			   (unsigned long long)(took[RUNG_LOGIN] / USEC_PER_MSEC));
}

void rung_describe(const struct circumstances *given, struct verdict *verdict)
{
	usec_t took[RUNG_MAX] = { 0 };

	verdict->rung = rung_of_end(given, verdict);
	if (verdict->rung == RUNG_NONE)
		return;
	tokens_add(&verdict->evidence, "rung=%s", rung_to_string(verdict->rung));
	for (enum rung rung = RUNG_NAME; given->took && rung < verdict->rung; rung++)
		took[rung] = given->took[rung];
	took[RUNG_TLS] = 0; /* tls_describe() has added it */
	rung_add_times(took, &verdict->evidence);
}

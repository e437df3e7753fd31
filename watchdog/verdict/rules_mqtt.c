/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/rules_mqtt.h"

#include "verdict/login_facts.h"
#include "verdict/mqtt_facts.h"
#include "verdict/rule_hung.h"
#include "verdict/rules_host.h"
#include "verdict/rules_network.h"
#include "verdict/rules_token.h"

/* The peer knows only that it missed the keep-alive; the host knows why. */
static enum ruling decide_missed_keepalive(struct deliberation *on)
{
	if (rule_hung(on) == DECIDED || rule_suspended(on) == DECIDED ||
	    rule_broken_path(on) == DECIDED)
		return DECIDED;
	return nominate(on, CAUSE_PEER_IDLE_TIMEOUT);
}

enum ruling rule_mqtt_reason(struct deliberation *on)
{
	const struct mqtt_facts *mqtt = on->given->mqtt;
	enum cause cause;

	if (rule_token_refused(on) == DECIDED)
		return DECIDED;
	if (mqtt_session_is_refused(mqtt))
		return nominate(on, mqtt_cause_of_refusal(mqtt));
	if (!mqtt_peer_disconnected_first(mqtt))
		return SILENT;
	cause = mqtt_cause_of_disconnect(mqtt);
	if (cause == CAUSE_PEER_IDLE_TIMEOUT)
		return decide_missed_keepalive(on);
	if (cause != CAUSE_UNKNOWN)
		return nominate(on, cause);
	if (rule_token_expired(on) == DECIDED)
		return DECIDED;
	return nominate(on, CAUSE_PEER_CLOSE);
}

enum ruling rule_login_reason(struct deliberation *on)
{
	const struct login_facts *login = on->given->login;
	enum cause cause;

	if (!login_peer_gave_the_reason(login))
		return SILENT;
	if (rule_token_refused(on) == DECIDED)
		return DECIDED;
	cause = login_cause(login);
	return nominate(on, cause == CAUSE_UNKNOWN ? CAUSE_PEER_CLOSE : cause);
}

enum ruling rule_unanswered_connect(struct deliberation *on)
{
	if (!mqtt_connect_is_unanswered(on->given->mqtt))
		return SILENT;
	return nominate(on, CAUSE_SESSION_REJECTED);
}

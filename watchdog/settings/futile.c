/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Settings that can have no effect. */
#include "base/text.h"
#include "settings/schema.h"
#include "settings/settings.h"

enum { WHY_SIZE = 256 };

/* Only the peer's own word makes more than a suspicion of these (verdict/differential.c). */
static bool takes_the_peers_word(enum cause cause)
{
	return cause == CAUSE_SESSION_REJECTED || cause == CAUSE_SESSION_TAKEOVER ||
	       cause == CAUSE_SERVICE_TRANSIENT;
}

/* Why no action follows `cause`, whichever is set; NULL: one may. */
static const char *why_nothing_follows(const struct agent_settings *settings, enum cause cause)
{
	if (cause == CAUSE_AGENT_STOPPED)
		return "a stop on request is left alone";
	if (cause == CAUSE_TOKEN_RENEWAL)
		return "the renewal of a token is left alone";
	if (cause == CAUSE_AGENT_NOT_RECONNECTING && settings->reconnect_timeout == USEC_INFINITY)
		return "with ReconnectTimeoutSec=infinity there is no such verdict";
	if (takes_the_peers_word(cause) && !settings->mqtt_inspect)
		return "without MqttInspect=yes this cause is only suspected, and no action "
		       "follows a suspicion";
	return NULL;
}

/* Returns true if a verdict with this cause may be about a connection that is still open
 * (verdict/stall.c). */
static bool may_be_open(enum cause cause)
{
	return cause == CAUSE_AGENT_CRASH || cause == CAUSE_AGENT_HANG ||
	       cause == CAUSE_LINK_DOWN || cause == CAUSE_WIFI_DISCONNECTED ||
	       cause == CAUSE_MODEM_DISCONNECTED || cause == CAUSE_NO_ROUTE ||
	       cause == CAUSE_ADDRESS_CHANGED || cause == CAUSE_UNREACHABLE ||
	       cause == CAUSE_PATH_SILENT || cause == CAUSE_PATH_MTU || cause == CAUSE_PATH_HALF;
}

/* Why `action` cannot be taken after `cause`; NULL: it can. */
static const char *why_impossible(const struct agent_settings *settings, enum cause cause,
				  const struct action *action)
{
	if (action->type == ACTION_ABORT_CONNECTION && !may_be_open(cause))
		return "there is no open connection when this cause is found";
	if ((action->type == ACTION_RESTART || action->type == ACTION_RELOAD) &&
	    !agent_settings_unit(settings))
		return "that takes a Unit=, and the agent has none";
	return NULL;
}

static void find_futile_steps(const struct agent_settings *settings, enum cause cause,
			      settings_futile emit, void *userdata)
{
	const struct policy_steps *steps = &settings->policy[cause];
	const char *why = why_nothing_follows(settings, cause);
	char key[SETTING_KEY_SIZE], text[WHY_SIZE];
	struct text all = TEXT_IN(text);

	policy_key(cause, key);
	if (why && steps->count > 0)
		text_add(&all, "%s= has no effect: %s", key, why);
	for (unsigned i = 0; !why && i < steps->count; i++) {
		why = why_impossible(settings, cause, &steps->steps[i]);
		if (why)
			text_add(&all, "%s has no effect in %s=: %s",
				 action_type_to_string(steps->steps[i].type), key, why);
	}
	if (all.length > 0)
		emit(userdata, key, text);
}

void agent_settings_find_futile(const struct agent_settings *settings, settings_futile emit,
				void *userdata)
{
	if (settings->token_inspect && !settings->mqtt_inspect)
		emit(userdata, "TokenInspect",
		     "TokenInspect= has no effect without MqttInspect=yes");
	for (enum cause cause = 0; cause < CAUSE_MAX; cause++)
		find_futile_steps(settings, cause, emit, userdata);
}

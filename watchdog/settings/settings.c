/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "settings/settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "settings/schema.h"

/* ---- what to do about a cause */

static const char *policy_fallback(enum cause cause)
{
	if (cause == CAUSE_AGENT_NOT_RECONNECTING || cause == CAUSE_AGENT_HANG)
		return "restart";
	if (cause == CAUSE_PATH_SILENT)
		return "abort-connection";
	return "none";
}

void policy_key(enum cause cause, char ret[static SETTING_KEY_SIZE])
{
	bool capital = true;
	char *key = ret;

	*key++ = 'O';
	*key++ = 'n';
	for (const char *name = cause_to_string(cause); *name; name++) {
		if (*name != '-')
			*key++ = capital ? (char)(*name - 'a' + 'A') : *name;
		capital = *name == '-';
	}
	*key = '\0';
}

static struct setting policy_setting(enum cause cause)
{
	struct setting setting = {
		.section = "Policy",
		.type = &steps_list_setting,
		.offset = offsetof(struct agent_settings, policy) +
			  (size_t)cause * sizeof(struct policy_steps),
		.fallback = policy_fallback(cause),
	};

	policy_key(cause, setting.key);
	return setting;
}

/* ---- the keys. Defaults are written as the `format` of their kind writes them. */

#define AT(member) offsetof(struct agent_settings, member)
static const struct setting agent_table[] = {
	{ "Match", "Unit", &unit_list_setting, 0, NULL },
	{ "Match", "ControlGroup", &control_group_list_setting, 0, NULL },
	{ "Match", "Delegated", &boolean_setting, AT(delegated), "no" },
	{ "Match", "Peer", &peer_list_setting, 0, NULL },
	{ "Connection", "DeviceId", &device_id_setting, AT(device_id), "" },
	{ "Connection", "KeepAliveSec", &span_setting, AT(keepalive), "0" },
	{ "Connection", "TokenLifetimeSec", &span_setting, AT(token_lifetime), "0" },
	{ "Connection", "ReconnectTimeoutSec", &span_setting, AT(reconnect_timeout), "5min" },
	{ "Connection", "SettleSec", &span_setting, AT(settle), "30s" },
	{ "Connection", "StalledAfterSec", &span_setting, AT(stalled_after), "1min" },
	{ "Connection", "MqttInspect", &boolean_setting, AT(mqtt_inspect), "no" },
	{ "Connection", "TokenInspect", &boolean_setting, AT(token_inspect), "no" },
	{ "Policy", "EscalateAfterSec", &span_setting, AT(escalate_after), "2min" },
	{ "Policy", "ActionLimitBurst", &number_setting, AT(limit_burst), "3" },
	{ "Policy", "ActionLimitIntervalSec", &span_setting, AT(limit_interval), "1h" },
	{ "Policy", "RandomizedDelaySec", &span_setting, AT(randomized_delay), "30s" },
	{ "Policy", "WhileOffline", &offline_setting, AT(hold_while_offline), "hold" },
	{ "Policy", "DryRun", &boolean_setting, AT(dry_run), "no" },
};
enum { agent_table_count = sizeof(agent_table) / sizeof(agent_table[0]) };
#undef AT

bool agent_setting(unsigned index, struct setting *setting)
{
	if (index < agent_table_count)
		*setting = agent_table[index];
	else if (index < agent_table_count + CAUSE_MAX)
		*setting = policy_setting((enum cause)(index - agent_table_count));
	else
		return false;
	return true;
}

bool daemon_setting(unsigned index, struct setting *setting)
{
	static const struct setting table[] = {
		{ "Watchdog", "Mode", &mode_setting, offsetof(struct daemon_settings, mode),
		  "auto" },
		{ "Watchdog", "MetricsFile", &path_setting,
		  offsetof(struct daemon_settings, metrics_path), "" },
		{ "Watchdog", "Btf", &path_setting, offsetof(struct daemon_settings, btf_path),
		  "" },
	};

	if (index >= sizeof(table) / sizeof(table[0]))
		return false;
	*setting = table[index];
	return true;
}

/* ---- all settings */

int setting_assign(const struct setting *setting, void *settings, const char *value)
{
	void *field = (char *)settings + setting->offset;

	if (*value == '\0' && setting->type->clear) {
		setting->type->clear(field);
		return 0;
	}
	return setting->type->assign(field, *value != '\0' ? value : setting->fallback);
}

static void set_defaults(settings_schema schema, void *settings)
{
	struct setting setting;

	for (unsigned i = 0; schema(i, &setting); i++)
		setting_assign(&setting, settings, "");
}

void agent_settings_defaults(struct agent_settings *settings, const char *name)
{
	*settings = (struct agent_settings){ 0 };
	snprintf(settings->name, sizeof(settings->name), "%s", name);
	set_defaults(agent_setting, settings);
}

void daemon_settings_defaults(struct daemon_settings *settings)
{
	*settings = (struct daemon_settings){ 0 };
	set_defaults(daemon_setting, settings);
}

int agent_settings_assign(struct agent_settings *settings, const char *section, const char *key,
			  const char *value)
{
	struct setting setting;

	for (unsigned i = 0; agent_setting(i, &setting); i++)
		if (strcmp(setting.section, section) == 0 && strcmp(setting.key, key) == 0)
			return setting_assign(&setting, settings, value);
	return -ENOENT;
}

const char *agent_settings_nearest(const char *key, char ret[static NEAREST_WORD_SIZE])
{
	struct nearest nearest = nearest_begin(key);
	struct setting setting;
	bool found = false;

	for (unsigned i = 0; agent_setting(i, &setting); i++)
		if (nearest_consider(&nearest, setting.key)) {
			snprintf(ret, NEAREST_WORD_SIZE, "%s", setting.key);
			found = true;
		}
	return found ? ret : NULL;
}

const char *agent_settings_nearest_value(const char *key, const char *value,
					 char ret[static NEAREST_WORD_SIZE])
{
	struct setting setting;

	for (unsigned i = 0; agent_setting(i, &setting); i++)
		if (strcmp(setting.key, key) == 0 && setting.type->nearest)
			return setting.type->nearest(value, ret) ? ret : NULL;
	return NULL;
}

struct changed {
	const struct setting *setting;
	settings_emit emit;
	void *userdata;
};

static void emit_changed(void *userdata, const char *value)
{
	const struct changed *changed = userdata;
	const struct setting *setting = changed->setting;

	if (!setting->fallback || strcmp(value, setting->fallback) != 0)
		changed->emit(changed->userdata, setting->section, setting->key, value);
}

void agent_settings_format(const struct agent_settings *settings, settings_emit emit,
			   void *userdata)
{
	struct setting setting;
	struct changed changed = { &setting, emit, userdata };

	for (unsigned i = 0; agent_setting(i, &setting); i++)
		setting.type->format((const char *)settings + setting.offset, emit_changed,
				     &changed);
}

void agent_settings_actions(const struct agent_settings *settings, settings_action emit,
			    void *userdata)
{
	char key[SETTING_KEY_SIZE];

	for (enum cause cause = 0; cause < CAUSE_MAX; cause++) {
		const struct policy_steps *steps = &settings->policy[cause];

		policy_key(cause, key);
		for (unsigned i = 0; i < steps->count; i++)
			emit(userdata, key, &steps->steps[i]);
	}
}

const char *agent_settings_unit(const struct agent_settings *settings)
{
	for (unsigned i = 0; i < settings->match_count; i++)
		if (settings->matches[i].type == MATCH_UNIT)
			return settings->matches[i].value;
	return NULL;
}

/* An action needs a unique target, so an agent has at most one unit. */
const char *agent_settings_check(const struct agent_settings *settings)
{
	unsigned units = 0;

	if (settings->match_count == 0)
		return "Nothing to watch: [Match] has neither Unit= nor ControlGroup=";
	for (unsigned i = 0; i < settings->match_count; i++)
		units += settings->matches[i].type == MATCH_UNIT;
	if (units > 1)
		return "More than one Unit=: give each unit an agent file of its own";
	return NULL;
}

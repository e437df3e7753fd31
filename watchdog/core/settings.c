#include "settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings_schema.h"
#include "text.h"

typedef void (*value_emit)(void *userdata, const char *value);

/* ---- kinds of values */

static int assign_span(void *field, const char *value)
{
	return time_span_parse(value, field) < 0 ? -EINVAL : 0;
}

static void format_span(const void *field, value_emit emit, void *userdata)
{
	char text[TIME_SPAN_TEXT_SIZE];

	time_span_format_exact(*(const usec_t *)field, text, sizeof(text));
	emit(userdata, text);
}

static const struct setting_type span = {
	.expects = "a time span such as 90s or 1h 5min",
	.assign = assign_span,
	.format = format_span,
};

/* Reads a decimal number of at most `limit`. */
static int number_parse(const char *text, unsigned long limit, unsigned *number)
{
	unsigned long parsed;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	parsed = strtoul(text, &end, 10);
	if (errno != 0 || *end != '\0' || parsed > limit)
		return -EINVAL;
	*number = (unsigned)parsed;
	return 0;
}

static int assign_number(void *field, const char *value)
{
	return number_parse(value, 1000000, field);
}

static void format_number(const void *field, value_emit emit, void *userdata)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", *(const unsigned *)field);
	emit(userdata, text);
}

static const struct setting_type number = {
	.expects = "a whole number up to 1000000",
	.assign = assign_number,
	.format = format_number,
};

static int assign_boolean(void *field, const char *value)
{
	/* parse_boolean() of systemd */
	static const char *const yes[] = { "yes", "y", "true", "t", "on", "1" };
	static const char *const no[] = { "no", "n", "false", "f", "off", "0" };
	bool *boolean = field;

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (strcmp(value, yes[i]) == 0 || strcmp(value, no[i]) == 0) {
			*boolean = strcmp(value, yes[i]) == 0;
			return 0;
		}
	}
	return -EINVAL;
}

static void format_boolean(const void *field, value_emit emit, void *userdata)
{
	emit(userdata, *(const bool *)field ? "yes" : "no");
}

static const struct setting_type boolean = {
	.expects = "yes or no",
	.assign = assign_boolean,
	.format = format_boolean,
};

static int assign_offline(void *field, const char *value)
{
	bool *hold = field;

	if (strcmp(value, "hold") != 0 && strcmp(value, "act") != 0)
		return -EINVAL;
	*hold = strcmp(value, "hold") == 0;
	return 0;
}

static void format_offline(const void *field, value_emit emit, void *userdata)
{
	emit(userdata, *(const bool *)field ? "hold" : "act");
}

static const struct setting_type offline = {
	.expects = "hold or act",
	.assign = assign_offline,
	.format = format_offline,
};

static int assign_mode(void *field, const char *value)
{
	enum mode parsed = mode_from_string(value);

	if (parsed == MODE_INVALID && strcmp(value, "auto") != 0)
		return -EINVAL;
	*(enum mode *)field = parsed; /* MODE_INVALID stands for auto */
	return 0;
}

static void format_mode(const void *field, value_emit emit, void *userdata)
{
	const char *name = mode_to_string(*(const enum mode *)field);

	emit(userdata, name ? name : "auto");
}

static const struct setting_type mode = {
	.expects = "auto, ebpf or sock-diag",
	.assign = assign_mode,
	.format = format_mode,
};

/* A path of its own or one in the cgroup tree: absolute, nothing in it that climbs. */
static bool path_is_valid(const char *path)
{
	size_t length = strlen(path);

	return path[0] == '/' && length < CGROUP_PATH_SIZE && !strstr(path, "/../") &&
	       (length < 3 || strcmp(path + length - 3, "/..") != 0);
}

static int assign_path(void *field, const char *value)
{
	if (*value != '\0' && !path_is_valid(value))
		return -EINVAL;
	strcpy(field, value);
	return 0;
}

static void format_path(const void *field, value_emit emit, void *userdata)
{
	emit(userdata, field);
}

static const struct setting_type path = {
	.expects = "an absolute path",
	.assign = assign_path,
	.format = format_path,
};

/* ---- lists; their field is the whole struct agent_settings */

static int add_match(struct agent_settings *settings, enum match_type type, const char *value)
{
	struct agent_match *match;

	if (settings->match_count == AGENT_MATCHES_MAX)
		return -ENOSPC;
	match = &settings->matches[settings->match_count++];
	*match = (struct agent_match){ .type = type };
	strcpy(match->value, value);
	return 0;
}

static void clear_matches(struct agent_settings *settings, enum match_type type)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < settings->match_count; i++)
		if (settings->matches[i].type != type)
			settings->matches[kept++] = settings->matches[i];
	settings->match_count = kept;
}

static void format_matches(const struct agent_settings *settings, enum match_type type,
			   value_emit emit, void *userdata)
{
	for (unsigned i = 0; i < settings->match_count; i++)
		if (settings->matches[i].type == type)
			emit(userdata, settings->matches[i].value);
}

static int assign_unit(void *field, const char *value)
{
	return unit_name_is_valid(value) ? add_match(field, MATCH_UNIT, value) : -EINVAL;
}

static void clear_units(void *field)
{
	clear_matches(field, MATCH_UNIT);
}

static void format_units(const void *field, value_emit emit, void *userdata)
{
	format_matches(field, MATCH_UNIT, emit, userdata);
}

static const struct setting_type unit_list = {
	.expects = "the full name of a unit, such as mosquitto.service",
	.assign = assign_unit,
	.clear = clear_units,
	.format = format_units,
};

static int assign_control_group(void *field, const char *value)
{
	return path_is_valid(value) ? add_match(field, MATCH_CONTROL_GROUP, value) : -EINVAL;
}

static void clear_control_groups(void *field)
{
	clear_matches(field, MATCH_CONTROL_GROUP);
}

static void format_control_groups(const void *field, value_emit emit, void *userdata)
{
	format_matches(field, MATCH_CONTROL_GROUP, emit, userdata);
}

static const struct setting_type control_group_list = {
	.expects = "a path below the control group root, such as /system.slice/docker-*.scope",
	.assign = assign_control_group,
	.clear = clear_control_groups,
	.format = format_control_groups,
};

static int assign_process(void *field, const char *value)
{
	unsigned pid;

	if (number_parse(value, INT32_MAX, &pid) < 0 || pid == 0)
		return -EINVAL;
	return add_match(field, MATCH_PROCESS, value);
}

static void clear_processes(void *field)
{
	clear_matches(field, MATCH_PROCESS);
}

static void format_processes(const void *field, value_emit emit, void *userdata)
{
	format_matches(field, MATCH_PROCESS, emit, userdata);
}

static const struct setting_type process_list = {
	.expects = "the number of a process",
	.assign = assign_process,
	.clear = clear_processes,
	.format = format_processes,
};

static int assign_peer(void *field, const char *value)
{
	struct agent_settings *settings = field;
	struct peer_pattern peer;

	if (peer_pattern_parse(value, &peer) < 0)
		return -EINVAL;
	if (settings->peer_count == AGENT_PEERS_MAX)
		return -ENOSPC;
	settings->peers[settings->peer_count++] = peer;
	return 0;
}

static void clear_peers(void *field)
{
	struct agent_settings *settings = field;

	settings->peer_count = 0;
}

static void format_peers(const void *field, value_emit emit, void *userdata)
{
	const struct agent_settings *settings = field;
	char text[PEER_PATTERN_TEXT_SIZE];

	for (unsigned i = 0; i < settings->peer_count; i++) {
		peer_pattern_format(&settings->peers[i], text, sizeof(text));
		emit(userdata, text);
	}
}

static const struct setting_type peer_list = {
	.expects = "ADDRESS:PORT, ADDRESS/BITS:PORT or *:PORT; names are not resolved",
	.assign = assign_peer,
	.clear = clear_peers,
	.format = format_peers,
};

/* ---- what to do about a cause */

static int assign_steps(void *field, const char *value)
{
	static const char blanks[] = " \t";
	struct policy_steps steps = { 0 };
	char word[ACTION_TEXT_SIZE];

	for (value += strspn(value, blanks); *value; value += strspn(value, blanks)) {
		size_t length = strcspn(value, blanks);
		struct action action;

		if (length >= sizeof(word))
			return -EINVAL;
		memcpy(word, value, length);
		word[length] = '\0';
		if (action_parse(word, &action) < 0)
			return -EINVAL;
		if (action.type == ACTION_NONE)
			break;
		if (steps.count == POLICY_STEPS_MAX)
			return -ENOSPC;
		steps.steps[steps.count++] = action;
		value += length;
	}
	memcpy(field, &steps, sizeof(steps));
	return 0;
}

static void format_steps(const void *field, value_emit emit, void *userdata)
{
	const struct policy_steps *steps = field;
	char buffer[POLICY_STEPS_MAX * ACTION_TEXT_SIZE], action[ACTION_TEXT_SIZE];
	struct text text = TEXT_IN(buffer);

	for (unsigned i = 0; i < steps->count; i++) {
		action_format(&steps->steps[i], action, sizeof(action));
		text_add(&text, "%s%s", i > 0 ? " " : "", action);
	}
	emit(userdata, steps->count > 0 ? buffer : "none");
}

static const struct setting_type steps_list = {
	.expects = "steps out of none, reload, signal:NAME, abort-connection, restart, start:UNIT",
	.assign = assign_steps,
	.format = format_steps,
};

static const char *policy_fallback(enum cause cause)
{
	if (cause == CAUSE_AGENT_NOT_RECONNECTING || cause == CAUSE_AGENT_HANG)
		return "restart";
	if (cause == CAUSE_PATH_SILENT)
		return "abort-connection";
	return "none";
}

/* `agent-crash` -> `OnAgentCrash` */
static void policy_key(enum cause cause, char *key)
{
	bool capital = true;

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
		.type = &steps_list,
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
	{ "Match", "Unit", &unit_list, 0, NULL },
	{ "Match", "ControlGroup", &control_group_list, 0, NULL },
	{ "Match", "Process", &process_list, 0, NULL },
	{ "Match", "Peer", &peer_list, 0, NULL },
	{ "Connection", "KeepAliveSec", &span, AT(keepalive), "1min" },
	{ "Connection", "TokenLifetimeSec", &span, AT(token_lifetime), "0" },
	{ "Connection", "ReconnectTimeoutSec", &span, AT(reconnect_timeout), "5min" },
	{ "Connection", "StalledAfterSec", &span, AT(stalled_after), "1min" },
	{ "Policy", "EscalateAfterSec", &span, AT(escalate_after), "2min" },
	{ "Policy", "ActionLimitBurst", &number, AT(limit_burst), "3" },
	{ "Policy", "ActionLimitIntervalSec", &span, AT(limit_interval), "1h" },
	{ "Policy", "RandomizedDelaySec", &span, AT(randomized_delay), "30s" },
	{ "Policy", "WhileOffline", &offline, AT(hold_while_offline), "hold" },
	{ "Policy", "DryRun", &boolean, AT(dry_run), "no" },
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
		{ "Watchdog", "Mode", &mode, offsetof(struct daemon_settings, mode), "auto" },
		{ "Watchdog", "MetricsFile", &path, offsetof(struct daemon_settings, metrics_path),
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

const char *agent_settings_check(const struct agent_settings *settings)
{
	if (settings->match_count == 0)
		return "Nothing to watch: [Match] has neither Unit= nor ControlGroup=";
	return NULL;
}

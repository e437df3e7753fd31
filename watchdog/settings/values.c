/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The types of values in a settings file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "settings/schema.h"

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

const struct setting_type span_setting = {
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

const struct setting_type number_setting = {
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

const struct setting_type boolean_setting = {
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

const struct setting_type offline_setting = {
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

const struct setting_type mode_setting = {
	.expects = "auto, ebpf or sock-diag",
	.assign = assign_mode,
	.format = format_mode,
};

/* Returns true for an absolute path without "." and "..", of a file or of a control group. */
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
	return text_copy(field, CGROUP_PATH_SIZE, value) < 0 ? -EINVAL : 0;
}

static void format_path(const void *field, value_emit emit, void *userdata)
{
	emit(userdata, field);
}

const struct setting_type path_setting = {
	.expects = "an absolute path",
	.assign = assign_path,
	.format = format_path,
};

/* As it is: hubs tell letters of different case apart. */
static int assign_device_id(void *field, const char *value)
{
	for (const char *at = value; *at; at++)
		if (*at <= ' ' || *at > '~')
			return -EINVAL;
	return text_copy(field, DEVICE_ID_SIZE, value) < 0 ? -EINVAL : 0;
}

const struct setting_type device_id_setting = {
	.expects = "printable ASCII without blanks, 128 characters at most",
	.assign = assign_device_id,
	.format = format_path,
};

/* ---- lists */

static int add_match(struct agent_settings *settings, enum match_type type, const char *value)
{
	struct agent_match match = { .type = type };

	if (settings->match_count == AGENT_MATCHES_MAX)
		return -ENOSPC;
	if (text_copy(match.value, sizeof(match.value), value) < 0)
		return -EINVAL;
	settings->matches[settings->match_count++] = match;
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

const struct setting_type unit_list_setting = {
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

const struct setting_type control_group_list_setting = {
	.expects = "a path below the control group root, such as /system.slice/docker-*.scope",
	.assign = assign_control_group,
	.clear = clear_control_groups,
	.format = format_control_groups,
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

const struct setting_type peer_list_setting = {
	.expects = "ADDRESS:PORT, ADDRESS/BITS:PORT or *:PORT; names are not resolved",
	.assign = assign_peer,
	.clear = clear_peers,
	.format = format_peers,
};

/* ---- the steps of a policy */

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

/* The first word that is no action is the one that was meant to be another. */
static bool nearest_step(const char *value, char ret[static NEAREST_WORD_SIZE])
{
	static const char blanks[] = " \t";
	char word[ACTION_TEXT_SIZE];
	struct action action;

	for (value += strspn(value, blanks); *value; value += strspn(value, blanks)) {
		size_t length = strcspn(value, blanks);

		if (length >= sizeof(word))
			return false;
		memcpy(word, value, length);
		word[length] = '\0';
		if (action_parse(word, &action) < 0)
			return action_nearest(word, ret);
		value += length;
	}
	return false;
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

const struct setting_type steps_list_setting = {
	.expects = "steps out of none, reload, signal:NAME, abort-connection, restart, start:UNIT",
	.assign = assign_steps,
	.nearest = nearest_step,
	.format = format_steps,
};

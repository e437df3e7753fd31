/* What may stand in a settings file: each key, its kind of value and its default. Inside the
 * settings' own sources only. */
#pragma once

#include "settings.h"

/* A kind of value. `field` is where the setting's offset points to. */
struct setting_type {
	const char *expects;                           /* "X must be ..." */
	int (*assign)(void *field, const char *value); /* as agent_settings_assign() */
	/* Empties a list; NULL: not a list. */
	void (*clear)(void *field);
	/* Calls `emit` once a value. */
	void (*format)(const void *field, void (*emit)(void *userdata, const char *value),
		       void *userdata);
};

extern const struct setting_type span_setting, number_setting, boolean_setting, offline_setting,
	mode_setting, path_setting, steps_list_setting;

/* Lists; their field is the whole struct agent_settings. */
extern const struct setting_type unit_list_setting, control_group_list_setting,
	process_list_setting, peer_list_setting;

struct setting {
	const char *section;
	char key[40];
	const struct setting_type *type;
	size_t offset;
	const char *fallback; /* what an empty assignment sets; lists: NULL */
};

/* Puts setting number `index` into `*setting`; false behind the last one. */
typedef bool (*settings_schema)(unsigned index, struct setting *setting);

bool agent_setting(unsigned index, struct setting *setting);
bool daemon_setting(unsigned index, struct setting *setting);

/* Assigns `value`, or the default if it is empty. Returns what setting_type.assign returns. */
int setting_assign(const struct setting *setting, void *settings, const char *value);

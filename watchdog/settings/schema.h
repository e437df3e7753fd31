/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keys of the settings files, with the type and the default of each value. Private to settings/
 * and its tests. */
#pragma once

#include "settings/settings.h"

/* A type of value. `field` points to the setting's member of the settings struct. */
struct setting_type {
	const char *expects;                           /* "X must be ..." */
	int (*assign)(void *field, const char *value); /* as agent_settings_assign() */
	/* Finds what a refused `value` may have been meant to be, and returns true. NULL: it is
	 * not looked for. */
	bool (*nearest)(const char *value, char ret[static NEAREST_WORD_SIZE]);
	/* Empties a list; NULL: not a list. */
	void (*clear)(void *field);
	/* Calls `emit` once for each value. */
	void (*format)(const void *field, void (*emit)(void *userdata, const char *value),
		       void *userdata);
};

extern const struct setting_type span_setting, number_setting, boolean_setting, offline_setting,
	mode_setting, path_setting, device_id_setting, steps_list_setting;

/* Lists; their field is the whole struct agent_settings. */
extern const struct setting_type unit_list_setting, control_group_list_setting, peer_list_setting;

enum { SETTING_KEY_SIZE = 40 };

struct setting {
	const char *section;
	char key[SETTING_KEY_SIZE];
	const struct setting_type *type;
	size_t offset;
	const char *fallback; /* the default, which an empty assignment restores; lists: NULL */
};

/* Stores setting number `index` in `*setting`; returns false past the last one. */
typedef bool (*settings_schema)(unsigned index, struct setting *setting);

bool agent_setting(unsigned index, struct setting *setting);
bool daemon_setting(unsigned index, struct setting *setting);

/* Assigns `value`, or the default if it is empty. Returns what setting_type.assign returns. */
int setting_assign(const struct setting *setting, void *settings, const char *value);

/* Writes the key of what to do about `cause`: `OnAgentCrash`. */
void policy_key(enum cause cause, char ret[static SETTING_KEY_SIZE]);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Defines the functions that DECLARE_NAMES() in vocabulary.h declares. */
#pragma once

/* Returns the index of `string` in the `count` names, or -1, also for NULL. A value whose name is
 * missing is passed over: tests/unit/vocabulary_test.c finds it. */
int name_find(const char *const names[], int count, const char *string);

/* Defines name_to_string() and name_from_string() for `enum name` from the table `name_names`,
 * which has one entry for each value. */
#define DEFINE_NAMES(name)                                                                        \
	enum { name##_count = sizeof(name##_names) / sizeof(name##_names[0]) };                   \
	const char *name##_to_string(enum name value)                                             \
	{                                                                                         \
		return (int)value >= 0 && (int)value < name##_count ? name##_names[value] : NULL; \
	}                                                                                         \
	enum name name##_from_string(const char *string)                                          \
	{                                                                                         \
		return (enum name)name_find(name##_names, name##_count, string);                  \
	}                                                                                         \
	_Static_assert(sizeof(enum name) == sizeof(int), "enum " #name " holds -1")

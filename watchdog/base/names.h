/* Defines what vocabulary.h's DECLARE_NAMES() declares. */
#pragma once

/* The index of `string` among `count` names, or -1. */
int name_find(const char *const names[], int count, const char *string);

/* For `enum name` with a table `name_names` that has one entry a value. */
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

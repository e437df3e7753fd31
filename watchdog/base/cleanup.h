/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frees what a variable holds when it goes out of scope, on every way out of its block.
 *
 *	_cleanup_(thing_free_held) struct thing *thing = NULL;
 *
 * Always initialise. To hand the value on: return STEAL_POINTER(thing). The header of a type says
 * how, right below the function that frees it: DEFINE_CLEANUP(struct thing *, thing_free). For the
 * types of the C library see support/cleanup.h. */
#pragma once

#include <stddef.h>

#define _cleanup_(function) __attribute__((cleanup(function)))

/* Defines RELEASE_held(), which calls `release` on a variable of `type` unless that is null. */
#define DEFINE_CLEANUP(type, release)                 \
	static inline void release##_held(type *held) \
	{                                             \
		if (*held)                            \
			release(*held);               \
	}                                             \
	_Static_assert(1, "takes the semicolon")

/* The value of `pointer`; leaves NULL in the variable, so that its cleanup frees nothing. */
#define STEAL_POINTER(pointer)                           \
	({                                               \
		__typeof__(pointer) *from_ = &(pointer); \
		__typeof__(pointer) value_ = *from_;     \
		*from_ = NULL;                           \
		value_;                                  \
	})

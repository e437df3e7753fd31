/* Frees what a variable holds when it goes out of scope, on every way out of its block.
 *
 *	_cleanup_free_ char *text = NULL;
 *	_cleanup_close_ int fd = -1;
 *
 * Always initialise. To hand the value on: return STEAL_POINTER(text) or STEAL_FD(fd). A type of
 * one's own joins in with DEFINE_CLEANUP(struct thing *, thing_free) and
 * _cleanup_(thing_free_held). */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(function) __attribute__((cleanup(function)))

/* Defines NAME_held(), which calls `release` on a variable of `type` unless that is null. */
#define DEFINE_CLEANUP(type, release)                 \
	static inline void release##_held(type *held) \
	{                                             \
		if (*held)                            \
			release(*held);               \
	}                                             \
	_Static_assert(1, "takes the semicolon")

/* errno survives: the clean-up runs between a failing call and its caller's look at errno. */
static inline void free_held(void *held)
{
	free(*(void **)held);
}

static inline void close_held(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

static inline void fclose_held(FILE **file)
{
	int saved = errno;

	if (*file)
		fclose(*file);
	errno = saved;
}

static inline void closedir_held(DIR **directory)
{
	int saved = errno;

	if (*directory)
		closedir(*directory);
	errno = saved;
}

#define _cleanup_free_     _cleanup_(free_held)
#define _cleanup_close_    _cleanup_(close_held)
#define _cleanup_fclose_   _cleanup_(fclose_held)
#define _cleanup_closedir_ _cleanup_(closedir_held)

/* The value, and the variable is left empty. */
#define STEAL_POINTER(pointer)                           \
	({                                               \
		__typeof__(pointer) *from_ = &(pointer); \
		__typeof__(pointer) value_ = *from_;     \
		*from_ = NULL;                           \
		value_;                                  \
	})
#define STEAL_FD(fd)                 \
	({                           \
		int *from_ = &(fd);  \
		int value_ = *from_; \
		*from_ = -1;         \
		value_;              \
	})

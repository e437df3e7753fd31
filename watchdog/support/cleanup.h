/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* base/cleanup.h for what the C library hands out:
 *
 *	_cleanup_free_ char *text = NULL;
 *	_cleanup_close_ int fd = -1;
 *
 * To hand a descriptor on: return STEAL_FD(fd). */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"

/* errno survives: the clean-up runs between a failing call and its caller's look at errno. */
static inline void free_held(void *held)
{
	free(*(void **)held);
}

static inline void close_held(const int *fd)
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

/* The descriptor, and the variable is left empty. */
#define STEAL_FD(fd)                 \
	({                           \
		int *from_ = &(fd);  \
		int value_ = *from_; \
		*from_ = -1;         \
		value_;              \
	})

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What /proc shows of a process only to those who may trace it: of other users' processes, to those
 * with CAP_SYS_PTRACE. See also libraries.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Puts the inode of the network namespace of process `pid` into `*inode`. Returns 0, -ESRCH,
 * -EACCES or another -errno. */
int process_view_namespace(pid_t pid, uint64_t *inode);

/* Opens the network namespace of process `pid`. Returns a file descriptor, -ESTALE if that is not
 * (or no longer) the one with this `inode`, -ESRCH, -EACCES or another -errno. */
int process_view_open_namespace(pid_t pid, uint64_t inode);

/* Calls `visit` with the inode of each socket that `pid` has open, among its first 65536 files.
 * Those of another user's process are seen on Linux 5.14 and newer. Returns 0, -ESRCH, -EACCES or
 * another -errno. */
int process_view_sockets(pid_t pid, void (*visit)(void *userdata, uint32_t inode), void *userdata);

/* Where a task sleeps. */
enum { WAIT_CHANNEL_SIZE = 32 };
struct wait_view {
	int32_t system_call;             /* its number; WAIT_OUTSIDE: in none, as in a page fault;
					    WAIT_UNKNOWN */
	char channel[WAIT_CHANNEL_SIZE]; /* the kernel's function; "": not known */
};
enum { WAIT_OUTSIDE = -1, WAIT_UNKNOWN = -2 };

/* Looks where task `tid` sleeps: /proc/TID/wchan and, of a process of our own user,
 * /proc/TID/syscall, whose number alone is kept (proc(5)). What the caller may not see stays
 * unknown, as do the numbers of a program of another architecture, which mean something else. May
 * wait for a task that is about to execve(2). */
void process_view_wait(pid_t tid, struct wait_view *wait);

enum disk_trouble {
	DISK_WELL,
	DISK_FULL,      /* no room for this process's user, or no more files */
	DISK_READ_ONLY, /* the kernel made it so after an error: nothing else does so while a file
			   is open for writing */
};

enum { MOUNT_POINT_SIZE = 64 };
struct disk_view {
	uint32_t trouble;                   /* enum disk_trouble */
	char mount_point[MOUNT_POINT_SIZE]; /* as the process names it; cut if it is longer */
};

/* Looks at the file systems on which process `pid` has something open for writing, among its first
 * 1024 files: the first that is in trouble goes into `*disk`. One whose mount point we cannot reach
 * is passed over, and all of another user's process where the kernel does not show them (before
 * 5.14). May wait for a file system for ever. */
void process_view_disk(pid_t pid, struct disk_view *disk);

/* Returns true if the caller has CAP_SYS_PTRACE. */
bool process_view_is_open(void);

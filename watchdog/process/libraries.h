/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files in which a process may have libssl and libcrypto, or its C library. The process chooses
 * what stands under these names: only regular files are opened, and none of FUSE, nothing waits for
 * the other end of a FIFO, no device is touched, and its symbolic links lead to no file outside its
 * root directory. */
#pragma once

#include <sys/types.h>

enum { LIBRARIES_MAX = 16 };

/* Open for reading, close-on-exec. To be initialised with {}. */
struct libraries {
	unsigned count;
	int files[LIBRARIES_MAX];
};

void libraries_close(struct libraries *libraries); /* all of them */

/* Each of these adds what it finds and has not yet, and stops when there is no room: finding
 * nothing is no error. */

/* The program itself, which may contain both, as Node.js does. */
void libraries_add_program(struct libraries *libraries, pid_t pid);

enum library { LIBRARY_SSL, LIBRARY_C };

/* What the process may load later: libssl.so.* and libcrypto.so.*, or libc.so.6 of glibc and
 * ld-musl-*.so.1, in the directories of ld.so(8). */
void libraries_add_installed(struct libraries *libraries, pid_t pid, enum library which);

/* Likewise, of processes with the root directory `root` (a descriptor, the caller's). Of each
 * directory, the first 16384 entries count. */
void libraries_add_below(struct libraries *libraries, int root, enum library which);

/* Every executable mapping of a file named libssl* or libcrypto*, or libc.so*, libc-2* and
 * ld-musl-*, in the first 4 MiB of /proc/PID/maps. Following those to a file that was replaced
 * since takes CAP_CHECKPOINT_RESTORE; without, the file that has the name now is added. */
void libraries_add_mapped(struct libraries *libraries, pid_t pid, enum library which);

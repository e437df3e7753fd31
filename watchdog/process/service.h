/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The service connwatch-process: connwatchd may not look at processes of others, which takes
 * CAP_SYS_PTRACE and, with it, would let it write into any of them. The service may, and answers
 * these few questions. Each connection to it is one question.
 *
 * Each function looks by itself where the caller may; those for libraries, waits and disks where
 * the caller has CAP_SYS_PTRACE or there is no service. Otherwise they ask the service, and wait
 * for 1 s at most: -EACCES if there is no service, -EAGAIN if it does not answer. */
#pragma once

#include "process/libraries.h"
#include "process/view.h"

/* As process_view_namespace(), process_view_open_namespace() and process_view_sockets(). */
int process_service_namespace(pid_t pid, uint64_t *inode);
int process_service_open_namespace(pid_t pid, uint64_t inode);
int process_service_sockets(pid_t pid, void (*visit)(void *userdata, uint32_t inode),
			    void *userdata);

enum libraries_which {
	LIBRARIES_INSTALLED, /* libraries_add_program(), then libraries_add_installed() */
	LIBRARIES_MAPPED,    /* libraries_add_program(), then libraries_add_mapped() */
	RESOLVERS_INSTALLED, /* libraries_add_installed(), of the C library */
	RESOLVERS_MAPPED,    /* libraries_add_mapped(), of the C library */
};

/* Fills in `libraries` (empty). Returns 0, -EAGAIN or another -errno. */
int process_service_libraries(pid_t pid, enum libraries_which which, struct libraries *libraries);

/* As process_view_wait() and process_view_disk(). Each returns 0, -EAGAIN or another -errno, and
 * fills in what it was to find in every case. */
int process_service_wait(pid_t tid, struct wait_view *wait);
int process_service_disk(pid_t pid, struct disk_view *disk);

/* Takes one question from `connection` (stays the caller's) in the service, and answers it. Looks
 * for libraries, waits and disks in a child that ends after a second, for a file system of the
 * agent's may never answer: the caller ignores SIGCHLD. Returns 0, also for an answer that refuses;
 * or the -errno that left the question without an answer. */
int process_service_answer(int connection);

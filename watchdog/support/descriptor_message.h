/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages of a fixed size, with descriptors (SCM_RIGHTS, unix(7)), over sockets of the type
 * SOCK_SEQPACKET: the language of connwatchd and the programs that do for it what it may not. */
#pragma once

#include <stddef.h>

enum { MESSAGE_DESCRIPTORS_MAX = 16 };

/* Connects to the service at `path`. Returns a socket on which no message takes longer than 1 s,
 * for systemd may have to start the service first; -EPERM if there is no service; or another
 * -errno. */
int descriptor_message_connect(const char *path);

/* Makes the same limit hold for `connection`, which accept(2) gave. Returns 0 or -errno. */
int descriptor_message_limit(int connection);

/* Sends `size` bytes and copies of `count` descriptors (MESSAGE_DESCRIPTORS_MAX at most; they stay
 * the caller's). Returns 0 or -errno. */
int descriptor_message_send(int connection, const void *content, size_t size,
			    const int *descriptors, unsigned count);

/* Receives a message of exactly `size` bytes and up to `max` descriptors, close-on-exec and the
 * caller's to close. Returns how many there were; -EBADMSG for any other message, of which nothing
 * stays open; -ECONNRESET if none comes any more; -EAGAIN after 1 s, or another -errno. */
int descriptor_message_receive(int connection, void *content, size_t size, int *descriptors,
			       unsigned max);

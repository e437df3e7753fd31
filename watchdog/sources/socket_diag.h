/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TCP sockets of one network namespace by sock_diag(7): a look at all of them, and a last look at
 * each one that the kernel destroys. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "events/socket_look.h"

struct socket_diag;

/* Takes one look. It lives for the call only. */
typedef void (*look_sink)(void *userdata, const struct socket_look *look);

/* Opens the network namespace that the descriptor `namespace` (stays the caller's) refers to.
 * Returns 0 and the source in `*ret`, to be freed with socket_diag_close(); -EPERM for a foreign
 * namespace without CAP_SYS_ADMIN, -EPROTONOSUPPORT for a kernel without sock_diag, or another
 * -errno. */
int socket_diag_open(struct socket_diag **ret, int namespace);
struct socket_diag *socket_diag_close(struct socket_diag *diag); /* returns NULL */
DEFINE_CLEANUP(struct socket_diag *, socket_diag_close);

/* Returns the descriptor that becomes readable when sockets were destroyed. Owned by the source. */
int socket_diag_fd(const struct socket_diag *diag);

/* Hands on a look at every socket: listening ones first, TIME_WAIT included. Returns 0 or -errno
 * (-ENOENT: the kernel has no tcp_diag), possibly after some looks. */
int socket_diag_look(struct socket_diag *diag, look_sink sink, void *userdata);

/* Hands on the last look at each destroyed socket, without waiting. Returns how many there were,
 * -ENOBUFS if some were lost (call again for the rest), or another -errno. */
int socket_diag_drain(struct socket_diag *diag, look_sink sink, void *userdata);

/* Reads one netlink message (its header included) of `size` bytes, aligned as a struct nlmsghdr.
 * Returns 0, -EBADMSG if it is shorter than it says, or -ERANGE for an unknown family or state. */
int socket_diag_parse(const void *message, size_t size, struct socket_look *look);

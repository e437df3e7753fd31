/* TCP sockets by sock_diag(7): how those of one network namespace stand, and a last look at each
 * one that is destroyed. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/socket_look.h"

struct socket_diag;

/* Takes one look. It lives for the call only. */
typedef void (*look_sink)(void *userdata, const struct socket_look *look);

/* For the network namespace that the descriptor `namespace` refers to (it stays the caller's).
 * Returns 0 and the source in `*ret`, to be freed with socket_diag_close(); -EPERM for a foreign
 * namespace without CAP_SYS_ADMIN, -EPROTONOSUPPORT for a kernel without sock_diag, or another
 * -errno. */
int socket_diag_open(struct socket_diag **ret, int namespace);
struct socket_diag *socket_diag_close(struct socket_diag *diag); /* returns NULL */

/* Becomes readable when sockets were destroyed. Owned by the source. */
int socket_diag_fd(const struct socket_diag *diag);

/* Looks at all sockets: those that listen first, those in TIME_WAIT too. Returns 0 or -errno
 * (-ENOENT: the kernel has no tcp_diag); some may have been handed on before. */
int socket_diag_look(struct socket_diag *diag, look_sink sink, void *userdata);

/* Hands on the last look at each socket that was destroyed, without waiting. Returns how many there
 * were, -ENOBUFS if some were lost on the way (call again for the rest), or another -errno. */
int socket_diag_drain(struct socket_diag *diag, look_sink sink, void *userdata);

/* Reads one netlink message (its header included) of `size` bytes, aligned as a struct nlmsghdr.
 * Returns 0, -EBADMSG if it is too short for what it says to be, or -ERANGE for a family or a state
 * outside the list. */
int socket_diag_parse(const void *message, size_t size, struct socket_look *look);

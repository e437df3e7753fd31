/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A lock that one process of a host holds, as long as it lives. */
#pragma once

/* Takes the lock of the file `path`, which is made if need be, for its owner alone: another user
 * who could open it could take the lock. Returns the descriptor that holds the lock, the caller's
 * to close; -EWOULDBLOCK if another process has the lock; or another -errno of open(2) or flock(2).
 */
int instance_lock(const char *path);

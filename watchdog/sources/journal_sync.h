/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Has journald write down what was sent to it, over Varlink: io.systemd.Journal, as `journalctl
 * --sync` does. */
#pragma once

#include "events/event.h"

/* Waits, up to `timeout` microseconds, until journald has written what was sent to it before.
 * Returns 0, -ETIMEDOUT, -ENOENT or -ECONNREFUSED if there is no journald that can be asked,
 * or another -errno. */
int journal_sync(usec_t timeout);

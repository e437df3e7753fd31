/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules: the host ended the connection. */
#pragma once

#include "verdict/evidence.h"

/* The socket was destroyed from outside (SOCK_DESTROY, `ss -K`): operator-abort, or, where the
 * action abort-connection did it, the cause of that action. SILENT for any other ENDED_BY. */
enum ruling rule_aborted(struct deliberation *on);

/* The host slept since the peer was last heard of, and the connection ended soon after it woke up:
 * host-suspend. Never WAIT. */
enum ruling rule_suspended(struct deliberation *on);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The door of the verdict: from the circumstances of an end to ENDED_BY, CAUSE and CONFIDENCE, with
 * the evidence for them and the rivals that were ruled out. stall.h: of open connections. */
#pragma once

#include "record/record.h"
#include "verdict/circumstances.h"

/* A session ended. Overwrites `*verdict` and `*exit`; `exit->known` is false where no exit had part
 * in the end. Returns false if a fact that would change the verdict is still on its way: ask again
 * when it has come, or after VERDICT_WAIT with `given->waited`, which makes it true. */
bool verdict_decide(const struct circumstances *given, struct verdict *verdict,
		    struct exit_facts *exit);

/* The command of `connwatchctl run` exited without a connection. Overwrites `*verdict` (ENDED_BY is
 * unknown: no socket ended) and `*exit`. Reads of `given` only settings, mode, time, agent_stop and
 * `process`, which has exited. */
void verdict_on_exit(const struct circumstances *given, struct verdict *verdict,
		     struct exit_facts *exit);

/* The agent's process is dead, but the kernel keeps its socket open: MPTCP waits for the peer, or
 * another process holds it. The session is over, and how the socket ends will not be observed.
 * Overwrites `*verdict` (ENDED_BY is unknown, at most `likely`) and `*exit`. `given->process` has
 * exited. */
void verdict_orphaned(const struct circumstances *given, struct verdict *verdict,
		      struct exit_facts *exit);

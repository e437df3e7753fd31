/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules: our own side ended the connection, or let the peer close it after a goodbye. */
#pragma once

#include "verdict/evidence.h"

/* The closing task was exiting: the kernel's event of the close has the exit code as well. SILENT
 * where our side did not end it. WAIT as decide_exited() does. */
enum ruling rule_dying(struct deliberation *on);

/* A live process closed the connection or gave up connecting. SILENT where our side did not end it.
 * WAIT for an exit that may follow. */
enum ruling rule_own_side(struct deliberation *on);

/* The peer closed after the agent's DISCONNECT, or after a request to stop the agent. SILENT where
 * there was neither, or another end. WAIT for an exit that may follow. */
enum ruling rule_leaving(struct deliberation *on);

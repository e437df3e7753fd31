/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rule: the agent lived, but had stopped working before its connection ended. */
#pragma once

#include "verdict/evidence.h"

/* agent-hang: a signal has stopped the process for longer than its keep-alive, or a check of the
 * open connection found the agent hanging (stall.h). host-starved: that check found what it lacked.
 * Never WAIT. */
enum ruling rule_hung(struct deliberation *on);

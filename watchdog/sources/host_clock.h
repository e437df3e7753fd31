/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How far the host's clock is to be believed. */
#pragma once

#include "base/vocabulary.h"

/* Returns the state at this moment, from adjtimex(2); CLOCK_UNKNOWN if that call is not allowed. */
enum clock_state host_clock_state(void);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The engine's own deadline, as a source of EVENT_TIME: what is due comes after what has happened
 * by then. */
#pragma once

#include "sources/source.h"

/* Options: the struct engine, borrowed. */
extern const struct source engine_timer_source;

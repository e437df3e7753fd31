/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the operator of many devices does about a cause. */
#pragma once

#include <stdbool.h>

#include "base/vocabulary.h"

/* Returns what to do, in a sentence or two, static; NULL for a number that is no cause. */
const char *fleet_advice(enum cause cause);

/* True for what belongs to normal work: a stop on request, the renewal of a token. */
bool fleet_is_expected(enum cause cause);

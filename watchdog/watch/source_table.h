/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of all sources, for watch_sources_new(). */
#pragma once

#include "watch/sources.h"

extern const struct source_row source_table[];
extern const size_t source_table_length;

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch/source_table.h"

/* A source is a row here and a file in sources/ that defines NAME_source (sources/source.h). Those
 * that wire others together, or belong to the loop, are in this folder. */
#define SOURCES(ROW)                                      \
	ROW(host_sleep, TURN_BEFORE_RECORDS, AT_START)    \
	ROW(host_clock, TURN_BEFORE_RECORDS, AT_START)    \
	ROW(wifi_monitor, TURN_BEFORE_EACH, AT_START)     \
	ROW(route_monitor, TURN_BEFORE_EACH, AT_START)    \
	ROW(watch_observer, TURN_RECORDS, ON_DEMAND)      \
	ROW(engine_timer, TURN_AFTER_RECORDS, ON_DEMAND)  \
	ROW(device_monitor, TURN_AFTER_RECORDS, AT_START) \
	ROW(unit_monitor, TURN_AFTER_RECORDS, ON_DEMAND)  \
	ROW(cgroup_finder, TURN_ALONE, ON_DEMAND)

#define DECLARE(name, turn, opening) extern const struct source name##_source;
#define DEFINE(name, turn, opening)  { &name##_source, turn, opening },

SOURCES(DECLARE)

const struct source_row source_table[] = { SOURCES(DEFINE) };
const size_t source_table_length = sizeof(source_table) / sizeof(source_table[0]);

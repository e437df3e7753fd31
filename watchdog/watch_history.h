/* The journal is our only store: what it holds of an agent's past is handed on as events. Wiring
 * only. */
#pragma once

#include "core/event.h"

/* Reads our own records about agent `name`, of the last day, and hands what the engine needs of
 * them to `sink`, for agent number `agent`, oldest first. Records that another program wrote in our
 * name do not count. Returns the number of events; 0 if we are no unit of systemd's or there is no
 * journal; or -errno. */
int watch_history_read(const char *name, uint32_t agent, event_sink sink, void *userdata);

/* The journal is our only store: what it holds of an agent's past is handed on as events. Wiring
 * only. */
#pragma once

#include "core/event.h"
#include "core/settings.h"

struct past_listener {
	event_sink event;
	void (*ended)(void *userdata, uint64_t cookie);
	void *userdata;
};

/* Reads our own records about the agent of `settings`, of the last day, PAST_RECORDS_MAX at most,
 * and hands what the engine needs of them to `event`, for agent number `agent`, oldest first.
 * Records that another program wrote in our name do not count. Where we are no unit of systemd's or
 * there is no journal, there is no past. Calls `ended` with each connection whose end they tell in
 * this boot. Returns 0 or -errno.
 */
int watch_history_read(const struct agent_settings *settings, uint32_t agent,
		       const struct past_listener *listener);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An agent's past as events, read from the journal, which is our only store. */
#pragma once

#include "events/event.h"
#include "settings/settings.h"

struct past_listener {
	event_sink event;
	/* The journal holds the report on the end of connection `cookie`, in this boot. */
	void (*ended)(void *userdata, uint64_t cookie);
	void *userdata;
};

/* Reads our own records about the agent of `settings`, of the last day, PAST_RECORDS_MAX at most,
 * and hands what the engine needs of them to `event`, for agent number `agent`, oldest first.
 * Records that another program wrote in our name do not count. Where connwatch is no unit of
 * systemd's, or there is no journal, there is no past. Returns 0 or -errno. */
int watch_journal_past_read(const struct agent_settings *settings, uint32_t agent,
			    const struct past_listener *listener);

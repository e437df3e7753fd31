/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An agent's session that was open when the host went down, read from the journal. */
#pragma once

#include "events/event.h"
#include "settings/settings.h"

/* Looks for the newest session of the agent of `settings` in earlier boots. If the journal has no
 * end of it, and nothing of the agent in this boot, hands EVENT_HISTORY_OPEN to `event`, for agent
 * number `agent`, with what is known of the end of that boot. Only our own records count. Where
 * connwatch is no unit of systemd's, or there is no journal, there is no past. Returns 0 or -errno.
 */
int watch_boot_past_read(const struct agent_settings *settings, uint32_t agent, event_sink event,
			 void *userdata);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "events/event.h"

#include "base/names.h"

static const char *const event_type_names[EVENT_TYPE_MAX] = {
	[EVENT_TIME] = "time",
	[EVENT_AGENT] = "agent",
	[EVENT_AGENT_GONE] = "agent-gone",
	[EVENT_UNIT] = "unit",
	[EVENT_OPENED] = "opened",
	[EVENT_FOUND] = "found",
	[EVENT_ESTABLISHED] = "established",
	[EVENT_SPOKEN] = "spoken",
	[EVENT_LOGIN] = "login",
	[EVENT_CERTIFICATE] = "certificate",
	[EVENT_VERIFIED] = "verified",
	[EVENT_CLOSING] = "closing",
	[EVENT_ENDED] = "ended",
	[EVENT_RESET_SENT] = "reset-sent",
	[EVENT_RETRANSMIT] = "retransmit",
	[EVENT_HEALED] = "healed",
	[EVENT_NEVER_OPENED] = "never-opened",
	[EVENT_VANISHED] = "vanished",
	[EVENT_SAMPLED] = "sampled",
	[EVENT_SAMPLE_DONE] = "sample-done",
	[EVENT_COMMAND] = "command",
	[EVENT_STARTED] = "started",
	[EVENT_EXECED] = "execed",
	[EVENT_SIGNALED] = "signaled",
	[EVENT_DUMPING] = "dumping",
	[EVENT_EXITED] = "exited",
	[EVENT_LOOKUP] = "lookup",
	[EVENT_NAMESPACE] = "namespace",
	[EVENT_LINK] = "link",
	[EVENT_ADDRESS] = "address",
	[EVENT_ROUTE] = "route",
	[EVENT_NEIGHBOUR] = "neighbour",
	[EVENT_RADIO] = "radio",
	[EVENT_DEVICE] = "device",
	[EVENT_SUSPENDED] = "suspended",
	[EVENT_CLOCK] = "clock",
	[EVENT_ACTION_RESULT] = "action-result",
	[EVENT_LOST] = "lost",
	[EVENT_HISTORY_SESSION] = "history-session",
	[EVENT_HISTORY_TROUBLE] = "history-trouble",
	[EVENT_HISTORY_ACTION] = "history-action",
	[EVENT_HISTORY_OPEN] = "history-open",
	[EVENT_HISTORY_SPENT] = "history-spent",
	[EVENT_CAUGHT_UP] = "caught-up",
};
DEFINE_NAMES(event_type);

bool event_is_connection(enum event_type type)
{
	return type >= EVENT_OPENED && type <= EVENT_SAMPLED;
}

bool event_is_process(enum event_type type)
{
	return type >= EVENT_COMMAND && type <= EVENT_EXITED;
}

bool event_is_path(enum event_type type)
{
	return type >= EVENT_NAMESPACE && type <= EVENT_DEVICE;
}

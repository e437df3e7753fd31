/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever comes in by rtnetlink: each event is one of the path, with a name that ends, of the
 * namespace that it came from. The target is a part of the monitor, whose parser nobody else sees.
 * Input: messages of netlink, one after the other. */
#include "fuzz.h"

#include "netlink_messages.h"

#include "sources/route_monitor.c" /* NOLINT(bugprone-suspicious-include) */

enum { NETNS = 4026531840U };

static void check(void *userdata, const struct event *event)
{
	(void)userdata;
	MUST(event->type == EVENT_LINK || event->type == EVENT_ADDRESS ||
	     event->type == EVENT_ROUTE || event->type == EVENT_NEIGHBOUR);
	MUST(event->path.netns == NETNS);
	MUST(memchr(event->path.interface_name, '\0', sizeof(event->path.interface_name)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct route_monitor monitor = { .sink = check };
	struct watched_namespace in = { .monitor = &monitor, .netns = NETNS };
	struct nl_msg *message;

	while ((message = next_message(&data, &size))) {
		nlmsg_set_proto(message, NETLINK_ROUTE);
		on_message(message, &in);
		MUST(in.failed_count <= FAILED_MAX);
		nlmsg_free(message);
	}
	return 0;
}

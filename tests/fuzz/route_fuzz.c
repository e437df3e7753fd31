/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever comes in by rtnetlink: each event is one of the path, with a name that ends, of the
 * namespace that it came from. The target is a part of the monitor, whose parser nobody else sees.
 * Input: messages of netlink, one after the other. */
#include "fuzz.h"

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

	while (size >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr header;
		struct nl_msg *message;

		/* libnl reads no message whose length is not that of what was received */
		memcpy(&header, data, sizeof(header));
		if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > size)
			header.nlmsg_len = (uint32_t)size;
		message = nlmsg_alloc_size(header.nlmsg_len);
		MUST(message);
		memcpy(nlmsg_hdr(message), data, header.nlmsg_len);
		nlmsg_hdr(message)->nlmsg_len = header.nlmsg_len;
		nlmsg_set_proto(message, NETLINK_ROUTE);
		on_message(message, &in);
		MUST(in.failed_count <= FAILED_MAX);
		nlmsg_free(message);
		data += header.nlmsg_len;
		size -= header.nlmsg_len;
	}
	return 0;
}

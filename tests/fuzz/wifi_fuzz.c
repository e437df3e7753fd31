/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever comes in by generic netlink: each event is one of a radio, of an interface of our
 * namespace. The target is a part of the monitor, whose parser nobody else sees. Input: messages of
 * netlink, one after the other; the type of nl80211's is NL80211. */
#include "fuzz.h"

#include "netlink_messages.h"

#include "sources/wifi_monitor.c" /* NOLINT(bugprone-suspicious-include) */

enum { NETNS = 4026531840U, NL80211 = 0x1c };

static void check(void *userdata, const struct event *event)
{
	(void)userdata;
	MUST(event->type == EVENT_RADIO);
	MUST(event->path.netns == NETNS);
	MUST(event->path.interface != 0);
	MUST(event->path.radio < RADIO_MAX);
	MUST(event->path.up == (event->path.radio == RADIO_UP || event->path.radio == RADIO_NONE));
	MUST(event->path.initial == (event->path.radio == RADIO_NONE));
	MUST(event->path.signal <= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wifi_monitor monitor = { .sink = check, .netns = NETNS, .family = NL80211 };
	struct nl_msg *message;

	monitor.socket = nl_socket_alloc(); /* not connected: nothing is sent */
	MUST(monitor.socket);
	while ((message = next_message(&data, &size))) {
		on_message(message, &monitor);
		MUST(monitor.next < INTERFACES_MAX);
		nlmsg_free(message);
	}
	nl_socket_free(monitor.socket);
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/route_monitor_expiry.h"

#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The kernel counts in jiffies and tells in ticks of 10 ms. */
#define TICKS (20 * USEC_PER_MSEC)

/* Between two looks, also where routes expire all the time. */
#define LOOK_PAUSE (100 * USEC_PER_MSEC)

/* Between two looks at what has expired, while nothing else wakes us: at first and at most. */
#define LINGER_PAUSE      USEC_PER_SEC
#define LINGER_PAUSE_MOST (16 * USEC_PER_SEC)

void route_expiry_forget(struct route_expiry *expiry, usec_t now)
{
	*expiry = (struct route_expiry){
		.looked = now,
		.before = now,
		.next = USEC_INFINITY,
		.pause = LINGER_PAUSE,
	};
}

struct route_end route_end_of(const struct nlmsghdr *header)
{
	const struct nlattr *attribute =
		nlmsg_find_attr((struct nlmsghdr *)header, sizeof(struct rtmsg), RTA_CACHEINFO);
	struct rta_cacheinfo info = { 0 };
	long long ticks, in_second = sysconf(_SC_CLK_TCK);

	if (!attribute || (size_t)nla_len(attribute) < sizeof(info) || in_second <= 0)
		return (struct route_end){ 0 };
	memcpy(&info, nla_data(attribute), sizeof(info));
	ticks = info.rta_expires;
	return (struct route_end){
		.expired = ticks < 0,
		.span = (usec_t)(llabs(ticks) * (long long)USEC_PER_SEC / in_second),
	};
}

void route_expiry_take(struct route_expiry *expiry, const struct route_end *end, usec_t now)
{
	if (end->expired)
		expiry->lingers = true;
	else if (end->span && now + end->span + TICKS < expiry->next)
		expiry->next = now + end->span + TICKS;
}

usec_t route_expiry_deadline(const struct route_expiry *expiry)
{
	usec_t deadline = expiry->next;

	if (expiry->looking)
		return USEC_INFINITY;
	if (expiry->lingers && expiry->looked + expiry->pause < deadline)
		deadline = expiry->looked + expiry->pause;
	return usec_later(deadline, expiry->looked + LOOK_PAUSE);
}

/* Whatever woke us may be about to have a verdict: what lingers is looked at more often then. */
bool route_expiry_is_due(const struct route_expiry *expiry, usec_t now)
{
	return !expiry->looking && now >= expiry->looked + LOOK_PAUSE &&
	       (now >= expiry->next || expiry->lingers);
}

void route_expiry_begin(struct route_expiry *expiry, usec_t now)
{
	expiry->looking = true;
	expiry->lingers = false;
	expiry->before = expiry->looked;
	expiry->looked = now;
	expiry->next = USEC_INFINITY;
}

void route_expiry_complete(struct route_expiry *expiry)
{
	expiry->looking = false;
	if (!expiry->lingers)
		expiry->pause = LINGER_PAUSE;
	else if (expiry->pause < LINGER_PAUSE_MOST)
		expiry->pause *= 2;
}

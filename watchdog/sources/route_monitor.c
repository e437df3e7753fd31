/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/route_monitor.h"

#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/route.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "namespace/service.h"
#include "sources/route_monitor_expiry.h"
#include "support/cleanup.h"
#include "support/clock.h"

enum {
	RECEIVE_BUFFER = 1 << 20, /* a burst of some thousand changes */
	READS_MAX = 64,           /* of one namespace before it is the next one's turn */
	READY_MAX = 16,
	FAILED_MAX = 64, /* neighbours; more are not told */
};

/* How much later than a route the watchdog may notice that it has expired. */
#define ACCURACY (10 * USEC_PER_MSEC)

struct neighbour {
	uint32_t interface;
	struct endpoint address;
};

struct watched_namespace {
	struct route_monitor *monitor;
	LIST_ENTRY(watched_namespace) others;
	uint64_t netns;
	struct nl_sock *socket;
	unsigned listed; /* how many of `listings` are complete */
	bool list_again; /* a change was missed */
	struct route_expiry expiry;
	unsigned failed_count;
	struct neighbour failed[FAILED_MAX];
};

struct route_monitor {
	int epoll;
	event_sink sink;
	void *userdata;
	usec_t told_until;
	LIST_HEAD(, watched_namespace) namespaces;
};

/* The order of listing: links first, as everything else refers to them. */
static const int listings[] = { RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE, RTM_GETRULE, RTM_GETNEIGH };
enum { LISTINGS = sizeof(listings) / sizeof(listings[0]) };

/* Returns the -errno for an error of libnl, which does not tell more than this. */
static int errno_of(int nl_error)
{
	switch (-nl_error) {
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	default:
		return -EIO;
	}
}

/* ---- telling */

static void tell(struct watched_namespace *in, enum event_type type, const struct path_event *path)
{
	struct event event = {
		.type = type,
		.time = clock_now(CLOCK_MONOTONIC),
		.path = *path,
	};

	event.path.netns = in->netns;
	event.path.within = usec_later(path->within, event.time - in->monitor->told_until);
	in->monitor->sink(in->monitor->userdata, &event);
}

static void tell_namespace(struct watched_namespace *in, bool known)
{
	tell(in, EVENT_NAMESPACE, &(struct path_event){ .up = known });
}

/* ---- one message about one thing */

struct message {
	struct watched_namespace *in;
	int type;
	uint16_t flags;       /* NLM_F_... */
	struct route_end end; /* of a route */
};

static bool is_listed(const struct message *message)
{
	return message->flags & NLM_F_MULTI && !message->in->expiry.looking;
}

static struct endpoint endpoint_of(const struct nl_addr *address)
{
	struct endpoint endpoint = { 0 };

	if (!address)
		return endpoint;
	endpoint.family = (uint8_t)nl_addr_get_family(address);
	if (nl_addr_get_len(address) <= sizeof(endpoint.address))
		memcpy(endpoint.address, nl_addr_get_binary_addr(address),
		       nl_addr_get_len(address));
	return endpoint;
}

static void take_link(struct nl_object *object, void *userdata)
{
	const struct message *message = userdata;
	struct rtnl_link *link = (struct rtnl_link *)object;
	unsigned flags = rtnl_link_get_flags(link);
	bool removed = message->type == RTM_DELLINK;
	struct path_event path = {
		.interface = (uint32_t)rtnl_link_get_ifindex(link),
		.up = !removed && (flags & IFF_UP) && (flags & IFF_RUNNING),
		.initial = is_listed(message),
		.disabled = removed || !(flags & IFF_UP),
		.removed = removed,
	};

	snprintf(path.interface_name, sizeof(path.interface_name), "%s",
		 rtnl_link_get_name(link) ?: "");
	tell(message->in, EVENT_LINK, &path);
}

static void take_address(struct nl_object *object, void *userdata)
{
	const struct message *message = userdata;
	struct rtnl_addr *address = (struct rtnl_addr *)object;

	tell(message->in, EVENT_ADDRESS,
	     &(struct path_event){
		     .interface = (uint32_t)rtnl_addr_get_ifindex(address),
		     .up = message->type == RTM_NEWADDR &&
			   !(rtnl_addr_get_flags(address) & IFA_F_DADFAILED),
		     .initial = is_listed(message),
		     .address = endpoint_of(rtnl_addr_get_local(address)),
		     .prefix_length = (uint8_t)rtnl_addr_get_prefixlen(address),
	     });
}

static bool refuses(struct rtnl_route *route)
{
	switch (rtnl_route_get_type(route)) {
	case RTN_UNREACHABLE:
	case RTN_BLACKHOLE:
	case RTN_PROHIBIT:
	case RTN_THROW:
		return true;
	default:
		return false;
	}
}

static bool is_of_interest(struct rtnl_route *route)
{
	return rtnl_route_get_table(route) != RT_TABLE_LOCAL && rtnl_route_get_tos(route) == 0 &&
	       !(rtnl_route_get_flags(route) & RTM_F_CLONED) &&
	       (rtnl_route_get_type(route) == RTN_UNICAST || refuses(route));
}

static void tell_next_hop(const struct message *message, struct path_event *path,
			  struct rtnl_nexthop *hop)
{
	path->interface = (uint32_t)rtnl_route_nh_get_ifindex(hop);
	path->gateway = endpoint_of(rtnl_route_nh_get_gateway(hop) ?: rtnl_route_nh_get_via(hop));
	tell(message->in, EVENT_ROUTE, path);
	path->replaces = false; /* the next hop comes in addition to this one */
}

/* What comes and goes without a message: what the kernel or an advertisement made. */
static bool is_news(const struct message *message, struct rtnl_route *route)
{
	switch (rtnl_route_get_protocol(route)) {
	case RTPROT_KERNEL:
	case RTPROT_RA:
		return true;
	default:
		return !message->in->expiry.looking || message->end.span;
	}
}

/* A change that only a look shows is as old as the look before, and an end as old as it says. */
static usec_t age_of_news(const struct message *message)
{
	const struct route_expiry *expiry = &message->in->expiry;

	if (message->end.expired)
		return message->end.span;
	return expiry->looking ? expiry->looked - expiry->before : 0;
}

static void take_route(struct nl_object *object, void *userdata)
{
	const struct message *message = userdata;
	struct rtnl_route *route = (struct rtnl_route *)object;
	struct nl_addr *destination = rtnl_route_get_dst(route);
	struct nl_addr *only_from = rtnl_route_get_src(route);
	int hops = rtnl_route_get_nnexthops(route);
	struct path_event path = {
		.up = message->type == RTM_NEWROUTE && !message->end.expired,
		.within = age_of_news(message),
		.initial = is_listed(message),
		.refuses = refuses(route),
		.partial = only_from || hops > 1,
		.replaces = !only_from && message->flags & NLM_F_REPLACE,
		.address = endpoint_of(destination),
		.source = endpoint_of(only_from ?: rtnl_route_get_pref_src(route)),
		.prefix_length = (uint8_t)nl_addr_get_prefixlen(destination),
		.table = rtnl_route_get_table(route),
		.metric = rtnl_route_get_priority(route),
		.expires_in = message->end.expired ? 0 : message->end.span,
	};

	if (!is_of_interest(route) || !is_news(message, route))
		return;
	route_expiry_take(&message->in->expiry, &message->end, clock_now(CLOCK_MONOTONIC));
	if (path.refuses)
		tell(message->in, EVENT_ROUTE, &path);
	for (int i = 0; i < hops && !path.refuses; i++)
		tell_next_hop(message, &path, rtnl_route_nexthop_n(route, i));
}

/* The kernel's own: for the tables local, main and default (fib4_rules_init() and others). */
static bool is_own_rule(const struct fib_rule_hdr *rule, uint32_t priority)
{
	return rule->action == FR_ACT_TO_TBL && !rule->dst_len &&
	       (priority == 0 || priority == 32766 || priority == 32767);
}

/* What every rule has, and says nothing about the packets that it is for. */
static bool is_plain(const struct nlattr *attribute)
{
	switch (nla_type(attribute)) {
	case FRA_DST:
	case FRA_PRIORITY:
	case FRA_TABLE:
	case FRA_PROTOCOL:
	case FRA_PAD:
		return true;
	case FRA_SUPPRESS_PREFIXLEN:
		return nla_get_u32(attribute) == UINT32_MAX; /* suppresses nothing */
	default:
		return false;
	}
}

static bool is_for_some_packets(const struct nlmsghdr *header)
{
	const struct fib_rule_hdr *rule = nlmsg_data(header);
	const struct nlattr *attribute;
	int rest;

	nlmsg_for_each_attr(attribute, header, sizeof(*rule),
			    rest) if (!is_plain(attribute)) return true;
	return rule->src_len || rule->tos || rule->flags & FIB_RULE_INVERT;
}

/* NULL if the rule has none of that type. */
static const struct nlattr *rule_attribute(const struct nlmsghdr *header, int type)
{
	const int size = sizeof(struct fib_rule_hdr);

	return nla_find(nlmsg_attrdata(header, size), nlmsg_attrlen(header, size), type);
}

static struct endpoint rule_destination(const struct nlmsghdr *header)
{
	const struct fib_rule_hdr *rule = nlmsg_data(header);
	const struct nlattr *destination = rule_attribute(header, FRA_DST);
	struct endpoint endpoint = { .family = rule->family };

	if (destination && (size_t)nla_len(destination) <= sizeof(endpoint.address))
		memcpy(endpoint.address, nla_data(destination), (size_t)nla_len(destination));
	return endpoint;
}

static void take_rule(const struct message *message, const struct nlmsghdr *header)
{
	const struct fib_rule_hdr *rule = nlmsg_data(header);
	const struct nlattr *attribute;
	struct path_event path = {
		.up = message->type == RTM_NEWRULE,
		.initial = is_listed(message),
		.rule = true,
		.refuses = rule->action == FR_ACT_BLACKHOLE || rule->action == FR_ACT_UNREACHABLE ||
			   rule->action == FR_ACT_PROHIBIT,
		.partial = is_for_some_packets(header),
		.address = rule_destination(header),
		.prefix_length = rule->dst_len,
	};

	attribute = rule_attribute(header, FRA_PRIORITY);
	path.metric = attribute ? nla_get_u32(attribute) : 0;
	attribute = rule_attribute(header, FRA_TABLE);
	path.table = attribute ? nla_get_u32(attribute) : rule->table;
	if (!is_own_rule(rule, path.metric))
		tell(message->in, EVENT_ROUTE, &path);
}

static bool is_same(const struct neighbour *a, const struct neighbour *b)
{
	return a->interface == b->interface && a->address.family == b->address.family &&
	       memcmp(a->address.address, b->address.address, sizeof(a->address.address)) == 0;
}

static struct neighbour *find_failed(struct watched_namespace *in,
				     const struct neighbour *neighbour)
{
	for (unsigned i = 0; i < in->failed_count; i++)
		if (is_same(&in->failed[i], neighbour))
			return &in->failed[i];
	return NULL;
}

/* Only failure and its end are events: neighbours change between other states all the time. */
static void take_neighbour(struct nl_object *object, void *userdata)
{
	const struct message *message = userdata;
	struct watched_namespace *in = message->in;
	struct rtnl_neigh *entry = (struct rtnl_neigh *)object;
	int state = message->type == RTM_DELNEIGH ? NUD_NONE : rtnl_neigh_get_state(entry);
	struct neighbour neighbour = {
		.interface = (uint32_t)rtnl_neigh_get_ifindex(entry),
		.address = endpoint_of(rtnl_neigh_get_dst(entry)),
	};
	struct neighbour *failed = find_failed(in, &neighbour);
	bool fails = state & NUD_FAILED;

	/* between two attempts it is NUD_INCOMPLETE */
	if (fails == (failed != NULL) || state & NUD_INCOMPLETE)
		return;
	if (failed)
		*failed = in->failed[--in->failed_count];
	else if (in->failed_count < FAILED_MAX)
		in->failed[in->failed_count++] = neighbour;
	else
		return;
	tell(in, EVENT_NEIGHBOUR,
	     &(struct path_event){
		     .interface = neighbour.interface,
		     .up = !fails,
		     .initial = is_listed(message),
		     .address = neighbour.address,
	     });
}

/* Messages about links in AF_BRIDGE tell of their place in a bridge: only those in AF_UNSPEC count.
 */
static bool family_fits(const struct nlmsghdr *header, bool is_link)
{
	const struct rtgenmsg *content = nlmsg_data(header);

	if (!nlmsg_valid_hdr(header, sizeof(*content)))
		return false;
	if (is_link)
		return content->rtgen_family == AF_UNSPEC;
	return content->rtgen_family == AF_INET || content->rtgen_family == AF_INET6;
}

/* Returns true if each gateway of another family names its family: libnl takes the length of the
 * rest without looking whether there is one. */
static bool gateways_are_whole(const struct nlattr *attributes, size_t size)
{
	const struct nlattr *attribute;
	int left;

	nla_for_each_attr(attribute, attributes, (int)size,
			  left) if (nla_type(attribute) == RTA_VIA &&
				    (size_t)nla_len(attribute) < sizeof(struct rtvia)) return false;
	return true;
}

/* Returns true if the next hops fill `left` bytes exactly, as the kernel's do (RTNH_NEXT): libnl
 * takes one of length 0 without end, and reads on behind one that is not aligned. */
static bool are_whole(const char *hops, size_t left)
{
	while (left > 0) {
		struct rtnexthop hop;
		size_t size;

		if (left < sizeof(hop))
			return false;
		memcpy(&hop, hops, sizeof(hop));
		size = (size_t)RTNH_ALIGN(hop.rtnh_len);
		if (hop.rtnh_len < sizeof(hop) || size > left ||
		    !gateways_are_whole((const struct nlattr *)(hops + sizeof(hop)),
					hop.rtnh_len - sizeof(hop)))
			return false;
		hops += size;
		left -= size;
	}
	return true;
}

static bool route_is_whole(struct nlmsghdr *header)
{
	struct nlattr *attribute;
	int left;

	if (!nlmsg_valid_hdr(header, sizeof(struct rtmsg)) ||
	    !gateways_are_whole(nlmsg_attrdata(header, sizeof(struct rtmsg)),
				(size_t)nlmsg_attrlen(header, sizeof(struct rtmsg))))
		return false;
	nlmsg_for_each_attr(
		attribute, header, sizeof(struct rtmsg),
		left) if (nla_type(attribute) == RTA_MULTIPATH &&
			  !are_whole(nla_data(attribute), (size_t)nla_len(attribute))) return false;
	return true;
}

/* Whoever is root in the network namespace may send us messages, also to our groups: what does not
 * come from the kernel, which has no port, is passed over. */
static int on_any(struct nl_msg *msg, void *userdata)
{
	(void)userdata;
	return nlmsg_get_src(msg)->nl_pid == 0 ? NL_OK : NL_SKIP;
}

static int on_message(struct nl_msg *msg, void *userdata)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	struct message message = {
		.in = userdata,
		.type = header->nlmsg_type,
		.flags = header->nlmsg_flags,
	};
	void (*take)(struct nl_object *, void *) = NULL;

	switch (header->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		take = take_link;
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		take = take_address;
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		take = take_route;
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		take = take_neighbour;
		break;
	}
	if (header->nlmsg_type == RTM_NEWROUTE && nlmsg_valid_hdr(header, sizeof(struct rtmsg)))
		message.end = route_end_of(header);
	if (take && family_fits(header, take == take_link) &&
	    (take != take_route || route_is_whole(header)))
		nl_msg_parse(msg, take, &message);
	if ((header->nlmsg_type == RTM_NEWRULE || header->nlmsg_type == RTM_DELRULE) &&
	    nlmsg_valid_hdr(header, sizeof(struct fib_rule_hdr)) && family_fits(header, false))
		take_rule(&message, header);
	return NL_OK;
}

/* ---- listing */

/* Asks for the next listing: a netlink socket gives one at a time. */
static int list_next(struct watched_namespace *in)
{
	int r = nl_rtgen_request(in->socket, listings[in->listed], AF_UNSPEC, NLM_F_DUMP);

	return r < 0 ? errno_of(r) : 0;
}

static int begin_listing(struct watched_namespace *in)
{
	in->list_again = false;
	in->listed = 0;
	in->failed_count = 0;
	route_expiry_forget(&in->expiry, clock_now(CLOCK_MONOTONIC));
	tell_namespace(in, false);
	return list_next(in);
}

static int on_listed(struct nl_msg *msg, void *userdata)
{
	struct watched_namespace *in = userdata;

	(void)msg;
	if (in->expiry.looking) {
		route_expiry_complete(&in->expiry);
		return NL_OK;
	}
	in->listed++;
	if (in->listed == LISTINGS && !in->list_again)
		tell_namespace(in, true);
	if (in->listed < LISTINGS && list_next(in) < 0) {
		in->listed = LISTINGS;
		in->list_again = true;
	}
	return NL_OK;
}

static void missed_something(struct watched_namespace *in)
{
	if (!in->list_again)
		tell_namespace(in, false);
	in->list_again = true;
}

static bool is_idle(const struct watched_namespace *in)
{
	return in->listed == LISTINGS && !in->expiry.looking;
}

/* Reads until there is nothing left or READS_MAX is reached. Returns 1 if nothing is left, 0 if
 * something may be, or -errno. */
static int drain(struct watched_namespace *in)
{
	int r = 0;

	for (unsigned i = 0; i < READS_MAX && r != -NLE_AGAIN; i++) {
		r = nl_recvmsgs_default(in->socket);
		/* libnl reports ENOBUFS, an overrun of the socket, as NLE_NOMEM */
		if (r == -NLE_NOMEM || r == -NLE_DUMP_INTR)
			missed_something(in);
		else if (r < 0 && r != -NLE_AGAIN)
			return errno_of(r);
	}
	if (r != -NLE_AGAIN)
		return 0;
	r = in->list_again && is_idle(in) ? begin_listing(in) : 0;
	return r < 0 ? r : 1;
}

/* Lists the IPv6 routes if one of them should have expired by now. Returns as drain(). */
static int look_at_expired(struct watched_namespace *in)
{
	usec_t now = clock_now(CLOCK_MONOTONIC);
	int r;

	if (!is_idle(in) || in->list_again || !route_expiry_is_due(&in->expiry, now))
		return 1;
	route_expiry_begin(&in->expiry, now);
	r = nl_rtgen_request(in->socket, RTM_GETROUTE, AF_INET6, NLM_F_DUMP);
	return r < 0 ? errno_of(r) : drain(in);
}

/* ---- one namespace */

static int connect_socket(struct nl_sock *socket, int namespace)
{
	const struct sockaddr_nl anywhere = { .nl_family = AF_NETLINK };
	_cleanup_close_ int netlink = namespace_service_open(namespace, NETLINK_ROUTE);
	int r;

	if (netlink < 0)
		return netlink;
	if (bind(netlink, (const void *)&anywhere, sizeof(anywhere)) < 0)
		return -errno;
	r = nl_socket_set_fd(socket, NETLINK_ROUTE, netlink);
	if (r < 0)
		return errno_of(r);
	netlink = -1; /* the socket's now */
	return 0;
}

/* Subscribes before anything is listed, so that no change is missed between the two. */
static int open_socket(struct watched_namespace *in, int fd)
{
	int size = RECEIVE_BUFFER, r;

	in->socket = nl_socket_alloc();
	if (!in->socket)
		return -ENOMEM;
	nl_socket_disable_seq_check(in->socket);
	nl_socket_disable_auto_ack(in->socket);
	nl_socket_modify_cb(in->socket, NL_CB_MSG_IN, NL_CB_CUSTOM, on_any, NULL);
	nl_socket_modify_cb(in->socket, NL_CB_VALID, NL_CB_CUSTOM, on_message, in);
	nl_socket_modify_cb(in->socket, NL_CB_FINISH, NL_CB_CUSTOM, on_listed, in);
	r = connect_socket(in->socket, fd);
	if (r < 0)
		return r;
	/* without CAP_NET_ADMIN the size stays as it is */
	setsockopt(nl_socket_get_fd(in->socket), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	r = nl_socket_set_nonblocking(in->socket);
	if (r >= 0)
		r = nl_socket_add_memberships(in->socket, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
					      RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
					      RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE,
					      RTNLGRP_IPV6_RULE, RTNLGRP_NEIGH, RTNLGRP_NONE);
	return r < 0 ? errno_of(r) : 0;
}

static void forget(struct watched_namespace *in)
{
	/* closing is not enough (epoll(7)): the process that opened the socket for us may still
	 * have it */
	if (in->socket)
		epoll_ctl(in->monitor->epoll, EPOLL_CTL_DEL, nl_socket_get_fd(in->socket), NULL);
	nl_socket_free(in->socket);
	free(in);
}
DEFINE_CLEANUP(struct watched_namespace *, forget);

static struct watched_namespace *find(const struct route_monitor *monitor, uint64_t netns)
{
	struct watched_namespace *in;

	LIST_FOREACH(in, &monitor->namespaces, others)
	if (in->netns == netns)
		return in;
	return NULL;
}

static void stop(struct watched_namespace *in)
{
	tell_namespace(in, false);
	LIST_REMOVE(in, others);
	forget(in);
}

/* ---- from outside */

int route_monitor_open(struct route_monitor **ret, event_sink sink, void *userdata)
{
	_cleanup_free_ struct route_monitor *monitor = calloc(1, sizeof(*monitor));

	if (!monitor)
		return -ENOMEM;
	monitor->sink = sink;
	monitor->userdata = userdata;
	monitor->told_until = clock_now(CLOCK_MONOTONIC);
	monitor->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (monitor->epoll < 0)
		return -errno;
	*ret = STEAL_POINTER(monitor);
	return 0;
}

struct route_monitor *route_monitor_close(struct route_monitor *monitor)
{
	struct watched_namespace *in;

	if (!monitor)
		return NULL;
	while ((in = LIST_FIRST(&monitor->namespaces))) {
		LIST_REMOVE(in, others);
		forget(in);
	}
	close(monitor->epoll);
	free(monitor);
	return NULL;
}

int route_monitor_fd(const struct route_monitor *monitor)
{
	return monitor->epoll;
}

/* Returns false if `step` left something to read, and keeps its first error in `*result`. */
static bool take_step(struct watched_namespace *in, int (*step)(struct watched_namespace *in),
		      int *result)
{
	int r = step(in);

	if (r < 0) {
		stop(in);
		*result = *result ?: r;
	}
	return r != 0;
}

int route_monitor_drain(struct route_monitor *monitor)
{
	struct epoll_event ready[READY_MAX];
	struct watched_namespace *in, *next;
	usec_t now = clock_now(CLOCK_MONOTONIC);
	int count = epoll_wait(monitor->epoll, ready, READY_MAX, 0);
	bool all = count < READY_MAX;
	int result = 0;

	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < count; i++)
		all &= take_step(ready[i].data.ptr, drain, &result);
	for (in = LIST_FIRST(&monitor->namespaces); in; in = next) {
		next = LIST_NEXT(in, others);
		all &= take_step(in, look_at_expired, &result);
	}
	if (all)
		monitor->told_until = now;
	return result;
}

usec_t route_monitor_deadline(const struct route_monitor *monitor)
{
	const struct watched_namespace *in;
	usec_t deadline = USEC_INFINITY;

	LIST_FOREACH(in, &monitor->namespaces, others)
	{
		usec_t of_this = route_expiry_deadline(&in->expiry);

		if (is_idle(in) && of_this < deadline)
			deadline = of_this;
	}
	return deadline;
}

usec_t route_monitor_told_until(const struct route_monitor *monitor)
{
	return monitor->told_until;
}

int route_monitor_add(struct route_monitor *monitor, int fd)
{
	_cleanup_(forget_held) struct watched_namespace *in = NULL;
	struct epoll_event wanted = { .events = EPOLLIN };
	struct stat status;
	int r;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (find(monitor, status.st_ino))
		return 0;
	in = calloc(1, sizeof(*in));
	if (!in)
		return -ENOMEM;
	in->monitor = monitor;
	in->netns = status.st_ino;
	r = open_socket(in, fd);
	if (r < 0)
		return r;
	wanted.data.ptr = in;
	if (epoll_ctl(monitor->epoll, EPOLL_CTL_ADD, nl_socket_get_fd(in->socket), &wanted) < 0)
		return -errno;
	r = begin_listing(in);
	if (r < 0)
		return r;
	LIST_INSERT_HEAD(&monitor->namespaces, in, others);
	STEAL_POINTER(in);
	return 0;
}

bool route_monitor_knows(const struct route_monitor *monitor, uint64_t netns)
{
	return find(monitor, netns);
}

void route_monitor_remove(struct route_monitor *monitor, uint64_t netns)
{
	struct watched_namespace *in = find(monitor, netns);

	if (in)
		stop(in);
}

/* ---- as a source of the loop */

static int open_with_own(struct route_monitor **ret, const struct source_listener *listener)
{
	_cleanup_close_ int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	_cleanup_(route_monitor_close_held) struct route_monitor *monitor = NULL;
	int r = own < 0 ? -errno
			: route_monitor_open(&monitor, listener->event, listener->userdata);

	if (r >= 0)
		r = route_monitor_add(monitor, own);
	if (r >= 0)
		*ret = STEAL_POINTER(monitor);
	return r;
}

static int open_source(void **ret, const struct source_listener *listener, const void *options)
{
	struct route_monitor *monitor = NULL;
	int r = open_with_own(&monitor, listener);

	(void)options;
	if (r < 0)
		listener->notice(listener->userdata, "cannot follow links and routes", r);
	*ret = monitor;
	return r;
}

static int descriptor(const void *source)
{
	return route_monitor_fd(source);
}

static void await(const void *source, struct source_wait *wait)
{
	wait->deadline = route_monitor_deadline(source);
	wait->accuracy = ACCURACY;
}

/* The failure of one namespace is told as an EVENT_NAMESPACE, and does not concern the loop. */
static int take(void *source)
{
	route_monitor_drain(source);
	return 0;
}

static usec_t told_until(const void *source)
{
	return route_monitor_told_until(source);
}

static void close_source(void *source)
{
	route_monitor_close(source);
}

const struct source route_monitor_source = {
	.name = "rtnetlink",
	.open = open_source,
	.descriptor = descriptor,
	.wait = await,
	.take = take,
	.told_until = told_until,
	.close = close_source,
};

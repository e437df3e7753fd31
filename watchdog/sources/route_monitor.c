#include "sources/route_monitor.h"

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

#include "support/cleanup.h"
#include "support/clock.h"
#include "support/namespace_service.h"

enum {
	RECEIVE_BUFFER = 1 << 20, /* a burst of some thousand changes */
	READS_MAX = 64,           /* of one namespace, before it is another's turn */
	READY_MAX = 16,
	FAILED_MAX = 64, /* neighbours; the failure of more is not told */
};

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
	bool list_again; /* something was missed */
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

/* Links first: everything else refers to them. */
static const int listings[] = { RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE, RTM_GETNEIGH };
enum { LISTINGS = sizeof(listings) / sizeof(listings[0]) };

/* libnl's own error numbers do not tell more than this. */
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
	event.path.within = event.time - in->monitor->told_until;
	in->monitor->sink(in->monitor->userdata, &event);
}

static void tell_namespace(struct watched_namespace *in, bool known)
{
	tell(in, EVENT_NAMESPACE, &(struct path_event){ .up = known });
}

/* ---- one message: what the kernel says of one thing */

struct message {
	struct watched_namespace *in;
	int type;
	uint16_t flags; /* NLM_F_... */
};

static bool is_listed(const struct message *message)
{
	return message->flags & NLM_F_MULTI;
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
	path->replaces = false; /* the next hop does not replace this one */
}

static void take_route(struct nl_object *object, void *userdata)
{
	const struct message *message = userdata;
	struct rtnl_route *route = (struct rtnl_route *)object;
	struct nl_addr *destination = rtnl_route_get_dst(route);
	struct nl_addr *only_from = rtnl_route_get_src(route);
	int hops = rtnl_route_get_nnexthops(route);
	struct path_event path = {
		.up = message->type == RTM_NEWROUTE,
		.initial = is_listed(message),
		.refuses = refuses(route),
		.partial = only_from || hops > 1,
		.replaces = !only_from && message->flags & NLM_F_REPLACE,
		.address = endpoint_of(destination),
		.source = endpoint_of(only_from ?: rtnl_route_get_pref_src(route)),
		.prefix_length = (uint8_t)nl_addr_get_prefixlen(destination),
		.table = rtnl_route_get_table(route),
		.metric = rtnl_route_get_priority(route),
	};

	if (!is_of_interest(route))
		return;
	if (path.refuses)
		tell(message->in, EVENT_ROUTE, &path);
	for (int i = 0; i < hops && !path.refuses; i++)
		tell_next_hop(message, &path, rtnl_route_nexthop_n(route, i));
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

/* Neighbours change their state all the time; that one fails, or no longer does, is the news. */
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
	if (fails && in->failed_count == FAILED_MAX)
		return;
	if (fails)
		in->failed[in->failed_count++] = neighbour;
	else
		*failed = in->failed[--in->failed_count];
	tell(in, EVENT_NEIGHBOUR,
	     &(struct path_event){
		     .interface = neighbour.interface,
		     .up = !fails,
		     .initial = is_listed(message),
		     .address = neighbour.address,
	     });
}

/* Of links only the device's own messages: those of AF_BRIDGE tell of its place in a bridge. */
static bool family_fits(const struct nlmsghdr *header, bool is_link)
{
	const struct rtgenmsg *content = nlmsg_data(header);

	if (!nlmsg_valid_hdr(header, sizeof(*content)))
		return false;
	if (is_link)
		return content->rtgen_family == AF_UNSPEC;
	return content->rtgen_family == AF_INET || content->rtgen_family == AF_INET6;
}

static int on_message(struct nl_msg *msg, void *userdata)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	struct message message = { userdata, header->nlmsg_type, header->nlmsg_flags };
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
	if (take && family_fits(header, take == take_link))
		nl_msg_parse(msg, take, &message);
	return NL_OK;
}

/* ---- listing */

/* A netlink socket lists one thing at a time. */
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
	tell_namespace(in, false);
	return list_next(in);
}

static int on_listed(struct nl_msg *msg, void *userdata)
{
	struct watched_namespace *in = userdata;

	(void)msg;
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

/* Reads until there is nothing more, or it is another's turn. Returns 1 or 0, or -errno. */
static int drain(struct watched_namespace *in)
{
	int r = 0;

	for (unsigned i = 0; i < READS_MAX && r != -NLE_AGAIN; i++) {
		r = nl_recvmsgs_default(in->socket);
		/* libnl gives ENOBUFS, that the socket has overrun, as NLE_NOMEM, too */
		if (r == -NLE_NOMEM || r == -NLE_DUMP_INTR)
			missed_something(in);
		else if (r < 0 && r != -NLE_AGAIN)
			return errno_of(r);
	}
	if (r != -NLE_AGAIN)
		return 0;
	r = in->list_again && in->listed == LISTINGS ? begin_listing(in) : 0;
	return r < 0 ? r : 1;
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

/* Subscribes before anything is listed, so that no change falls between. */
static int open_socket(struct watched_namespace *in, int fd)
{
	int size = RECEIVE_BUFFER, r;

	in->socket = nl_socket_alloc();
	if (!in->socket)
		return -ENOMEM;
	nl_socket_disable_seq_check(in->socket);
	nl_socket_disable_auto_ack(in->socket);
	nl_socket_modify_cb(in->socket, NL_CB_VALID, NL_CB_CUSTOM, on_message, in);
	nl_socket_modify_cb(in->socket, NL_CB_FINISH, NL_CB_CUSTOM, on_listed, in);
	r = connect_socket(in->socket, fd);
	if (r < 0)
		return r;
	/* without CAP_NET_ADMIN the usual size has to do */
	setsockopt(nl_socket_get_fd(in->socket), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	r = nl_socket_set_nonblocking(in->socket);
	if (r >= 0)
		r = nl_socket_add_memberships(in->socket, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
					      RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
					      RTNLGRP_IPV6_ROUTE, RTNLGRP_NEIGH, RTNLGRP_NONE);
	return r < 0 ? errno_of(r) : 0;
}

static void forget(struct watched_namespace *in)
{
	/* closing is not enough, epoll(7): who opened the socket for us may still have it, too */
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

int route_monitor_drain(struct route_monitor *monitor)
{
	struct epoll_event ready[READY_MAX];
	usec_t now = clock_now(CLOCK_MONOTONIC);
	int count = epoll_wait(monitor->epoll, ready, READY_MAX, 0);
	bool all = count < READY_MAX;
	int result = 0;

	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < count; i++) {
		struct watched_namespace *in = ready[i].data.ptr;
		int r = drain(in);

		all &= r != 0;
		if (r >= 0)
			continue;
		stop(in);
		result = result ?: r;
	}
	if (all)
		monitor->told_until = now;
	return result;
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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/wifi_monitor.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/nl80211.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support/cleanup.h"
#include "support/clock.h"

enum {
	READS_MAX = 64,
	INTERFACES_MAX = 8,          /* with Wi-Fi; of more, the frames and signals are not told */
	LEAVES = 3,                  /* the sender leaves: it deauthenticates */
	LEAVES_NETWORK = 8,          /* likewise: it disassociates */
	STATION_LEAVES = 36,         /* likewise, of newer revisions */
	NOTIFY_GROUP = GENL_ID_CTRL, /* families that come and go: genl_ctrl_groups */
};

/* How old a signal may be that is told with a loss. */
#define SIGNAL_LIFETIME USEC_PER_MINUTE

/* What the messages before it leave to say of an interface's next loss. */
struct wifi {
	uint32_t interface; /* 0: unused */
	uint8_t frame; /* NL80211_CMD_...: which frame ended the connection; 0: none was told */
	int signal;    /* dBm; 0: not known */
	usec_t heard;  /* when `signal` was */
	bool lost;     /* as told */
};

struct wifi_monitor {
	event_sink sink;
	void *userdata;
	uint64_t netns;
	struct nl_sock *socket;
	uint16_t family; /* nl80211's number in the kernel; 0: there is none */
	bool to_list;    /* its interfaces, once the list of families is complete */
	usec_t told_until;
	unsigned next; /* whose place the next interface takes */
	struct wifi interfaces[INTERFACES_MAX];
};

static struct wifi *wifi_of(struct wifi_monitor *monitor, uint32_t interface)
{
	struct wifi *wifi;

	for (unsigned i = 0; i < INTERFACES_MAX; i++)
		if (monitor->interfaces[i].interface == interface)
			return &monitor->interfaces[i];
	wifi = &monitor->interfaces[monitor->next];
	monitor->next = (monitor->next + 1) % INTERFACES_MAX;
	*wifi = (struct wifi){ .interface = interface };
	return wifi;
}

static void tell(struct wifi_monitor *monitor, struct wifi *wifi, enum radio radio, uint16_t reason)
{
	bool is_up = radio_is_up(radio);
	usec_t now = clock_now(CLOCK_MONOTONIC);
	struct event event = {
		.type = EVENT_RADIO,
		.time = now,
		.path = {
			.netns = monitor->netns,
			.interface = wifi->interface,
			.up = is_up,
			.initial = radio == RADIO_NONE,
			.radio = radio,
			.reason = reason,
			.within = now - monitor->told_until,
		},
	};

	if (!is_up && wifi->signal && now - wifi->heard < SIGNAL_LIFETIME)
		event.path.signal = wifi->signal;
	wifi->lost = !is_up;
	wifi->frame = 0;
	wifi->signal = 0; /* the next one is another connection's */
	monitor->sink(monitor->userdata, &event);
}

/* ---- attributes */

/* NULL if the message has none of that type, or a shorter one. */
static const struct nlattr *attribute(const struct nlmsghdr *header, int type, size_t size)
{
	const struct nlattr *found = nla_find(nlmsg_attrdata(header, GENL_HDRLEN),
					      nlmsg_attrlen(header, GENL_HDRLEN), type);

	return found && (size_t)nla_len(found) >= size ? found : NULL;
}

static const struct nlattr *inner(const struct nlattr *outer, int type, size_t size)
{
	const struct nlattr *found = outer ? nla_find(nla_data(outer), nla_len(outer), type) : NULL;

	return found && (size_t)nla_len(found) >= size ? found : NULL;
}

static uint16_t u16_of(const struct nlattr *attribute)
{
	return attribute ? nla_get_u16(attribute) : 0;
}

static uint32_t u32_of(const struct nlattr *attribute)
{
	return attribute ? nla_get_u32(attribute) : 0;
}

static bool is_called(const struct nlattr *attribute, const char *name)
{
	return attribute && (size_t)nla_len(attribute) == strlen(name) + 1 &&
	       memcmp(nla_data(attribute), name, strlen(name) + 1) == 0;
}

/* ---- nl80211 */

static enum radio radio_of(const struct wifi *wifi, bool by_ap, uint16_t reason)
{
	if (by_ap && wifi->frame)
		return wifi->frame == NL80211_CMD_DEAUTHENTICATE ? RADIO_DEAUTHENTICATED
								 : RADIO_DISASSOCIATED;
	if (by_ap)
		return RADIO_DISCONNECTED;
	return reason == LEAVES || reason == LEAVES_NETWORK || reason == STATION_LEAVES
		       ? RADIO_LEFT
		       : RADIO_AP_LOST;
}

static void take_disconnect(struct wifi_monitor *monitor, struct wifi *wifi,
			    const struct nlmsghdr *header)
{
	uint16_t reason = u16_of(attribute(header, NL80211_ATTR_REASON_CODE, sizeof(uint16_t)));
	bool by_ap = attribute(header, NL80211_ATTR_DISCONNECTED_BY_AP, 0);

	tell(monitor, wifi, radio_of(wifi, by_ap, reason), reason);
}

static void hear(struct wifi *wifi, int signal)
{
	if (signal >= 0) /* no radio is heard with so much: the driver does not know dBm */
		return;
	wifi->signal = signal;
	wifi->heard = clock_now(CLOCK_MONOTONIC);
}

/* Asks for a list; of an interface alone, unless that is 0. */
static void ask_for_list(const struct wifi_monitor *monitor, uint8_t command, uint32_t interface)
{
	struct genlmsghdr get = { .cmd = command };
	struct nl_msg *request = nlmsg_alloc_simple(monitor->family, NLM_F_REQUEST | NLM_F_DUMP);

	if (request && nlmsg_append(request, &get, sizeof(get), NLMSG_ALIGNTO) >= 0 &&
	    (!interface || nla_put_u32(request, NL80211_ATTR_IFINDEX, interface) >= 0))
		nl_send_auto(monitor->socket, request);
	nlmsg_free(request);
}

/* The driver reports trouble with the access point, or that its signal passed a threshold. */
static void take_trouble(const struct wifi_monitor *monitor, struct wifi *wifi,
			 const struct nlmsghdr *header)
{
	const struct nlattr *quality = attribute(header, NL80211_ATTR_CQM, 0);
	const struct nlattr *level = inner(quality, NL80211_ATTR_CQM_RSSI_LEVEL, sizeof(uint32_t));

	if (level)
		hear(wifi, (int)nla_get_u32(level));
	else if (quality)
		/* of an interface that is no access point it has the one */
		ask_for_list(monitor, NL80211_CMD_GET_STATION, wifi->interface);
}

static void take_station(struct wifi *wifi, const struct nlmsghdr *header)
{
	const struct nlattr *info = attribute(header, NL80211_ATTR_STA_INFO, 0);
	const struct nlattr *signal =
		inner(info, NL80211_STA_INFO_SIGNAL_AVG, sizeof(uint8_t))
			?: inner(info, NL80211_STA_INFO_SIGNAL, sizeof(uint8_t));

	if (signal)
		hear(wifi, (int8_t)nla_get_u8(signal));
}

static void take_wifi(struct wifi_monitor *monitor, const struct nlmsghdr *header)
{
	const struct genlmsghdr *content = nlmsg_data(header);
	uint32_t interface = u32_of(attribute(header, NL80211_ATTR_IFINDEX, sizeof(uint32_t)));
	struct wifi *wifi;

	if (!interface)
		return;
	wifi = wifi_of(monitor, interface);
	switch (content->cmd) {
	case NL80211_CMD_DEAUTHENTICATE:
	case NL80211_CMD_DISASSOCIATE:
		/* its word on the connection, if the frame ended that, follows at once */
		wifi->frame = content->cmd;
		break;
	case NL80211_CMD_DISCONNECT:
		take_disconnect(monitor, wifi, header);
		break;
	case NL80211_CMD_CONNECT:
		if (u16_of(attribute(header, NL80211_ATTR_STATUS_CODE, sizeof(uint16_t))) != 0)
			break;
		tell(monitor, wifi, RADIO_UP, 0);
		break;
	case NL80211_CMD_ROAM:
		tell(monitor, wifi, RADIO_UP, 0);
		break;
	case NL80211_CMD_NOTIFY_CQM:
		take_trouble(monitor, wifi, header);
		break;
	case NL80211_CMD_NEW_INTERFACE:
		if (u32_of(attribute(header, NL80211_ATTR_IFTYPE, sizeof(uint32_t))) ==
		    NL80211_IFTYPE_STATION)
			tell(monitor, wifi, RADIO_NONE, 0);
		break;
	case NL80211_CMD_NEW_STATION:
		if (header->nlmsg_flags & NLM_F_MULTI) /* an answer, not a station of our own */
			take_station(wifi, header);
		break;
	}
}

/* ---- families */

/* Joins the group "mlme" of the family, which `header` describes. */
static void join(const struct wifi_monitor *monitor, const struct nlmsghdr *header)
{
	const struct nlattr *groups = attribute(header, CTRL_ATTR_MCAST_GROUPS, 0);
	const struct nlattr *group;
	int left;

	if (!groups)
		return;
	nla_for_each_nested(group, groups, left)
	{
		const struct nlattr *number =
			inner(group, CTRL_ATTR_MCAST_GRP_ID, sizeof(uint32_t));

		if (number && is_called(inner(group, CTRL_ATTR_MCAST_GRP_NAME, 0),
					NL80211_MULTICAST_GROUP_MLME))
			nl_socket_add_membership(monitor->socket, (int)nla_get_u32(number));
	}
}

static void take_family(struct wifi_monitor *monitor, const struct nlmsghdr *header)
{
	const struct genlmsghdr *content = nlmsg_data(header);
	uint16_t family = u16_of(attribute(header, CTRL_ATTR_FAMILY_ID, sizeof(uint16_t)));

	if (!is_called(attribute(header, CTRL_ATTR_FAMILY_NAME, 0), NL80211_GENL_NAME))
		return;
	if (content->cmd == CTRL_CMD_DELFAMILY)
		monitor->family = 0;
	if (content->cmd != CTRL_CMD_NEWFAMILY)
		return;
	monitor->family = family;
	join(monitor, header);
	monitor->to_list = header->nlmsg_flags & NLM_F_MULTI;
	if (!monitor->to_list) /* it has just come */
		ask_for_list(monitor, NL80211_CMD_GET_INTERFACE, 0);
}

/* Lists one thing at a time: the socket gives no more. */
static int on_listed(struct nl_msg *msg, void *userdata)
{
	struct wifi_monitor *monitor = userdata;

	(void)msg;
	if (monitor->to_list)
		ask_for_list(monitor, NL80211_CMD_GET_INTERFACE, 0);
	monitor->to_list = false;
	return NL_OK;
}

/* A request for one family by its name would load the module that has it. */
static int ask_for_families(struct wifi_monitor *monitor)
{
	struct genlmsghdr get = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 };

	return nl_send_simple(monitor->socket, GENL_ID_CTRL, NLM_F_DUMP, &get, sizeof(get));
}

/* ---- messages */

/* Whoever is root in the network namespace may send to our groups: only the kernel has no port. */
static int on_any(struct nl_msg *msg, void *userdata)
{
	(void)userdata;
	return nlmsg_get_src(msg)->nl_pid == 0 ? NL_OK : NL_SKIP;
}

static int on_message(struct nl_msg *msg, void *userdata)
{
	struct wifi_monitor *monitor = userdata;
	const struct nlmsghdr *header = nlmsg_hdr(msg);

	if (!nlmsg_valid_hdr(header, GENL_HDRLEN))
		return NL_OK;
	if (header->nlmsg_type == GENL_ID_CTRL)
		take_family(monitor, header);
	else if (header->nlmsg_type == monitor->family)
		take_wifi(monitor, header);
	return NL_OK;
}

/* A request that came to nothing, as for an interface that has gone. */
static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *userdata)
{
	(void)from, (void)error, (void)userdata;
	return NL_SKIP;
}

/* Messages were dropped: those that are told as lost may have their connection again, and what
 * their link says counts. */
static void missed_something(struct wifi_monitor *monitor)
{
	for (unsigned i = 0; i < INTERFACES_MAX; i++)
		if (monitor->interfaces[i].lost)
			tell(monitor, &monitor->interfaces[i], RADIO_UP, 0);
}

void wifi_monitor_drain(struct wifi_monitor *monitor)
{
	usec_t now = clock_now(CLOCK_MONOTONIC);
	int r = 0;

	for (unsigned i = 0; i < READS_MAX && r != -NLE_AGAIN; i++) {
		r = nl_recvmsgs_default(monitor->socket);
		if (r == -NLE_NOMEM) /* libnl's word for ENOBUFS */
			missed_something(monitor);
	}
	if (r == -NLE_AGAIN)
		monitor->told_until = now;
}

bool wifi_monitor_has_wifi(const struct wifi_monitor *monitor)
{
	return monitor->family;
}

/* ---- opening and closing */

static int open_socket(struct wifi_monitor *monitor)
{
	int r;

	monitor->socket = nl_socket_alloc();
	if (!monitor->socket)
		return -ENOMEM;
	nl_socket_disable_seq_check(monitor->socket);
	nl_socket_disable_auto_ack(monitor->socket);
	nl_socket_modify_cb(monitor->socket, NL_CB_MSG_IN, NL_CB_CUSTOM, on_any, NULL);
	nl_socket_modify_cb(monitor->socket, NL_CB_VALID, NL_CB_CUSTOM, on_message, monitor);
	nl_socket_modify_cb(monitor->socket, NL_CB_FINISH, NL_CB_CUSTOM, on_listed, monitor);
	nl_socket_modify_err_cb(monitor->socket, NL_CB_CUSTOM, on_error, NULL);
	r = nl_connect(monitor->socket, NETLINK_GENERIC);
	if (r >= 0)
		r = nl_socket_set_nonblocking(monitor->socket);
	if (r >= 0)
		r = nl_socket_add_membership(monitor->socket, NOTIFY_GROUP);
	if (r >= 0)
		r = ask_for_families(monitor);
	return r < 0 ? -EOPNOTSUPP : 0;
}

int wifi_monitor_open(struct wifi_monitor **ret, event_sink sink, void *userdata)
{
	_cleanup_(wifi_monitor_close_held) struct wifi_monitor *monitor =
		calloc(1, sizeof(*monitor));
	struct stat own;
	int r;

	if (!monitor)
		return -ENOMEM;
	if (stat("/proc/self/ns/net", &own) < 0)
		return -errno;
	monitor->sink = sink;
	monitor->userdata = userdata;
	monitor->netns = own.st_ino;
	monitor->told_until = clock_now(CLOCK_MONOTONIC);
	r = open_socket(monitor);
	if (r < 0)
		return r;
	*ret = STEAL_POINTER(monitor);
	return 0;
}

struct wifi_monitor *wifi_monitor_close(struct wifi_monitor *monitor)
{
	if (monitor)
		nl_socket_free(monitor->socket);
	free(monitor);
	return NULL;
}

/* ---- as a source of the loop */

static int open_source(void **ret, const struct source_listener *listener, const void *options)
{
	struct wifi_monitor *monitor = NULL;
	int r = wifi_monitor_open(&monitor, listener->event, listener->userdata);

	(void)options;
	if (r < 0)
		listener->notice(listener->userdata, "cannot follow Wi-Fi connections", r);
	*ret = monitor;
	return 0;
}

static int descriptor(const void *source)
{
	const struct wifi_monitor *monitor = source;

	return nl_socket_get_fd(monitor->socket);
}

static int take(void *source)
{
	wifi_monitor_drain(source);
	return 0;
}

/* Without Wi-Fi there is nothing to look for before each record. */
static usec_t told_until(const void *source)
{
	const struct wifi_monitor *monitor = source;

	return monitor->family ? monitor->told_until : USEC_INFINITY;
}

static void close_source(void *source)
{
	wifi_monitor_close(source);
}

const struct source wifi_monitor_source = {
	.name = "nl80211",
	.open = open_source,
	.descriptor = descriptor,
	.take = take,
	.told_until = told_until,
	.close = close_source,
};

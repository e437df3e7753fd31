/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/flow_tracking.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	MESSAGE_SIZE = 4096,  /* bytes: an entry has some hundred */
	BEGINNINGS_MOST = 64, /* a second */
	PLACES = 4,           /* where an entry of the list may be */
	NEARLY_FULL = 90,     /* percent of the table: from 95 on, the kernel drops entries early */
	TIMEOUTS_AT_ONCE = 3, /* in a row, since the trouble began */
};

/* The kernel keeps the entry of a connection that was reset for 10 s. */
#define AT_ONCE (2 * USEC_PER_SEC)

/* ---- may it be asked? */

/* A question to a part of the kernel that is not loaded would load it. */
static bool may_be_asked(void)
{
	return access("/sys/module/nf_conntrack_netlink", F_OK) == 0 ||
	       (access("/proc/modules", F_OK) < 0 && errno == ENOENT);
}

static bool is_here(struct flow_tracking *tracking)
{
	if (!tracking->here)
		tracking->here = access("/proc/sys/net/netfilter/nf_conntrack_count", F_OK) == 0;
	return tracking->here;
}

static bool is_open(struct flow_tracking *tracking)
{
	if (tracking->socket || tracking->refused)
		return tracking->socket;
	if (!may_be_asked()) /* it may be loaded later */
		return false;
	tracking->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (tracking->socket && mnl_socket_bind(tracking->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		flow_tracking_close(tracking);
	tracking->refused = !tracking->socket;
	return tracking->socket;
}

void flow_tracking_close(struct flow_tracking *tracking)
{
	if (tracking->socket)
		mnl_socket_close(tracking->socket);
	tracking->socket = NULL;
}

/* ---- questions and answers */

static struct nlmsghdr *begin(char *buffer, int message, uint8_t family)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *generic;

	header->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | message);
	header->nlmsg_flags = NLM_F_REQUEST;
	generic = mnl_nlmsg_put_extra_header(header, sizeof(*generic));
	generic->nfgen_family = family;
	generic->version = NFNETLINK_V0;
	return header;
}

/* The kernel answers before the question is sent. Returns the size of the answer, or -errno. */
static ssize_t ask(struct flow_tracking *tracking, struct nlmsghdr *question, char *answer)
{
	const struct nlmsghdr *header = (const void *)answer;
	ssize_t size;

	memset(answer, 0, sizeof(*header));
	question->nlmsg_seq = ++tracking->questions;
	if (mnl_socket_sendto(tracking->socket, question, question->nlmsg_len) < 0)
		return -errno;
	do
		size = mnl_socket_recvfrom(tracking->socket, answer, MESSAGE_SIZE);
	while (size >= (ssize_t)sizeof(*header) &&
	       header->nlmsg_seq != question->nlmsg_seq); /* left over */
	return size < 0 ? -errno : size;
}

static size_t address_size(const struct endpoint *endpoint)
{
	return endpoint->family == AF_INET ? 4 : 16;
}

static void put_tuple(struct nlmsghdr *header, const struct endpoint *from,
		      const struct endpoint *to)
{
	bool ipv4 = from->family == AF_INET;
	struct nlattr *tuple = mnl_attr_nest_start(header, CTA_TUPLE_ORIG);
	struct nlattr *part = mnl_attr_nest_start(header, CTA_TUPLE_IP);

	mnl_attr_put(header, ipv4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, address_size(from),
		     from->address);
	mnl_attr_put(header, ipv4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, address_size(from), to->address);
	mnl_attr_nest_end(header, part);
	part = mnl_attr_nest_start(header, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(header, CTA_PROTO_NUM, IPPROTO_TCP);
	mnl_attr_put_u16(header, CTA_PROTO_SRC_PORT, htons(from->port));
	mnl_attr_put_u16(header, CTA_PROTO_DST_PORT, htons(to->port));
	mnl_attr_nest_end(header, part);
	mnl_attr_nest_end(header, tuple);
}

/* Returns 0 if the message is one of connection tracking; the -errno that it says, or -EBADMSG. */
static int check(const void *message, size_t size)
{
	const struct nlmsghdr *header = message;

	/* mnl_nlmsg_ok() reads a length of 2^31 or more as negative */
	if (size > INT32_MAX || !mnl_nlmsg_ok(header, (int)size) || header->nlmsg_len > size)
		return -EBADMSG;
	if (header->nlmsg_type == NLMSG_ERROR &&
	    mnl_nlmsg_get_payload_len(header) >= sizeof(struct nlmsgerr)) {
		const struct nlmsgerr *error = mnl_nlmsg_get_payload(header);

		return error->error < 0 && error->error > -MNL_SOCKET_BUFFER_SIZE ? error->error
										  : -EBADMSG;
	}
	return header->nlmsg_type >> 8 == NFNL_SUBSYS_CTNETLINK &&
			       mnl_nlmsg_get_payload_len(header) >= sizeof(struct nfgenmsg)
		       ? 0
		       : -EBADMSG;
}

static void take_address(struct endpoint *endpoint, uint8_t family, const struct nlattr *attribute)
{
	struct endpoint taken = { .family = family, .port = endpoint->port };

	if (mnl_attr_get_payload_len(attribute) < address_size(&taken))
		return;
	memcpy(taken.address, mnl_attr_get_payload(attribute), address_size(&taken));
	*endpoint = taken;
}

static int take_ip(const struct nlattr *attribute, void *userdata)
{
	struct translation *translation = userdata;

	switch (mnl_attr_get_type(attribute)) {
	case CTA_IP_V4_SRC:
		take_address(&translation->from, AF_INET, attribute);
		break;
	case CTA_IP_V4_DST:
		take_address(&translation->to, AF_INET, attribute);
		break;
	case CTA_IP_V6_SRC:
		take_address(&translation->from, AF_INET6, attribute);
		break;
	case CTA_IP_V6_DST:
		take_address(&translation->to, AF_INET6, attribute);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static int take_ports(const struct nlattr *attribute, void *userdata)
{
	struct translation *translation = userdata;

	if (mnl_attr_get_payload_len(attribute) < sizeof(uint16_t))
		return MNL_CB_OK;
	if (mnl_attr_get_type(attribute) == CTA_PROTO_SRC_PORT)
		translation->from.port = ntohs(mnl_attr_get_u16(attribute));
	if (mnl_attr_get_type(attribute) == CTA_PROTO_DST_PORT)
		translation->to.port = ntohs(mnl_attr_get_u16(attribute));
	return MNL_CB_OK;
}

static int take_tuple(const struct nlattr *attribute, void *userdata)
{
	switch (mnl_attr_get_type(attribute)) {
	case CTA_TUPLE_IP:
		return mnl_attr_parse_nested(attribute, take_ip, userdata);
	case CTA_TUPLE_PROTO:
		return mnl_attr_parse_nested(attribute, take_ports, userdata);
	default:
		return MNL_CB_OK;
	}
}

static int take_reply(const struct nlattr *attribute, void *userdata)
{
	if (mnl_attr_get_type(attribute) == CTA_TUPLE_REPLY)
		return mnl_attr_parse_nested(attribute, take_tuple, userdata);
	return MNL_CB_OK;
}

static int take_original(const struct nlattr *attribute, void *userdata)
{
	if (mnl_attr_get_type(attribute) == CTA_TUPLE_ORIG)
		return mnl_attr_parse_nested(attribute, take_tuple, userdata);
	return MNL_CB_OK;
}

static int parse(const void *message, size_t size, mnl_attr_cb_t take,
		 struct translation *translation)
{
	int r = check(message, size);

	*translation = (struct translation){ 0 };
	if (r == 0)
		mnl_attr_parse(message, sizeof(struct nfgenmsg), take, translation);
	if (r == 0 && (!translation->from.family || !translation->to.family))
		return -EBADMSG;
	return r;
}

int flow_tracking_parse(const void *message, size_t size, struct translation *translation)
{
	return parse(message, size, take_reply, translation);
}

static bool is_same(const struct endpoint *a, const struct endpoint *b)
{
	return a->family == b->family && a->port == b->port &&
	       memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

/* An entry that what came from the peer has made, as after `conntrack -F`, has the ways the other
 * way round. */
static int ask_for_entry(struct flow_tracking *tracking, const struct connection_event *connection,
			 struct translation *translation)
{
	char question[MESSAGE_SIZE], answer[MESSAGE_SIZE];
	struct nlmsghdr *header = begin(question, IPCTNL_MSG_CT_GET, connection->local.family);
	ssize_t size;
	int r;

	put_tuple(header, &connection->local, &connection->peer);
	size = ask(tracking, header, answer);
	if (size < 0)
		return (int)size;
	r = parse(answer, (size_t)size, take_reply, translation);
	return r == 0 && is_same(&translation->from, &connection->local)
		       ? parse(answer, (size_t)size, take_original, translation)
		       : r;
}

struct room {
	uint32_t taken, most; /* entries; `most` 0: not known */
	bool empty;           /* `taken` is known, and 0 */
};

static int take_room(const struct nlattr *attribute, void *userdata)
{
	struct room *room = userdata;

	if (mnl_attr_get_payload_len(attribute) < sizeof(uint32_t))
		return MNL_CB_OK;
	if (mnl_attr_get_type(attribute) == CTA_STATS_GLOBAL_ENTRIES) {
		room->taken = ntohl(mnl_attr_get_u32(attribute));
		room->empty = !room->taken;
	}
	if (mnl_attr_get_type(attribute) == CTA_STATS_GLOBAL_MAX_ENTRIES)
		room->most = ntohl(mnl_attr_get_u32(attribute));
	return MNL_CB_OK;
}

static struct room ask_for_room(struct flow_tracking *tracking)
{
	char question[MESSAGE_SIZE], answer[MESSAGE_SIZE];
	struct room room = { 0 };
	ssize_t size = ask(tracking, begin(question, IPCTNL_MSG_CT_GET_STATS, AF_UNSPEC), answer);

	if (size > 0 && check(answer, (size_t)size) == 0)
		mnl_attr_parse((struct nlmsghdr *)answer, sizeof(struct nfgenmsg), take_room,
			       &room);
	return room;
}

static uint16_t room_left(struct room room)
{
	if (room.most && room.taken >= (uint64_t)room.most * NEARLY_FULL / 100)
		return TRACKING_FULL | TRACKING_BUSY;
	return room.taken ? TRACKING_BUSY : 0;
}

/* ---- the list */

static struct tracked *place(struct flow_tracking *tracking, uint64_t cookie, unsigned i)
{
	return &tracking->list[((cookie * 0x9e3779b97f4a7c15ULL >> 32) + i) % TRACKED_MOST];
}

/* Returns the entry of `cookie`; with `or_free`, else one that it may have; else NULL. */
static struct tracked *find(struct flow_tracking *tracking, uint64_t cookie, bool or_free)
{
	struct tracked *free_one = NULL;

	for (unsigned i = 0; i < PLACES; i++) {
		struct tracked *here = place(tracking, cookie, i);

		if (here->cookie == cookie)
			return here;
		if (!here->cookie)
			free_one = here;
	}
	return or_free ? free_one : NULL;
}

/* ---- what is known of a connection */

static bool translates(const struct translation *translation,
		       const struct connection_event *connection)
{
	return !is_same(&translation->from, &connection->peer) ||
	       !is_same(&translation->to, &connection->local);
}

/* Of an agent that opens many connections, the first ones of each second are asked for. */
static bool may_begin(struct flow_tracking *tracking, usec_t now)
{
	if (now >= tracking->since + USEC_PER_SEC) {
		tracking->since = now;
		tracking->asked = 0;
	}
	return tracking->asked++ < BEGINNINGS_MOST;
}

static void note_beginning(struct flow_tracking *tracking,
			   const struct connection_event *connection, usec_t now)
{
	struct tracked *tracked = find(tracking, connection->cookie, true);
	struct tracked first = { .cookie = connection->cookie, .known = TRACKING_SEEN };
	int r;

	if (!tracked || tracked->cookie || !may_begin(tracking, now) || !is_here(tracking) ||
	    !is_open(tracking))
		return;
	r = ask_for_entry(tracking, connection, &first.first);
	if (r < 0 && r != -ENOENT)
		return;
	if (r < 0)
		first.first = (struct translation){ connection->peer, connection->local };
	else
		first.known |= TRACKING_KNOWN;
	if (translates(&first.first, connection)) {
		first.known |= TRACKING_NAT;
		if (first.first.to.port == connection->local.port)
			first.known |= TRACKING_KEPT_PORT;
	}
	*tracked = first;
}

/* What another translation than the first one is. */
static uint16_t compare(const struct tracked *tracked, const struct translation *now,
			const struct connection_event *connection)
{
	uint16_t found = TRACKING_FOUND;

	if (translates(now, connection))
		found |= TRACKING_NAT;
	if (is_same(&tracked->first.from, &now->from) && is_same(&tracked->first.to, &now->to))
		return found;
	found |= TRACKING_MOVED;
	if (!is_same(&tracked->first.to, &connection->local) &&
	    memcmp(tracked->first.to.address, now->to.address, sizeof(now->to.address)) != 0)
		found |= TRACKING_READDRESSED;
	return found;
}

static bool is_lost(uint16_t known)
{
	return known & TRACKING_MOVED || (known & TRACKING_KNOWN && !(known & TRACKING_FOUND));
}

static bool is_old_trouble(const struct socket_facts *facts)
{
	return facts->retransmit_timeouts > TIMEOUTS_AT_ONCE || facts->probes > 1;
}

/* What was lost after the first look at the trouble is not why there is trouble. A connection that
 * had no entry at first will hardly have one now, and has none in an empty table. */
static void note_trouble(struct flow_tracking *tracking, struct tracked *tracked,
			 const struct connection_event *connection)
{
	bool again = tracked->known & TRACKING_ASKED, known = tracked->known & TRACKING_KNOWN;
	struct room room = { 0 };
	struct translation now;
	int r;

	if (again && is_lost(tracked->known))
		return;
	if (!known)
		room = ask_for_room(tracking);
	r = room.empty ? -ENOENT : ask_for_entry(tracking, connection, &now);
	if (r < 0 && r != -ENOENT)
		return;
	if (r < 0 && known)
		room = ask_for_room(tracking);
	tracked->known &= (uint16_t)~TRACKING_FOUND;
	tracked->known |= TRACKING_ASKED;
	tracked->known |= r == 0 ? compare(tracked, &now, connection) : room_left(room);
	if (is_lost(tracked->known) && (again || is_old_trouble(&connection->facts)))
		tracked->known |= TRACKING_LATE;
}

static bool is_attempt(const struct event *event)
{
	return event->type == EVENT_ENDED &&
	       event->connection.facts.state_before == TCP_STATE_SYN_SENT;
}

static bool is_beginning(const struct event *event)
{
	const struct socket_facts *facts = &event->connection.facts;

	return event->type == EVENT_ESTABLISHED || event->type == EVENT_FOUND ||
	       (event->type == EVENT_SAMPLED && !facts->unacked_bytes);
}

/* The events of a connection that may be judged, and which its tracking may explain. */
static bool is_trouble(const struct event *event)
{
	const struct socket_facts *facts = &event->connection.facts;

	switch (event->type) {
	case EVENT_RETRANSMIT:
		return true;
	case EVENT_CLOSING:
	case EVENT_SAMPLED:
		return facts->unacked_bytes > 0;
	case EVENT_ENDED:
		return facts->error || facts->reset_received || facts->unacked_bytes > 0;
	default:
		return false;
	}
}

static uint16_t note_attempt(struct flow_tracking *tracking, usec_t now)
{
	if (!is_here(tracking))
		return 0;
	if (!may_begin(tracking, now) || !is_open(tracking))
		return TRACKING_HERE;
	return TRACKING_HERE | TRACKING_SEEN | TRACKING_ASKED | room_left(ask_for_room(tracking));
}

static uint16_t note_tracked(struct flow_tracking *tracking, struct tracked *tracked,
			     const struct event *event, usec_t now)
{
	uint16_t known;

	if (event->type == EVENT_HEALED)
		tracked->known &=
			TRACKING_SEEN | TRACKING_KNOWN | TRACKING_NAT | TRACKING_KEPT_PORT;
	if (is_trouble(event) && now < event->time + AT_ONCE)
		note_trouble(tracking, tracked, &event->connection);
	known = tracked->known;
	if (event->type == EVENT_ENDED || event->type == EVENT_VANISHED)
		*tracked = (struct tracked){ 0 };
	return known;
}

uint16_t flow_tracking_note(struct flow_tracking *tracking, const struct event *event, usec_t now)
{
	const struct connection_event *connection = &event->connection;
	struct tracked *tracked;
	uint16_t known = 0;

	if (!connection->peer.family || !connection->local.family || !connection->cookie)
		return 0;
	if (is_attempt(event))
		return note_attempt(tracking, now);
	if (is_beginning(event))
		note_beginning(tracking, connection, now);
	tracked = find(tracking, connection->cookie, false);
	if (tracked)
		known = note_tracked(tracking, tracked, event, now);
	return is_trouble(event) && is_here(tracking) ? known | TRACKING_HERE : 0;
}

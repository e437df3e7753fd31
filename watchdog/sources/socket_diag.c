/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/socket_diag.h"

#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "namespace/service.h"
#include "support/cleanup.h"

enum {
	ANSWER_SIZE = 32768,      /* bytes; the most that a dump sends at once: netlink_dump() */
	RECEIVE_BUFFER = 1 << 20, /* some thousand destroyed sockets */
};

struct socket_diag {
	struct mnl_socket *requests;
	struct mnl_socket *destroyed;
	char answer[ANSWER_SIZE];
};

/* ---- one message */

/* A v4-mapped IPv6 address becomes the IPv4 address in it (RFC 4291, 2.5.5.2). */
static struct endpoint endpoint_of(uint8_t family, const uint32_t words[4], uint16_t port)
{
	struct endpoint endpoint = { .family = family, .port = ntohs(port) };
	const struct in6_addr *address = (const struct in6_addr *)words;

	if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(address)) {
		endpoint.family = AF_INET;
		memcpy(endpoint.address, &words[3], 4);
	} else {
		memcpy(endpoint.address, words, family == AF_INET ? 4 : 16);
	}
	return endpoint;
}

static usec_t usec_of(uint32_t msec)
{
	return msec * USEC_PER_MSEC;
}

static void take_info(const struct tcp_info *info, struct socket_look *look)
{
	look->counted = true;
	look->segments_in = info->tcpi_segs_in;
	look->data_segments_in = info->tcpi_data_segs_in;
	look->retransmit_timeouts = info->tcpi_retransmits;
	look->retransmits = info->tcpi_total_retrans;
	look->probes = info->tcpi_probes;
	look->send_window = info->tcpi_snd_wnd;
	look->rtt_usec = info->tcpi_rtt;
	look->rto_usec = info->tcpi_rto;
	look->unsent = info->tcpi_notsent_bytes;
	look->bytes_sent = info->tcpi_bytes_sent;
	look->bytes_resent = info->tcpi_bytes_retrans;
	look->bytes_acked = info->tcpi_bytes_acked;
	look->bytes_received = info->tcpi_bytes_received;
	look->idle_rx = usec_of(info->tcpi_last_data_recv);
	look->idle_tx = usec_of(info->tcpi_last_data_sent);
	look->idle_ack = usec_of(info->tcpi_last_ack_recv);
}

/* The kernel's struct tcp_info may be longer or shorter than ours. If it is shorter than this, the
 * kernel is older than Linux 5.4 and does not count what is needed. */
static void take_info_attribute(const struct nlattr *attribute, struct socket_look *look)
{
	enum { WANTED = offsetof(struct tcp_info, tcpi_snd_wnd) + sizeof(uint32_t) };
	size_t size = mnl_attr_get_payload_len(attribute);
	struct tcp_info info = { 0 };

	if (size < WANTED)
		return;
	memcpy(&info, mnl_attr_get_payload(attribute), size < sizeof(info) ? size : sizeof(info));
	take_info(&info, look);
}

static int take_protocol(const struct nlattr *nested, void *userdata)
{
	struct socket_look *look = userdata;

	look->subflow |= mnl_attr_get_type(nested) == INET_ULP_INFO_MPTCP;
	return MNL_CB_OK;
}

static void take_attribute(const struct nlattr *attribute, struct socket_look *look)
{
	switch (mnl_attr_get_type(attribute)) {
	case INET_DIAG_INFO:
		take_info_attribute(attribute, look);
		break;
	case INET_DIAG_ULP_INFO:
		mnl_attr_parse_nested(attribute, take_protocol, look);
		break;
	default:
		break;
	}
}

/* Returns true if the attributes fill the message to its end. */
static bool take_attributes(const struct nlmsghdr *header, struct socket_look *look)
{
	const char *end = (const char *)header + header->nlmsg_len; /* libmnl rounds its end up */
	const struct nlattr *attribute =
		mnl_nlmsg_get_payload_offset(header, NLMSG_ALIGN(sizeof(struct inet_diag_msg)));

	while (mnl_attr_ok(attribute, (int)(end - (const char *)attribute))) {
		take_attribute(attribute, look);
		attribute = mnl_attr_next(attribute);
	}
	return (const char *)attribute >= end;
}

int socket_diag_parse(const void *message, size_t size, struct socket_look *look)
{
	const struct nlmsghdr *header = message;
	const struct inet_diag_msg *socket;

	/* mnl_nlmsg_ok() reads a length of 2^31 or more as negative */
	if (size > INT32_MAX || !mnl_nlmsg_ok(header, (int)size) || header->nlmsg_len > size ||
	    mnl_nlmsg_get_payload_len(header) < sizeof(*socket))
		return -EBADMSG;
	socket = mnl_nlmsg_get_payload(header);
	if ((socket->idiag_family != AF_INET && socket->idiag_family != AF_INET6) ||
	    socket->idiag_state == TCP_STATE_NONE || socket->idiag_state >= TCP_STATE_MAX)
		return -ERANGE;
	*look = (struct socket_look){
		.cookie = (uint64_t)socket->id.idiag_cookie[1] << 32 | socket->id.idiag_cookie[0],
		.state = socket->idiag_state,
		.local = endpoint_of(socket->idiag_family, socket->id.idiag_src,
				     socket->id.idiag_sport),
		.peer = endpoint_of(socket->idiag_family, socket->id.idiag_dst,
				    socket->id.idiag_dport),
		.inode = socket->idiag_inode,
		.unread = socket->idiag_rqueue,
		.unacked = socket->idiag_wqueue,
	};
	return take_attributes(header, look) ? 0 : -EBADMSG;
}

struct taker {
	look_sink sink;
	void *userdata;
	int count;
};

static int take_message(const struct nlmsghdr *header, void *userdata)
{
	struct taker *taker = userdata;
	struct socket_look look;

	if (socket_diag_parse(header, header->nlmsg_len, &look) == 0) {
		taker->sink(taker->userdata, &look);
		taker->count++;
	}
	return MNL_CB_OK;
}

/* ---- opening */

static int bind_requests(struct socket_diag *diag)
{
	return mnl_socket_bind(diag->requests, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno : 0;
}

/* The groups are numbered from 1. bind() loads the module that sends them (sock_diag_bind()),
 * setsockopt() does not. */
static int bind_destroyed(struct socket_diag *diag)
{
	static const int size = RECEIVE_BUFFER;
	unsigned groups =
		1U << (SKNLGRP_INET_TCP_DESTROY - 1) | 1U << (SKNLGRP_INET6_TCP_DESTROY - 1);
	int fd = mnl_socket_get_fd(diag->destroyed);

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return mnl_socket_bind(diag->destroyed, groups, MNL_SOCKET_AUTOPID) < 0 ? -errno : 0;
}

static int open_socket(struct mnl_socket **ret, int namespace, int flags)
{
	_cleanup_close_ int fd = namespace_service_open(namespace, NETLINK_SOCK_DIAG);

	if (fd < 0)
		return fd;
	if (fcntl(fd, F_SETFL, flags) < 0)
		return -errno;
	*ret = mnl_socket_fdopen(fd);
	if (!*ret)
		return -errno;
	fd = -1; /* the socket's now */
	return 0;
}

int socket_diag_open(struct socket_diag **ret, int namespace)
{
	_cleanup_(socket_diag_close_held) struct socket_diag *diag = calloc(1, sizeof(*diag));
	int r = diag ? open_socket(&diag->requests, namespace, 0) : -ENOMEM;

	if (r >= 0)
		r = open_socket(&diag->destroyed, namespace, O_NONBLOCK);
	if (r >= 0)
		r = bind_requests(diag);
	if (r >= 0)
		r = bind_destroyed(diag);
	if (r < 0)
		return r;
	*ret = STEAL_POINTER(diag);
	return 0;
}

struct socket_diag *socket_diag_close(struct socket_diag *diag)
{
	if (!diag)
		return NULL;
	if (diag->requests)
		mnl_socket_close(diag->requests);
	if (diag->destroyed)
		mnl_socket_close(diag->destroyed);
	free(diag);
	return NULL;
}

int socket_diag_fd(const struct socket_diag *diag)
{
	return mnl_socket_get_fd(diag->destroyed);
}

/* ---- looking */

static int ask(struct socket_diag *diag, uint8_t family)
{
	_Alignas(struct nlmsghdr) char buffer[NLMSG_HDRLEN + sizeof(struct inet_diag_req_v2)];
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct inet_diag_req_v2 *request;

	header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request = mnl_nlmsg_put_extra_header(header, sizeof(*request));
	request->sdiag_family = family;
	request->sdiag_protocol = IPPROTO_TCP;
	request->idiag_ext = 1 << (INET_DIAG_INFO - 1);
	request->idiag_states = UINT32_MAX;
	return mnl_socket_sendto(diag->requests, header, header->nlmsg_len) < 0 ? -errno : 0;
}

/* Receives what the kernel sends into `answer`, and passes over what others do: whoever is root in
 * the network namespace may. Returns the size, or -1 and errno. */
static ssize_t receive(struct socket_diag *diag, const struct mnl_socket *socket)
{
	struct sockaddr_nl sender = { 0 };
	socklen_t size;
	ssize_t n;

	do {
		size = sizeof(sender);
		n = recvfrom(mnl_socket_get_fd(socket), diag->answer, ANSWER_SIZE, 0,
			     (struct sockaddr *)&sender, &size);
	} while (n >= 0 && sender.nl_pid != 0);
	return n;
}

static int hear(struct socket_diag *diag, struct taker *taker)
{
	unsigned port = mnl_socket_get_portid(diag->requests);
	int more = MNL_CB_OK;

	while (more > MNL_CB_STOP) {
		ssize_t n = receive(diag, diag->requests);

		if (n < 0)
			return -errno;
		more = mnl_cb_run(diag->answer, (size_t)n, 0, port, take_message, taker);
	}
	return more < 0 ? -errno : 0;
}

int socket_diag_look(struct socket_diag *diag, look_sink sink, void *userdata)
{
	static const uint8_t families[] = { AF_INET6, AF_INET };
	struct taker taker = { sink, userdata, 0 };
	int r = 0;

	for (size_t i = 0; i < sizeof(families) && r == 0; i++) {
		r = ask(diag, families[i]);
		if (r == 0)
			r = hear(diag, &taker);
	}
	return r;
}

int socket_diag_drain(struct socket_diag *diag, look_sink sink, void *userdata)
{
	struct taker taker = { sink, userdata, 0 };

	for (;;) {
		ssize_t n = receive(diag, diag->destroyed);

		if (n < 0)
			return errno == EAGAIN ? taker.count : -errno;
		mnl_cb_run(diag->answer, (size_t)n, 0, 0, take_message, &taker);
	}
}

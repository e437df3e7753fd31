/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/process_events.h"

#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "namespace/network.h"
#include "support/cleanup.h"

enum {
	MESSAGES_SIZE = 8192,
	RECEIVE_BUFFER = 1 << 20, /* some ten thousand events */
};

struct process_events {
	struct mnl_socket *netlink;
};

/* ---- one message */

/* Copies the event out of `message`, where it is not aligned. Returns false if the message is too
 * short. */
static bool read_event(const void *message, size_t size, struct proc_event *event)
{
	const struct nlmsghdr *header = message;
	const struct cn_msg *connector;

	/* mnl_nlmsg_ok() reads a length of 2^31 or more as negative */
	if (size > INT32_MAX || !mnl_nlmsg_ok(header, (int)size) || header->nlmsg_len > size ||
	    mnl_nlmsg_get_payload_len(header) < sizeof(*connector))
		return false;
	connector = mnl_nlmsg_get_payload(header);
	if (connector->len < sizeof(*event) ||
	    connector->len > mnl_nlmsg_get_payload_len(header) - sizeof(*connector))
		return false;
	memcpy(event, connector->data, sizeof(*event));
	return true;
}

int process_events_parse(const void *message, size_t size, struct process_notice *notice)
{
	struct proc_event event;

	if (!read_event(message, size, &event))
		return -EBADMSG;
	*notice = (struct process_notice){ .time = event.timestamp_ns / 1000 };
	/* Numbers instead of names: the enum moved within struct proc_event in Linux 6.6. */
	switch ((uint32_t)event.what) {
	case 0x00000001: /* PROC_EVENT_FORK; of a thread, if parent and child are one process */
		notice->type = PROCESS_FORKED;
		notice->pid = event.event_data.fork.child_tgid;
		notice->parent = event.event_data.fork.parent_tgid;
		return event.event_data.fork.child_pid == notice->pid ? 0 : -ENOMSG;
	case 0x00000002: /* PROC_EVENT_EXEC */
		notice->type = PROCESS_EXECED;
		notice->pid = event.event_data.exec.process_tgid;
		return 0;
	case 0x40000000: /* PROC_EVENT_COREDUMP */
		notice->type = PROCESS_DUMPING;
		notice->pid = event.event_data.coredump.process_tgid;
		return 0;
	case 0x80000000: /* PROC_EVENT_EXIT */
		notice->type = PROCESS_EXITED;
		notice->pid = event.event_data.exit.process_tgid;
		notice->thread = event.event_data.exit.process_pid;
		notice->exit_code = event.event_data.exit.exit_code;
		return 0;
	}
	return -ENOMSG;
}

/* ---- opening */

static int open_socket(struct process_events *events, const char *namespace)
{
	_cleanup_close_ int there = open(namespace, O_RDONLY | O_CLOEXEC), fd = -1;

	if (there < 0)
		return -EOPNOTSUPP;
	fd = network_namespace_netlink(there, NETLINK_CONNECTOR);
	if (fd < 0)
		return fd;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	events->netlink = mnl_socket_fdopen(fd);
	if (!events->netlink)
		return -errno;
	fd = -1; /* the socket's now */
	return mnl_socket_bind(events->netlink, CN_IDX_PROC, MNL_SOCKET_AUTOPID) < 0 ? -errno : 0;
}

/* The connector is in the initial network namespace only: ours, or that of process 1. */
static int open_there(struct process_events *events)
{
	static const int size = RECEIVE_BUFFER;
	int r = open_socket(events, "/proc/self/ns/net"), fd;

	if (r == -EPROTONOSUPPORT)
		r = open_socket(events, "/proc/1/ns/net");
	if (r < 0)
		return r;
	fd = mnl_socket_get_fd(events->netlink);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return 0;
}

static int ask_for_events(struct process_events *events)
{
	_Alignas(struct nlmsghdr) char
		buffer[NLMSG_HDRLEN + sizeof(struct cn_msg) + sizeof(uint32_t)];
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct cn_msg *connector =
		mnl_nlmsg_put_extra_header(header, sizeof(*connector) + sizeof(uint32_t));
	enum proc_cn_mcast_op listen = PROC_CN_MCAST_LISTEN;

	header->nlmsg_type = NLMSG_DONE;
	connector->id = (struct cb_id){ CN_IDX_PROC, CN_VAL_PROC };
	connector->len = sizeof(uint32_t);
	*(uint32_t *)connector->data = listen;
	return mnl_socket_sendto(events->netlink, header, header->nlmsg_len) < 0 ? -errno : 0;
}

/* Reads the answer, which is there when the request is sent: the connector works in the sender's
 * context. In another pid namespace there is none (cn_proc_mcast_ctl()). */
static int hear_answer(struct process_events *events)
{
	_Alignas(struct nlmsghdr) char message[MESSAGES_SIZE];
	ssize_t n;

	while ((n = mnl_socket_recvfrom(events->netlink, message, sizeof(message))) >= 0) {
		struct proc_event event;

		if (read_event(message, (size_t)n, &event) &&
		    (uint32_t)event.what == 0) /* PROC_EVENT_NONE */
			return -(int)event.event_data.ack.err;
	}
	return errno == EAGAIN ? -EOPNOTSUPP : -errno;
}

int process_events_open(struct process_events **ret)
{
	_cleanup_(process_events_close_held) struct process_events *events =
		calloc(1, sizeof(*events));
	int r = events ? open_there(events) : -ENOMEM;

	if (r >= 0)
		r = ask_for_events(events);
	if (r >= 0)
		r = hear_answer(events);
	if (r < 0)
		return r == -EPROTONOSUPPORT || r == -ECONNREFUSED ? -EOPNOTSUPP : r;
	*ret = STEAL_POINTER(events);
	return 0;
}

struct process_events *process_events_close(struct process_events *events)
{
	if (!events)
		return NULL;
	if (events->netlink)
		mnl_socket_close(events->netlink);
	free(events);
	return NULL;
}

int process_events_fd(const struct process_events *events)
{
	return mnl_socket_get_fd(events->netlink);
}

/* ---- draining */

/* Each datagram holds one message. */
int process_events_drain(struct process_events *events, notice_sink sink, void *userdata)
{
	_Alignas(struct nlmsghdr) char message[MESSAGES_SIZE];
	ssize_t n;

	while ((n = mnl_socket_recvfrom(events->netlink, message, sizeof(message))) >= 0) {
		struct process_notice notice;

		if (process_events_parse(message, (size_t)n, &notice) == 0)
			sink(userdata, &notice);
	}
	return errno == EAGAIN ? 0 : -errno;
}

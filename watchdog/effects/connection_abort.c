/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "effects/connection_abort.h"

#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "namespace/service.h"
#include "process/service.h"
#include "support/cleanup.h"
#include "support/process_files.h"

/* include/net/tcp_states.h */
enum { STATE_ESTABLISHED = 1, STATE_SYN_SENT = 2 };

/* The largest message of a dump: netlink_dump(). */
enum { ANSWER_SIZE = 32768 };

struct search {
	uint64_t cookie;
	bool found;
	struct inet_diag_msg socket;
	struct tcp_info info;
};

DEFINE_CLEANUP(struct mnl_socket *, mnl_socket_close);

/* ---- asking the kernel */

static struct inet_diag_req_v2 *put_request(void *buffer, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct inet_diag_req_v2 *request;

	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | flags;
	request = mnl_nlmsg_put_extra_header(header, sizeof(*request));
	request->sdiag_protocol = IPPROTO_TCP;
	return request;
}

/* Sends `request` and passes each answer to `take`, to the last one. */
static int exchange(struct mnl_socket *netlink, const void *request, mnl_cb_t take, void *userdata)
{
	size_t size = ((const struct nlmsghdr *)request)->nlmsg_len;
	unsigned port = mnl_socket_get_portid(netlink);
	_cleanup_free_ char *answer = malloc(ANSWER_SIZE);
	int more = MNL_CB_OK;

	if (!answer)
		return -ENOMEM;
	if (mnl_socket_sendto(netlink, request, size) < 0)
		return -errno;
	while (more > MNL_CB_STOP) {
		ssize_t n = mnl_socket_recvfrom(netlink, answer, ANSWER_SIZE);

		if (n < 0)
			return -errno;
		more = mnl_cb_run(answer, (size_t)n, 0, port, take, userdata);
	}
	return more < 0 ? -errno : 0;
}

static uint64_t cookie_of(const struct inet_diag_msg *socket)
{
	return (uint64_t)socket->id.idiag_cookie[1] << 32 | socket->id.idiag_cookie[0];
}

/* The kernel's struct tcp_info may be longer or shorter than ours. */
static int take_attribute(const struct nlattr *attribute, void *userdata)
{
	struct tcp_info *info = userdata;
	size_t size = mnl_attr_get_payload_len(attribute);

	if (mnl_attr_get_type(attribute) == INET_DIAG_INFO)
		memcpy(info, mnl_attr_get_payload(attribute),
		       size < sizeof(*info) ? size : sizeof(*info));
	return MNL_CB_OK;
}

static int take_socket(const struct nlmsghdr *header, void *userdata)
{
	const struct inet_diag_msg *socket = mnl_nlmsg_get_payload(header);
	struct search *search = userdata;

	if (search->found || header->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    mnl_nlmsg_get_payload_len(header) < sizeof(*socket) ||
	    cookie_of(socket) != search->cookie)
		return MNL_CB_OK;
	search->found = true;
	search->socket = *socket;
	return mnl_attr_parse(header, sizeof(*socket), take_attribute, &search->info);
}

/* ---- the last look, and the end */

/* Searches a dump of all sockets: a request for one socket would need the interface that it may be
 * bound to. */
static int look_for(struct mnl_socket *netlink, struct search *search)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	char buffer[NLMSG_HDRLEN + sizeof(struct inet_diag_req_v2)];
	int r = 0;

	for (size_t i = 0; i < sizeof(families) && r == 0 && !search->found; i++) {
		struct inet_diag_req_v2 *request =
			put_request(buffer, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP);

		request->sdiag_family = families[i];
		request->idiag_ext = 1 << (INET_DIAG_INFO - 1);
		request->idiag_states = UINT32_MAX;
		r = exchange(netlink, buffer, take_socket, search);
	}
	return r;
}

/* Returns true if sent data waits for an answer after a retransmission. A single unanswered probe
 * may just be in flight. */
static bool is_unanswered(const struct search *search)
{
	const struct inet_diag_msg *socket = &search->socket;

	if (socket->idiag_state == STATE_SYN_SENT)
		return search->info.tcpi_retransmits > 0;
	return socket->idiag_state == STATE_ESTABLISHED && socket->idiag_wqueue > 0 &&
	       (search->info.tcpi_retransmits > 0 || search->info.tcpi_probes > 1);
}

/* tcpi_last_ack_recv is in milliseconds; before the first ACK it is the time since boot. */
static bool is_dead(const struct search *search, uint64_t silence)
{
	return is_unanswered(search) && search->info.tcpi_last_ack_recv >= silence / 1000;
}

/* Destroys the socket; the kernel compares the cookie once more. */
static int destroy(struct mnl_socket *netlink, const struct inet_diag_msg *socket)
{
	char buffer[NLMSG_HDRLEN + sizeof(struct inet_diag_req_v2)];
	struct inet_diag_req_v2 *request = put_request(buffer, SOCK_DESTROY, NLM_F_ACK);
	int r;

	request->sdiag_family = socket->idiag_family;
	request->idiag_states = 1U << socket->idiag_state;
	request->id = socket->id;
	r = exchange(netlink, buffer, NULL, NULL);
	return r == -ENOENT || r == -ESTALE ? -ESRCH : r;
}

/* A socket that is connected to the kernel takes nothing from others (netlink_getsockbyportid()),
 * of whom root in the network namespace may send. */
static int bind_to_kernel(struct mnl_socket *netlink)
{
	static const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	int fd = mnl_socket_get_fd(netlink);

	if (mnl_socket_bind(netlink, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    connect(fd, (const void *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	return 0;
}

static int abort_here(struct mnl_socket *netlink, uint64_t cookie, uint64_t silence)
{
	struct search search = { .cookie = cookie };
	int r = bind_to_kernel(netlink);

	if (r < 0)
		return r;
	r = look_for(netlink, &search);
	if (r < 0)
		return r;
	if (!search.found)
		return -ESRCH;
	if (!is_dead(&search, silence))
		return -EALREADY;
	return destroy(netlink, &search.socket);
}

/* The pid was the same process's before and after its namespace was opened if its start still is:
 * a cookie is unique within a namespace, and a namespace's number may be given again. A start that
 * is not known (0) is not compared. */
static bool is_process(pid_t pid, uint64_t started)
{
	struct process_status status;

	return !started || (process_status_read(pid, &status) == 0 && status.started == started);
}

int connection_abort(uint64_t netns, pid_t pid, uint64_t started, uint64_t cookie, uint64_t silence)
{
	_cleanup_(mnl_socket_close_held) struct mnl_socket *netlink = NULL;
	_cleanup_close_ int namespace = process_service_open_namespace(pid, netns), fd = -1;

	if (namespace < 0)
		return namespace;
	if (!is_process(pid, started))
		return -ESRCH;
	fd = namespace_service_open(namespace, NETLINK_SOCK_DIAG);
	if (fd < 0)
		return fd;
	netlink = mnl_socket_fdopen(fd);
	if (!netlink)
		return -errno;
	fd = -1; /* now owned by the socket */
	return abort_here(netlink, cookie, silence);
}

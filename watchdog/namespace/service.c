#include "support/namespace_service.h"

#include <linux/netlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "support/cleanup.h"
#include "support/network_namespace.h"

/* as in units/connwatch-namespace.socket */
static const struct sockaddr_un service = { AF_UNIX, "/run/connwatch/namespace" };

/* systemd starts the service once more if it has died */
static const struct timeval patience = { .tv_sec = 1 };

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

static struct msghdr message_of(struct iovec *text, union control *control)
{
	return (struct msghdr){
		.msg_iov = text,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(*control),
	};
}

/* One number, and a descriptor unless `fd` is negative. */
static int send_message(int connection, int number, int fd)
{
	union control control = { .header = { CMSG_LEN(sizeof(fd)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec text = { &number, sizeof(number) };
	struct msghdr message = message_of(&text, &control);

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	if (fd < 0)
		message.msg_controllen = 0;
	return sendmsg(connection, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* `*fd` is -1 if none came. */
static int receive_message(int connection, int *number, int *fd)
{
	union control control = { 0 };
	struct iovec text = { number, sizeof(*number) };
	struct msghdr message = message_of(&text, &control);
	ssize_t n = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
	const struct cmsghdr *header;

	*fd = -1;
	if (n < 0)
		return -errno;
	header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_len == CMSG_LEN(sizeof(*fd)) &&
	    header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(header), sizeof(*fd));
	return n == sizeof(*number) ? 0 : -ECONNRESET;
}

static int limit_wait(int connection)
{
	if (setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		return -errno;
	return 0;
}

/* ---- who asks */

static int ask(int connection, int namespace, int protocol)
{
	_cleanup_close_ int netlink = -1;
	int r, result;

	r = limit_wait(connection);
	if (r >= 0 && connect(connection, (const void *)&service, sizeof(service)) < 0)
		r = errno == ENOENT || errno == ECONNREFUSED ? -EPERM : -errno;
	if (r >= 0)
		r = send_message(connection, protocol, namespace);
	if (r >= 0)
		r = receive_message(connection, &result, &netlink);
	if (r < 0 || result < 0)
		return r < 0 ? r : result;
	return netlink >= 0 ? STEAL_FD(netlink) : -ECONNRESET;
}

int namespace_service_open(int namespace, int protocol)
{
	int r = network_namespace_netlink(namespace, protocol);
	_cleanup_close_ int connection = -1;

	if (r != -EPERM)
		return r;
	connection = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	return connection < 0 ? -errno : ask(connection, namespace, protocol);
}

/* ---- who answers */

static bool may_be_had(int protocol)
{
	return protocol == NETLINK_ROUTE || protocol == NETLINK_SOCK_DIAG;
}

int namespace_service_answer(int connection)
{
	_cleanup_close_ int namespace = -1, netlink = -1;
	int protocol, result = -EINVAL, r = limit_wait(connection);

	if (r >= 0)
		r = receive_message(connection, &protocol, &namespace);
	if (r < 0)
		return r;
	if (namespace >= 0 && may_be_had(protocol))
		result = netlink = network_namespace_netlink(namespace, protocol);
	return send_message(connection, result < 0 ? result : 0, netlink);
}

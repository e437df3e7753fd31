/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/descriptor_message.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "support/cleanup.h"

static const struct timeval patience = { .tv_sec = 1 };

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(MESSAGE_DESCRIPTORS_MAX * sizeof(int))];
};

int descriptor_message_limit(int connection)
{
	if (setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		return -errno;
	return 0;
}

int descriptor_message_connect(const char *path)
{
	_cleanup_close_ int connection = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un service = { .sun_family = AF_UNIX };
	int r = connection < 0 ? -errno : descriptor_message_limit(connection);

	if (r < 0)
		return r;
	snprintf(service.sun_path, sizeof(service.sun_path), "%s", path);
	if (connect(connection, (const void *)&service, sizeof(service)) < 0)
		return errno == ENOENT || errno == ECONNREFUSED ? -EPERM : -errno;
	return STEAL_FD(connection);
}

int descriptor_message_send(int connection, const void *content, size_t size,
			    const int *descriptors, unsigned count)
{
	socklen_t length = (socklen_t)(count * sizeof(int));
	union control control = { .header = { .cmsg_len = (socklen_t)CMSG_LEN(length),
					      .cmsg_level = SOL_SOCKET,
					      .cmsg_type = SCM_RIGHTS } };
	struct iovec text = { (void *)content, size };
	struct msghdr message = { .msg_iov = &text, .msg_iovlen = 1 };

	if (count > MESSAGE_DESCRIPTORS_MAX)
		return -E2BIG;
	if (count > 0) {
		memcpy(CMSG_DATA(&control.header), descriptors, length);
		message.msg_control = &control;
		message.msg_controllen = (socklen_t)CMSG_SPACE(length);
	}
	return sendmsg(connection, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Returns how many descriptors came, and copies them to `all`. */
static unsigned take_descriptors(const union control *control, const struct msghdr *message,
				 int all[static MESSAGE_DESCRIPTORS_MAX])
{
	const struct cmsghdr *header = CMSG_FIRSTHDR(message);
	size_t size;

	if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
		return 0;
	size = header->cmsg_len - CMSG_LEN(0);
	memcpy(all, CMSG_DATA(&control->header), size);
	return (unsigned)(size / sizeof(int));
}

int descriptor_message_receive(int connection, void *content, size_t size, int *descriptors,
			       unsigned max)
{
	union control control = { 0 };
	struct iovec text = { content, size };
	struct msghdr message = {
		.msg_iov = &text,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
	int all[MESSAGE_DESCRIPTORS_MAX];
	unsigned count;

	if (n < 0)
		return -errno;
	count = take_descriptors(&control, &message, all);
	if ((size_t)n != size || count > max || message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		while (count > 0)
			close(all[--count]);
		return n == 0 ? -ECONNRESET : -EBADMSG;
	}
	if (count > 0)
		memcpy(descriptors, all, count * sizeof(int));
	return (int)count;
}

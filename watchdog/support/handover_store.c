/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/handover_store.h"

#include <string.h>
#include <sys/socket.h>

#include "support/cleanup.h"

enum { LABEL_MAX = 64 };

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(HANDOVER_DESCRIPTORS_MAX * sizeof(int))];
};

int handover_store_pack(const void *label, size_t size, const int *descriptors, unsigned count)
{
	_cleanup_close_ int sender = -1, stored = -1;
	union control control = { 0 };
	struct iovec text = { (void *)label, size };
	struct msghdr message = {
		.msg_iov = &text,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = (socklen_t)CMSG_SPACE(count * sizeof(int)),
	};
	int ends[2];

	if (count > HANDOVER_DESCRIPTORS_MAX || size > LABEL_MAX)
		return -E2BIG;
	/* datagrams: a stream would report that its other end is closed, and systemd would drop it
	 */
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	sender = ends[0];
	stored = ends[1];
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = (socklen_t)CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(&control.header), descriptors, count * sizeof(int));
	if (sendmsg(sender, &message, MSG_NOSIGNAL) < 0)
		return -errno;
	return STEAL_FD(stored);
}

static unsigned count_of(const struct cmsghdr *header)
{
	if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
		return 0;
	return (unsigned)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
}

int handover_store_unpack(int stored, const void *label, size_t size, int *descriptors,
			  unsigned max)
{
	union control control = { 0 };
	char found[LABEL_MAX];
	struct iovec text = { found, sizeof(found) };
	struct msghdr message = {
		.msg_iov = &text,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	/* MSG_PEEK gives copies of the descriptors, and leaves the message */
	ssize_t n = recvmsg(stored, &message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	unsigned count;
	const int *all;

	if (n < 0)
		return errno == EAGAIN || errno == ENOTSOCK ? -ESTALE : -errno;
	count = count_of(CMSG_FIRSTHDR(&message));
	all = (const int *)CMSG_DATA(&control.header);
	if ((size_t)n != size || memcmp(found, label, size) != 0 || count > max ||
	    message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		while (count > 0)
			close(all[--count]);
		return -ESTALE;
	}
	memcpy(descriptors, all, count * sizeof(int));
	return (int)count;
}

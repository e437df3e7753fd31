/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/handover_store.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/cleanup.h"

enum { LABEL_MAX = 64 };

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(HANDOVER_DESCRIPTORS_MAX * sizeof(int))];
};

/* A message that holds no descriptors has no room for them. */
static int send_descriptors(int sender, const void *label, size_t size, const int *descriptors,
			    unsigned count)
{
	union control control = { 0 };
	struct iovec text = { (void *)label, size };
	struct msghdr message = { .msg_iov = &text, .msg_iovlen = 1 };

	if (count > HANDOVER_DESCRIPTORS_MAX || size > LABEL_MAX)
		return -E2BIG;
	if (count > 0) {
		message.msg_control = &control;
		message.msg_controllen = (socklen_t)CMSG_SPACE(count * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = (socklen_t)CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.header), descriptors, count * sizeof(int));
	}
	return sendmsg(sender, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* datagrams: a stream would report that its other end is closed, and systemd would drop it */
static int open_pair(int ends[static 2])
{
	return socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) < 0 ? -errno : 0;
}

int handover_store_pack(const void *label, size_t size, const int *descriptors, unsigned count)
{
	_cleanup_close_ int sender = -1, stored = -1;
	int ends[2];
	int r = open_pair(ends);

	if (r < 0)
		return r;
	sender = ends[0];
	stored = ends[1];
	r = send_descriptors(sender, label, size, descriptors, count);
	return r < 0 ? r : STEAL_FD(stored);
}

static void close_all(const int *descriptors, unsigned count)
{
	while (count > 0)
		close(descriptors[--count]);
}

static unsigned count_of(const struct cmsghdr *header)
{
	if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
		return 0;
	return (unsigned)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
}

/* Reads the first message with its label of up to `size` bytes, the length of which goes to
 * `*size`, and leaves it. Returns the number of descriptors, or -errno. */
static int peek(int stored, void *label, size_t *size, int *descriptors, unsigned max)
{
	union control control = { 0 };
	struct iovec text = { label, *size };
	struct msghdr message = {
		.msg_iov = &text,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	/* MSG_PEEK gives copies of the descriptors */
	ssize_t n = recvmsg(stored, &message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	unsigned count;
	const int *all;

	if (n < 0)
		return errno == EAGAIN || errno == ENOTSOCK ? -ESTALE : -errno;
	count = count_of(CMSG_FIRSTHDR(&message));
	all = (const int *)CMSG_DATA(&control.header);
	if (count > max || message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		close_all(all, count);
		return -ESTALE;
	}
	*size = (size_t)n;
	memcpy(descriptors, all, count * sizeof(int));
	return (int)count;
}

int handover_store_unpack(int stored, const void *label, size_t size, int *descriptors,
			  unsigned max)
{
	char found[LABEL_MAX];
	size_t length = sizeof(found);
	int count = peek(stored, found, &length, descriptors, max);

	if (count >= 0 && (length != size || memcmp(found, label, size) != 0)) {
		close_all(descriptors, (unsigned)count);
		return -ESTALE;
	}
	return count;
}

/* ---- a shelf: its socket holds one message, and while that is replaced, two */

int handover_shelf_open(struct handover_shelf *shelf)
{
	return open_pair(shelf->ends);
}

/* Drops all messages before the one with that label. */
static int drop_before(int stored, uint64_t label)
{
	uint64_t found;
	ssize_t n;

	while ((n = recv(stored, &found, sizeof(found), MSG_PEEK | MSG_DONTWAIT)) >= 0) {
		if (n == sizeof(found) && found == label)
			return 0;
		if (recv(stored, &found, sizeof(found), MSG_DONTWAIT) < 0)
			break;
	}
	return -errno;
}

int handover_shelf_put(const struct handover_shelf *shelf, uint64_t number, const int *descriptors,
		       unsigned count)
{
	int r = send_descriptors(shelf->ends[0], &number, sizeof(number), descriptors, count);

	return r < 0 ? r : drop_before(shelf->ends[1], number);
}

int handover_shelf_get(const struct handover_shelf *shelf, uint64_t *number, int *descriptors,
		       unsigned max)
{
	size_t size = sizeof(*number);
	int count = peek(shelf->ends[1], number, &size, descriptors, max);

	if (count >= 0 && size != sizeof(*number)) {
		close_all(descriptors, (unsigned)count);
		return -ESTALE;
	}
	return count;
}

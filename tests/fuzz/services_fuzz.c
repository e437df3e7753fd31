/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The questions to connwatch-namespace and connwatch-process: whatever is asked, with whatever
 * descriptors, gets one answer at most and leaves nothing open. Input: a byte that chooses the
 * service, one of how many descriptors, the message. */
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "namespace/service.h"
#include "process/service.h"
#include "support/descriptor_message.h"

enum { ANSWER_MAX = 1024, QUESTION_MAX = 64, LIBRARIES_FROM = 3 };

/* Closes what came with the answers that are there. */
static void hear(int connection)
{
	char answer[ANSWER_MAX], control[CMSG_SPACE(MESSAGE_DESCRIPTORS_MAX * sizeof(int))];
	struct iovec text = { answer, sizeof(answer) };
	struct msghdr message;
	ssize_t n;

	do {
		const struct cmsghdr *header;

		message = (struct msghdr){ .msg_iov = &text,
					   .msg_iovlen = 1,
					   .msg_control = control,
					   .msg_controllen = sizeof(control) };
		n = recvmsg(connection, &message, MSG_DONTWAIT);
		header = n >= 0 ? CMSG_FIRSTHDR(&message) : NULL;
		for (size_t at = 0; header && at < header->cmsg_len - CMSG_LEN(0);
		     at += sizeof(int)) {
			int fd;

			memcpy(&fd, CMSG_DATA(header) + at, sizeof(fd));
			close(fd);
		}
	} while (n > 0);
}

/* Looking for libraries, waits and disks forks: other tests do that. */
static bool forks(const uint8_t *question, size_t size)
{
	uint32_t type;

	if (size != 16)
		return false;
	memcpy(&type, question, sizeof(type));
	return type >= LIBRARIES_FROM;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int ends[2], descriptors[MESSAGE_DESCRIPTORS_MAX], first;
	unsigned count;

	if (size < 2)
		return 0;
	count = data[1] % (MESSAGE_DESCRIPTORS_MAX + 1);
	size = size - 2 < QUESTION_MAX ? size - 2 : QUESTION_MAX;
	if (data[0] & 1 && forks(data + 2, size))
		return 0;
	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	first = dup(ends[0]);
	close(first);
	for (unsigned i = 0; i < MESSAGE_DESCRIPTORS_MAX; i++)
		descriptors[i] = i % 2 ? ends[0] : STDIN_FILENO;
	MUST(descriptor_message_send(ends[0], data + 2, size, descriptors, count) == 0);
	if (data[0] & 1)
		process_service_answer(ends[1]);
	else
		namespace_service_answer(ends[1]);
	hear(ends[0]);
	count = (unsigned)dup(ends[0]);
	MUST((int)count == first);
	close((int)count);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

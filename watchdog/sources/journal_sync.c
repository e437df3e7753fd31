/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/journal_sync.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/cleanup.h"

/* The null byte at the end ends a message of Varlink. */
static const char request[] = "{\"method\":\"io.systemd.Journal.Synchronize\",\"parameters\":{}}";

/* Limits connect(2), too, which waits for room in the queue of the listener (socket(7)). */
static int limit_waiting(int fd, usec_t timeout)
{
	const struct timeval limit = { .tv_sec = (time_t)(timeout / USEC_PER_SEC),
				       .tv_usec = (suseconds_t)(timeout % USEC_PER_SEC) };

	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
		return -errno;
	return 0;
}

/* As far as it goes without waiting, if `fd` does not wait. */
static int send_request(int fd)
{
	static const struct sockaddr_un journald = {
		.sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/io.systemd.journal"
	};

	return connect(fd, (const void *)&journald, sizeof(journald)) < 0 ||
			       send(fd, request, sizeof(request), MSG_NOSIGNAL) < 0
		       ? -errno
		       : 0;
}

int journal_sync(usec_t timeout)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char answer;
	int r = fd < 0 ? -errno : limit_waiting(fd, timeout);

	if (r < 0)
		return r;
	r = send_request(fd);
	if (r >= 0 && recv(fd, &answer, 1, 0) < 0)
		r = -errno;
	/* an error for an answer: journald does not know the method, and there is nothing to wait
	 * for */
	return r == -EAGAIN ? -ETIMEDOUT : r;
}

/* The descriptor stays open until the next question: journald may drop a question whose asker has
 * gone. */
void journal_question_ask(struct journal_question *question, usec_t now)
{
	if (question->asked && now - question->asked < JOURNAL_SYNCS_APART)
		return;
	journal_question_end(question);
	question->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (question->fd < 0)
		return;
	question->asked = now;
	send_request(question->fd);
}

void journal_question_end(struct journal_question *question)
{
	if (question->asked)
		close(question->fd);
	question->asked = 0;
}

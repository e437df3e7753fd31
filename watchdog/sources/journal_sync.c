#include "sources/journal_sync.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "support/cleanup.h"

/* The zero at its end ends a message of Varlink's. */
static const char request[] = "{\"method\":\"io.systemd.Journal.Synchronize\",\"parameters\":{}}";

/* For connect(2), which waits for room to be heard in, as well as for the rest: socket(7). */
static int limit_waiting(int fd, usec_t timeout)
{
	const struct timeval limit = { .tv_sec = (time_t)(timeout / USEC_PER_SEC),
				       .tv_usec = (suseconds_t)(timeout % USEC_PER_SEC) };

	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
		return -errno;
	return 0;
}

int journal_sync(usec_t timeout)
{
	static const struct sockaddr_un journald = {
		.sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/io.systemd.journal"
	};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char answer;
	int r = fd < 0 ? -errno : limit_waiting(fd, timeout);

	if (r < 0)
		return r;
	if (connect(fd, (const void *)&journald, sizeof(journald)) < 0 ||
	    send(fd, request, sizeof(request), MSG_NOSIGNAL) < 0 || recv(fd, &answer, 1, 0) < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return 0; /* an error says that it does not know the method: then there is nothing to wait
		     for */
}

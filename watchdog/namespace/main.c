/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connwatch-namespace: opens netlink sockets in network namespaces for connwatchd, which may not
 * enter them. systemd passes the socket to listen on as standard input, and starts and stops this.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "namespace/service.h"
#include "support/cleanup.h"

int main(void)
{
	for (;;) {
		_cleanup_close_ int connection = accept4(STDIN_FILENO, NULL, NULL, SOCK_CLOEXEC);
		int r;

		if (connection < 0) {
			fprintf(stderr, "connwatch-namespace: standard input: %s\n",
				strerror(errno));
			return 1;
		}
		r = namespace_service_answer(connection);
		if (r < 0)
			fprintf(stderr, "connwatch-namespace: a request without an answer: %s\n",
				strerror(-r));
	}
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connwatch-process: looks at processes of others for connwatchd, which may not. systemd passes the
 * socket to listen on as standard input, and starts and stops this.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "process/service.h"
#include "support/cleanup.h"

int main(void)
{
	signal(SIGCHLD, SIG_IGN); /* nobody waits for children */
	for (;;) {
		_cleanup_close_ int connection = accept4(STDIN_FILENO, NULL, NULL, SOCK_CLOEXEC);
		int r;

		if (connection < 0) {
			fprintf(stderr, "connwatch-process: standard input: %s\n", strerror(errno));
			return 1;
		}
		r = process_service_answer(connection);
		if (r < 0)
			fprintf(stderr, "connwatch-process: a question without an answer: %s\n",
				strerror(-r));
	}
}

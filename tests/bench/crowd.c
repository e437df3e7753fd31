/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Many connections on loopback, held open:
 *
 *     crowd CONNECTIONS INTERVAL [CGROUP]
 *
 * Opens 10 a millisecond, so that a watcher misses none. Says "open" when all are. Then each sends
 * a byte every INTERVAL seconds (0: never), one after the other, until a line comes on standard
 * input: then all are reset as fast as it goes, and it says "reset". Ends with standard input. The
 * peer is a process of its own, which does not join CGROUP.
 */
#include <arpa/inet.h>
#include <err.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/join_cgroup.h"

static int listen_on_loopback(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	if (fd < 0 || bind(fd, (struct sockaddr *)address, size) < 0 || listen(fd, 4096) < 0 ||
	    getsockname(fd, (struct sockaddr *)address, &size) < 0)
		err(EXIT_FAILURE, "cannot listen on loopback");
	return fd;
}

/* The peer: accepts, and holds what it accepted until it is killed. */
static void accept_all(int listener)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (accept4(listener, NULL, NULL, SOCK_CLOEXEC) >= 0)
		;
	err(EXIT_FAILURE, "cannot accept");
}

static int open_connection(const struct sockaddr_in *listener)
{
	const struct linger at_once = { .l_onoff = 1 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)listener, sizeof(*listener)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) < 0)
		err(EXIT_FAILURE, "cannot open a connection");
	return fd;
}

/* After each 100 connections. */
static void rest(unsigned opened)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };

	if (opened % 100 == 0)
		nanosleep(&pause, NULL);
}

/* Returns when there is something on standard input, or its end. */
static void talk(const int *connections, unsigned count, unsigned interval)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	int pause = interval ? (int)(interval * 1000 / count) : -1;

	for (unsigned i = 0; poll(&input, 1, pause) == 0; i = (i + 1) % count)
		send(connections[i], "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int main(int argc, char **argv)
{
	unsigned count = argc > 2 ? (unsigned)atoi(argv[1]) : 0;
	struct sockaddr_in address;
	int *connections = calloc(count, sizeof(*connections));
	char line[16];
	int listener;

	if (!count || !connections)
		errx(EXIT_FAILURE, "usage: crowd CONNECTIONS INTERVAL [CGROUP]");
	listener = listen_on_loopback(&address);
	if (fork() == 0)
		accept_all(listener);
	if (argc > 3)
		join_cgroup(argv[3]);
	for (unsigned i = 0; i < count; i++) {
		connections[i] = open_connection(&address);
		rest(i);
	}
	puts("open");
	fflush(stdout);
	talk(connections, count, (unsigned)atoi(argv[2]));
	if (fgets(line, sizeof(line), stdin)) {
		for (unsigned i = 0; i < count; i++)
			close(connections[i]);
		puts("reset");
		fflush(stdout);
	}
	while (fgets(line, sizeof(line), stdin))
		;
	return EXIT_SUCCESS;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opens connections on loopback and resets them, one after the other, as fast as it goes:
 *
 *     connection_loop BATCHES CONNECTIONS [CGROUP]
 *
 * Each connection carries one byte and is closed with SO_LINGER 0, so that no TIME_WAIT piles up.
 * Both ends are here: all that happens happens on one processor. Prints a line a batch: the
 * nanoseconds that one connection took, by the clock and by the processor's time. */
#include <arpa/inet.h>
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/join_cgroup.h"
#include "tests/bench/listen_on_loopback.h"

static uint64_t now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void connect_and_reset(int listener, const struct sockaddr_in *address)
{
	const struct linger at_once = { .l_onoff = 1 };
	int ours = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int theirs;

	if (ours < 0 || connect(ours, (const struct sockaddr *)address, sizeof(*address)) < 0)
		err(EXIT_FAILURE, "cannot connect");
	theirs = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (theirs < 0 || send(ours, "", 1, 0) != 1 ||
	    setsockopt(ours, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) < 0)
		err(EXIT_FAILURE, "cannot talk");
	close(ours);
	close(theirs);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address;
	int listener = listen_on_loopback(&address);

	if (argc < 3)
		errx(EXIT_FAILURE, "usage: connection_loop BATCHES CONNECTIONS [CGROUP]");
	if (argc > 3)
		join_cgroup(argv[3]);
	for (int batch = atoi(argv[1]); batch > 0; batch--) {
		uint64_t wall = now(CLOCK_MONOTONIC), busy = now(CLOCK_PROCESS_CPUTIME_ID);
		unsigned connections = (unsigned)atoi(argv[2]);

		for (unsigned i = 0; i < connections; i++)
			connect_and_reset(listener, &address);
		wall = now(CLOCK_MONOTONIC) - wall;
		busy = now(CLOCK_PROCESS_CPUTIME_ID) - busy;
		printf("%.1f %.1f\n", (double)wall / connections, (double)busy / connections);
	}
	return EXIT_SUCCESS;
}

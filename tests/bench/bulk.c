/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Measures the throughput of one connection on loopback:
 *
 *     bulk BATCHES MEGABYTES [CGROUP]
 *
 * Sender and receiver are threads of one process. Prints a line a batch: megabytes a second, and
 * the nanoseconds of the processor that one megabyte took. */
#include <arpa/inet.h>
#include <err.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/join_cgroup.h"

enum { MEGABYTE = 1000000, CHUNK = 64 * 1024 };

static double seconds(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void *send_for_ever(void *userdata)
{
	static char chunk[CHUNK];
	int fd = *(int *)userdata;

	while (send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL) > 0)
		;
	return NULL;
}

/* The connection's two ends. */
static void connect_on_loopback(int *sender, int *receiver)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*receiver = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || *receiver < 0 ||
	    bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &size) < 0 ||
	    connect(*receiver, (struct sockaddr *)&address, size) < 0)
		err(EXIT_FAILURE, "cannot connect");
	*sender = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (*sender < 0)
		err(EXIT_FAILURE, "cannot accept");
	close(listener);
}

static void receive(int fd, uint64_t bytes)
{
	static char chunk[CHUNK];

	while (bytes > 0) {
		ssize_t n = recv(fd, chunk, bytes < CHUNK ? bytes : CHUNK, 0);

		if (n <= 0)
			err(EXIT_FAILURE, "cannot receive");
		bytes -= (uint64_t)n;
	}
}

int main(int argc, char **argv)
{
	int sender, receiver;
	pthread_t thread;

	if (argc < 3)
		errx(EXIT_FAILURE, "usage: bulk BATCHES MEGABYTES [CGROUP]");
	if (argc > 3)
		join_cgroup(argv[3]);
	connect_on_loopback(&sender, &receiver);
	if (pthread_create(&thread, NULL, send_for_ever, &sender) != 0)
		errx(EXIT_FAILURE, "cannot start a thread");
	for (int batch = atoi(argv[1]); batch > 0; batch--) {
		double wall = seconds(CLOCK_MONOTONIC), busy = seconds(CLOCK_PROCESS_CPUTIME_ID);
		int megabytes = atoi(argv[2]);

		receive(receiver, (uint64_t)megabytes * MEGABYTE);
		wall = seconds(CLOCK_MONOTONIC) - wall;
		busy = seconds(CLOCK_PROCESS_CPUTIME_ID) - busy;
		printf("%.1f %.1f\n", megabytes / wall, busy * 1e9 / megabytes);
	}
	return EXIT_SUCCESS;
}

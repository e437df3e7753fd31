/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When did connections end, and how soon could that be in the journal?
 *
 *     detection_floor PORT journal   writes each end to the journal at once: the floor
 *     detection_floor PORT times     only remembers when; wakes up for nothing
 *
 * Counts connections to PORT. Until SIGTERM; then prints a line for each: cookie, time in
 * microseconds (CLOCK_MONOTONIC). Says READY=1 (sd_notify(3)) when it watches. */
#include <bpf/libbpf.h>
#include <err.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>

#include "tests/bench/detection_floor.h"
#include "tests/bench/detection_floor.skel.h"

enum {
	ENDS_MAX = 4096,
	FIELDS = 40, /* about as many, and as long, as a record of connwatch has */
};

struct floor {
	bool journal;
	unsigned count;
	struct end ends[ENDS_MAX];
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static void write_journal(const struct end *end)
{
	static char text[FIELDS][64];
	struct iovec fields[FIELDS + 2];
	char message[64], cookie[64];

	snprintf(message, sizeof(message), "MESSAGE=a connection has ended");
	snprintf(cookie, sizeof(cookie), "FLOOR_COOKIE=%llu", end->cookie);
	fields[0] = (struct iovec){ message, strlen(message) };
	fields[1] = (struct iovec){ cookie, strlen(cookie) };
	for (int i = 0; i < FIELDS; i++) {
		snprintf(text[i], sizeof(text[i]), "FLOOR_FIELD_%d=a value of some length", i);
		fields[i + 2] = (struct iovec){ text[i], strlen(text[i]) };
	}
	sd_journal_sendv(fields, FIELDS + 2);
}

static int take_end(void *userdata, void *data, size_t size)
{
	struct floor *floor = userdata;
	const struct end *end = data;

	(void)size;
	if (floor->journal)
		write_journal(end);
	if (floor->count < ENDS_MAX)
		floor->ends[floor->count++] = *end;
	return 0;
}

static struct detection_floor_bpf *load(unsigned short port, bool wake_up)
{
	struct detection_floor_bpf *bpf = detection_floor_bpf__open();

	if (!bpf)
		err(EXIT_FAILURE, "cannot open the program");
	bpf->rodata->port = port;
	bpf->rodata->wake_up = wake_up;
	if (detection_floor_bpf__load(bpf) < 0 || detection_floor_bpf__attach(bpf) < 0)
		errx(EXIT_FAILURE, "cannot load the program");
	return bpf;
}

static void watch(struct floor *floor, unsigned short port)
{
	struct detection_floor_bpf *bpf = load(port, floor->journal);
	struct ring_buffer *ring =
		ring_buffer__new(bpf_map__fd(bpf->maps.ends), take_end, floor, NULL);

	if (!ring)
		err(EXIT_FAILURE, "cannot read the ring");
	sd_notify(false, "READY=1");
	while (!stopped)
		ring_buffer__poll(ring, -1);
	ring_buffer__consume(ring);
	ring_buffer__free(ring);
	detection_floor_bpf__destroy(bpf);
}

int main(int argc, char **argv)
{
	const struct sigaction action = { .sa_handler = stop }; /* interrupts the wait */
	static struct floor floor;

	if (argc != 3)
		errx(EXIT_FAILURE, "usage: detection_floor PORT journal|times");
	sigaction(SIGTERM, &action, NULL);
	floor.journal = strcmp(argv[2], "journal") == 0;
	watch(&floor, (unsigned short)atoi(argv[1]));
	for (unsigned i = 0; i < floor.count; i++)
		printf("%llu %llu\n", floor.ends[i].cookie, floor.ends[i].time_nsec / 1000);
	return EXIT_SUCCESS;
}

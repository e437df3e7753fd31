/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* While records of an agent go through the ring and through its overflow, written on all
 * processors and read at the same time, those of each connection come in the order in which they
 * happened: its end, in particular, last. Needs root. */
#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plain_test.h"
#include "sources/probe.h"

enum {
	AGENT = 1,
	WORKERS = 2,
	CONNECTIONS = 8000, /* of each worker: fewer than there are ports */
	ROUND = 150,        /* with so many, the ring is full: then all is read that there is */
	SLOTS = 1 << 18,    /* more than there are connections */
};

/* ---- the agent */

static int listen_alone(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd;

	if (unshare(CLONE_NEWNET) < 0)
		give_up("unshare");
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0 || listen(fd, SOMAXCONN) < 0)
		give_up("listen");
	return fd;
}

/* The agent connects to a listener of its own: the agent's end of a connection is closed first. */
static void __attribute__((noreturn)) work(int to)
{
	int listener = listen_alone();
	struct sockaddr_in address;
	socklen_t size = sizeof(address);

	getsockname(listener, (struct sockaddr *)&address, &size);
	for (int i = 1; i <= CONNECTIONS; i++) {
		int ours = socket(AF_INET, SOCK_STREAM, 0), theirs;

		if (connect(ours, (struct sockaddr *)&address, size) < 0)
			give_up("connect");
		theirs = accept(listener, NULL, NULL);
		close(ours);
		close(theirs);
		if (i % ROUND == 0 && write(to, "", 1) != 1)
			give_up("the watchdog");
	}
	exit(EXIT_SUCCESS);
}

/* Waits until `from` is closed: until then it is to be watched. */
static void __attribute__((noreturn)) be_agent(int from, int to)
{
	char word;

	(void)!read(from, &word, 1);
	for (int i = 0; i < WORKERS; i++)
		if (fork() == 0)
			work(to);
	close(to);
	while (wait(NULL) > 0)
		;
	exit(EXIT_SUCCESS);
}

/* ---- what comes of each connection */

struct seen {
	uint64_t cookie; /* 0: the slot is free */
	enum event_type last;
};

static struct seen connections[SLOTS];
static unsigned records, ends, behind, late;

/* The stages of a connection, in their order; 0: something else. */
static int stage_of(enum event_type type)
{
	switch (type) {
	case EVENT_OPENED:
		return 1;
	case EVENT_ESTABLISHED:
		return 2;
	case EVENT_CLOSING:
		return 3;
	case EVENT_ENDED:
		return 4;
	default:
		return 0;
	}
}

static struct seen *find(uint64_t cookie)
{
	uint64_t at = cookie * UINT64_C(0x9e3779b97f4a7c15) % SLOTS;

	while (connections[at].cookie && connections[at].cookie != cookie)
		at = (at + 1) % SLOTS;
	connections[at].cookie = cookie;
	return &connections[at];
}

static void take(void *userdata, const struct event *event)
{
	struct seen *connection;

	(void)userdata;
	if (!stage_of(event->type))
		return;
	records++;
	ends += event->type == EVENT_ENDED;
	connection = find(event->connection.cookie);
	if (stage_of(event->type) < stage_of(connection->last) && late++ < 10)
		printf("      %s of connection %llu after its %s\n",
		       event_type_to_string(event->type),
		       (unsigned long long)event->connection.cookie,
		       event_type_to_string(connection->last));
	connection->last = event->type;
}

static void drain(struct probe *probe)
{
	do {
		if (probe_drain(probe, take, NULL) < 0)
			give_up("probe_drain");
		behind += probe_is_behind(probe);
	} while (probe_is_behind(probe));
}

/* Returns whether all came in order. */
static bool watch(pid_t agent, int from, int to)
{
	const char *complaint;
	struct probe *probe;
	char words[WORKERS];

	if (probe_open(&probe, NULL, &complaint) < 0) {
		fprintf(stderr, "%s\n", complaint);
		return false;
	}
	if (probe_watch_process(probe, agent, AGENT) < 0)
		give_up("probe_watch_process");
	close(to);
	while (read(from, words, sizeof(words)) > 0)
		drain(probe);
	drain(probe);
	probe_close(probe);
	printf("      %u records of %u ends; the overflow was behind %u times\n", records, ends,
	       behind);
	return late == 0 && ends > 0 && behind > 0;
}

int main(void)
{
	int to_agent[2], from_agent[2];
	pid_t agent;
	bool right;

	if (pipe(to_agent) < 0 || pipe(from_agent) < 0 || (agent = fork()) < 0)
		give_up("fork");
	if (agent == 0) {
		close(to_agent[1]);
		close(from_agent[0]);
		be_agent(to_agent[0], from_agent[1]);
	}
	close(to_agent[0]);
	close(from_agent[1]);
	right = watch(agent, from_agent[0], to_agent[1]);
	waitpid(agent, NULL, 0);
	printf("%-4s  record-order: the records of each connection come in order\n",
	       right ? "ok" : "FAIL");
	return right ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* While others open and close connections on every processor as fast as they can, the connections
 * of an agent end in every way: most of them by a timer, which may interrupt anything. The lens of
 * the agent's group tells of each once, and how it ended.
 *
 * Needs root. An argument is how many rounds of 20 connections to play. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/vocabulary.h"
#include "engine/engine.h"
#include "plain_test.h"
#include "sources/probe.h"
#include "sources/probe_state.h"
#include "support/cgroup_tree.h"
#include "support/cleanup.h"
#include "support/clock.h"

enum {
	AGENT = 1,
	AT_A_TIME = 20,
	ROUNDS = 100,
	ROUNDS_MOST = 3000,
	CONNECTIONS_MOST = AT_A_TIME * ROUNDS_MOST,
	CHURNERS_A_PROCESSOR = 1,
	PATIENCE = 60, /* seconds, for what takes a few */
};

/* ---- the ways in which a connection ends */

enum way {
	PEER_CLOSES,
	PEER_RESETS,
	AGENT_CLOSES,
	AGENT_RESETS,
	AGENT_IS_KILLED,
	/* from here on, by a timer */
	DATA_UNANSWERED,
	USER_TIMEOUT,
	PROBES_UNANSWERED,
	SYN_UNANSWERED,
	WAYS,
};

enum { FIRST_PORT = 1000 }; /* the hub has a port for each way, from this one on */

static const struct {
	const char *name;
	enum ended_by ended_by;
} WANTED[WAYS] = {
	[PEER_CLOSES] = { "the peer closes", ENDED_BY_PEER_FIN },
	[PEER_RESETS] = { "the peer resets", ENDED_BY_PEER_RESET },
	[AGENT_CLOSES] = { "the agent closes", ENDED_BY_LOCAL_FIN },
	[AGENT_RESETS] = { "the agent resets", ENDED_BY_LOCAL_RESET },
	[AGENT_IS_KILLED] = { "the agent is killed", ENDED_BY_LOCAL_FIN },
	[DATA_UNANSWERED] = { "data go unanswered", ENDED_BY_RETRANSMIT_TIMEOUT },
	[USER_TIMEOUT] = { "the user time-out runs out", ENDED_BY_USER_TIMEOUT },
	[PROBES_UNANSWERED] = { "keep-alive goes unanswered", ENDED_BY_KEEPALIVE_TIMEOUT },
	[SYN_UNANSWERED] = { "a SYN goes unanswered", ENDED_BY_CONNECT_TIMEOUT },
};

/* The hub hears nothing any more from these ports of the agent. All processes share this memory. */
static atomic_bool *deaf_to;

static void reset_on_close(int fd)
{
	const struct linger linger = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

static void set_tcp(int fd, int option, int value)
{
	if (setsockopt(fd, IPPROTO_TCP, option, &value, sizeof(value)) < 0)
		give_up("setsockopt");
}

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int listen_at(uint16_t port)
{
	const struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, SOMAXCONN) < 0)
		give_up("listen");
	return fd;
}

/* Whatever comes for the socket from now on is dropped, as on a path that is silent. */
static void make_deaf(int fd)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct sock_fprog program = { .len = 1, .filter = &nothing };

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		give_up("SO_ATTACH_FILTER");
}

/* ---- the hub */

static uint16_t port_of(int fd, bool peer)
{
	struct sockaddr_in address = {};
	socklen_t size = sizeof(address);

	if (peer)
		getpeername(fd, (struct sockaddr *)&address, &size);
	else
		getsockname(fd, (struct sockaddr *)&address, &size);
	return ntohs(address.sin_port);
}

/* Returns whether the connection is to be waited for. */
static bool greet(int fd, enum way way)
{
	switch (way) {
	case PEER_RESETS:
		reset_on_close(fd);
		close(fd);
		return false;
	case PEER_CLOSES:
		close(fd);
		return false;
	case DATA_UNANSWERED:
	case USER_TIMEOUT:
	case PROBES_UNANSWERED:
		make_deaf(fd);
		reset_on_close(fd);
		atomic_store(&deaf_to[port_of(fd, true)], true);
		return false;
	default:
		return true;
	}
}

static void take_connection(int all, int listener, enum way way)
{
	int fd = accept(listener, NULL, NULL);
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = (uint64_t)fd << 32 | WAYS };

	if (fd < 0)
		give_up("accept");
	if (greet(fd, way) && epoll_ctl(all, EPOLL_CTL_ADD, fd, &event) < 0)
		give_up("epoll_ctl");
}

static void __attribute__((noreturn)) be_hub(int ready)
{
	int all = epoll_create1(0);
	struct epoll_event event;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (enum way way = 0; way < WAYS; way++) {
		int listener = listen_at((uint16_t)(FIRST_PORT + way));

		event.events = EPOLLIN;
		event.data.u64 = (uint64_t)listener << 32 | way;
		epoll_ctl(all, EPOLL_CTL_ADD, listener, &event);
		if (way == SYN_UNANSWERED)
			make_deaf(listener);
	}
	(void)!write(ready, "", 1);
	while (epoll_wait(all, &event, 1, -1) == 1) {
		enum way way = (uint32_t)event.data.u64;
		int fd = (int)(event.data.u64 >> 32);

		if (way == WAYS)
			close(fd);
		else
			take_connection(all, fd, way);
	}
	_exit(EXIT_FAILURE);
}

/* ---- the others */

static void __attribute__((noreturn)) churn(unsigned processor)
{
	const struct sockaddr_in any = loopback(0);
	struct sockaddr_in address;
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cpu_set_t one;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CPU_ZERO(&one);
	CPU_SET(processor, &one);
	sched_setaffinity(0, sizeof(one), &one);
	setpriority(PRIO_PROCESS, 0, 10);
	if (bind(listener, (const struct sockaddr *)&any, sizeof(any)) < 0 ||
	    listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &size) < 0)
		give_up("listen");
	for (;;) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), peer;

		if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
			give_up("connect, of another");
		peer = accept(listener, NULL, NULL);
		reset_on_close(fd);
		close(fd);
		close(peer);
	}
}

static void start_churners(void)
{
	cpu_set_t allowed;

	sched_getaffinity(0, sizeof(allowed), &allowed);
	for (unsigned processor = 0; processor < CPU_SETSIZE; processor++)
		for (int i = 0; CPU_ISSET(processor, &allowed) && i < CHURNERS_A_PROCESSOR; i++)
			if (fork() == 0)
				churn(processor);
}

/* ---- the agent */

static int waiting[CONNECTIONS_MOST]; /* for a timer to end them */
static size_t waiting_count;

static int connect_for(enum way way)
{
	const struct sockaddr_in address = loopback((uint16_t)(FIRST_PORT + way));
	int type = SOCK_STREAM | SOCK_CLOEXEC | (way == SYN_UNANSWERED ? SOCK_NONBLOCK : 0);
	int fd = socket(AF_INET, type, 0);

	if (way == SYN_UNANSWERED)
		set_tcp(fd, TCP_SYNCNT, 1);
	/* a peer's RST may be there before who waits for the handshake wakes up */
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 &&
	    errno != EINPROGRESS && errno != ECONNRESET)
		give_up("connect");
	return fd;
}

static void await_deafness(int fd)
{
	atomic_bool *deaf = &deaf_to[port_of(fd, false)];

	while (!atomic_exchange(deaf, false))
		sched_yield();
}

static void await_timer(int fd, enum way way)
{
	const int yes = 1;

	if (way == PROBES_UNANSWERED) {
		set_tcp(fd, TCP_KEEPIDLE, 1);
		set_tcp(fd, TCP_KEEPINTVL, 1);
		set_tcp(fd, TCP_KEEPCNT, 1);
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
	} else if (way == USER_TIMEOUT) {
		set_tcp(fd, TCP_USER_TIMEOUT, 300);
	}
	if (way != SYN_UNANSWERED)
		await_deafness(fd);
	if ((way == USER_TIMEOUT || way == DATA_UNANSWERED) && write(fd, "", 1) != 1)
		give_up("write");
	waiting[waiting_count++] = fd;
}

static void be_killed(void)
{
	pid_t child = fork();

	if (child == 0) {
		int open_to_the_end = connect_for(AGENT_IS_KILLED);

		raise(SIGKILL);
		close(open_to_the_end);
	}
	if (child < 0 || waitpid(child, NULL, 0) < 0)
		give_up("fork");
}

static void live_and_end(enum way way)
{
	char nothing;
	int fd;

	if (way == AGENT_IS_KILLED) {
		be_killed();
		return;
	}
	fd = connect_for(way);
	if (way >= DATA_UNANSWERED) {
		await_timer(fd, way);
		return;
	}
	if (way == AGENT_RESETS)
		reset_on_close(fd);
	if (way == PEER_CLOSES || way == PEER_RESETS)
		(void)!read(fd, &nothing, 1);
	close(fd);
}

/* Closes what has ended. */
static void sweep(void)
{
	size_t left = 0;
	char nothing;

	for (size_t i = 0; i < waiting_count; i++)
		if (recv(waiting[i], &nothing, 1, MSG_DONTWAIT) < 0 &&
		    (errno == EAGAIN || errno == ENOTCONN))
			waiting[left++] = waiting[i];
		else
			close(waiting[i]);
	waiting_count = left;
}

/* Waits for a word before each round. */
static void __attribute__((noreturn)) be_agent(int rounds, int words, const char *group)
{
	char path[512], pid[16], word;
	FILE *file;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	snprintf(pid, sizeof(pid), "%d", getpid());
	file = fopen(path, "we");
	if (!file || fputs(pid, file) < 0 || fclose(file) != 0)
		give_up(path);
	for (int round = 0; round < rounds; round++) {
		if (read(words, &word, 1) != 1)
			_exit(EXIT_FAILURE);
		for (int i = 0; i < AT_A_TIME; i++)
			live_and_end((enum way)((round * AT_A_TIME + i) % WAYS));
		sweep();
	}
	while (waiting_count > 0) {
		sweep();
		poll(NULL, 0, 10);
	}
	_exit(EXIT_SUCCESS);
}

/* ---- a network namespace for all of them */

static void write_file(const char *path, const char *value)
{
	FILE *file = fopen(path, "we");

	if (!file || fputs(value, file) < 0 || fclose(file) != 0)
		give_up(path);
}

static void enter_network(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd;

	if (unshare(CLONE_NEWNET) < 0)
		give_up("unshare");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		give_up("loopback");
	close(fd);
	write_file("/proc/sys/net/ipv4/tcp_retries2", "2");
	write_file("/proc/sys/net/ipv4/ip_local_port_range", "2000 65000");
}

/* The hub, the others and the agent; the agent's end is theirs, and its exit code. */
static void __attribute__((noreturn)) be_all(int rounds, int words, const char *group)
{
	const struct rlimit files = { .rlim_cur = 65536, .rlim_max = 65536 };
	int ready[2], status = 0;
	char word;
	pid_t agent;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_NOFILE, &files);
	enter_network();
	if (pipe(ready) < 0)
		give_up("pipe");
	if (fork() == 0)
		be_hub(ready[1]);
	close(ready[1]);
	if (read(ready[0], &word, 1) != 1)
		give_up("the hub");
	start_churners();
	agent = fork();
	if (agent == 0)
		be_agent(rounds, words, group);
	waitpid(agent, &status, 0);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE);
}

/* ---- the watchdog, and the books that are kept on it */

struct book {
	struct probe *probe;
	struct engine *engine;
	size_t begun, ended[WAYS];
	size_t wrong[WAYS]; /* the verdict tells of another end than theirs */
	size_t without_evidence, vanished, stray;
	uint64_t lost;
};

static void take_verdict(struct book *book, const struct record *record)
{
	unsigned way = (unsigned)record->peer.port - FIRST_PORT;

	if (way >= WAYS) {
		book->stray++;
		return;
	}
	book->ended[way]++;
	book->without_evidence += record->verdict.cause == CAUSE_EVIDENCE_LOST;
	if (record->verdict.ended_by == WANTED[way].ended_by)
		return;
	book->wrong[way]++;
	printf("      churn: %s: told as %s, %s\n", WANTED[way].name,
	       ended_by_to_string(record->verdict.ended_by),
	       cause_to_string(record->verdict.cause));
}

static void take_outcome(void *userdata, const struct outcome *outcome)
{
	if (outcome->type == OUTCOME_RECORD && outcome->record->kind == RECORD_ENDED)
		take_verdict(userdata, outcome->record);
}

static void take(void *userdata, const struct event *event)
{
	struct book *book = userdata;

	book->begun += event->type == EVENT_OPENED;
	book->vanished += event->type == EVENT_VANISHED;
	if (event->type == EVENT_LOST)
		book->lost += event->lost.records;
	engine_step(book->engine, event, take_outcome, book);
}

static void drain(struct book *book)
{
	do
		if (probe_drain(book->probe, take, book) < 0)
			give_up("probe_drain");
	while (probe_is_behind(book->probe));
}

static void begin(struct book *book, const char *group)
{
	static const struct engine_limits limits = {
		.agents = AGENT,
		.connections = 65536,
		.processes = 65536,
		.namespaces = 1,
	};
	static struct agent_settings settings;
	const struct event agent = {
		.type = EVENT_AGENT,
		.agent = AGENT,
		.watching = { .settings = &settings, .mode = MODE_EBPF },
	};
	const char *complaint = "";

	agent_settings_defaults(&settings, "churned");
	if (engine_new(&book->engine, &limits) < 0)
		give_up("engine_new");
	engine_step(book->engine, &agent, take_outcome, book);
	if (probe_open(&book->probe, NULL, &complaint) < 0) {
		fprintf(stderr, "%s\n", complaint);
		exit(EXIT_FAILURE);
	}
	if (probe_watch_cgroup(book->probe, group, AGENT) < 0)
		give_up("probe_watch_cgroup");
}

/* Lets time pass until each verdict that waits for a fact is due. */
static void end(struct book *book)
{
	while (engine_verdicts_pending(book->engine)) {
		const struct event due = { .type = EVENT_TIME,
					   .time = engine_deadline(book->engine) };

		engine_step(book->engine, &due, take_outcome, book);
	}
	engine_free(book->engine);
	probe_close(book->probe);
}

static size_t ended(const struct book *book)
{
	size_t sum = book->stray;

	for (enum way way = 0; way < WAYS; way++)
		sum += book->ended[way];
	return sum;
}

static int audit(const struct book *book, int rounds)
{
	size_t all = (size_t)rounds * AT_A_TIME, wrong = 0, miscounted = 0;
	int failures = 0;

	for (enum way way = 0; way < WAYS; way++) {
		size_t wanted = (all + WAYS - 1 - way) / WAYS;

		wrong += book->wrong[way];
		miscounted += book->ended[way] != wanted;
		if (book->ended[way] != wanted)
			printf("      churn: %s: %zu of %zu told\n", WANTED[way].name,
			       book->ended[way], wanted);
	}
	check(miscounted == 0 && book->stray == 0, "churn: each end is told once", &failures);
	check(wrong == 0, "churn: as what it was", &failures);
	check(book->without_evidence == 0 && book->vanished == 0, "churn: with its evidence",
	      &failures);
	printf("      churn: %zu begun, %zu ended; %" PRIu64 " other records lost\n", book->begun,
	       ended(book), book->lost);
	return failures;
}

/* Gives the agent a word for each round, as long as no more is under way than the ring holds. */
static int play(struct book *book, int rounds, int words, pid_t all)
{
	usec_t deadline =
		clock_now(CLOCK_MONOTONIC) + (usec_t)(PATIENCE + rounds / 5) * USEC_PER_SEC;
	int given = 0, status = 0;

	while (waitpid(all, &status, WNOHANG) == 0 && clock_now(CLOCK_MONOTONIC) < deadline) {
		struct pollfd fd = { .fd = probe_wait_fd(book->probe), .events = POLLIN };

		while (given < rounds && (size_t)given * AT_A_TIME < book->begun + 3 * AT_A_TIME)
			given += (int)write(words, "", 1);
		poll(&fd, 1, 10);
		drain(book);
	}
	drain(book);
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

static void *share_with_children(size_t size)
{
	_cleanup_close_ int zero = open("/dev/zero", O_RDWR | O_CLOEXEC);
	void *shared = zero < 0 ? MAP_FAILED
				: mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, zero, 0);

	if (shared == MAP_FAILED)
		give_up("/dev/zero");
	return shared;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : ROUNDS, words[2], failures = 0;
	static struct book book;
	char group[256];
	pid_t all;

	if (rounds < 1 || rounds > ROUNDS_MOST)
		rounds = ROUNDS_MOST;
	deaf_to = share_with_children(65536 * sizeof(*deaf_to));
	snprintf(group, sizeof(group), "%s/connwatch-churn-%d", cgroup_tree_root(), getpid());
	if (mkdir(group, 0755) < 0 || pipe(words) < 0)
		give_up(group);
	begin(&book, group);
	book.probe->lens.next_look = 0; /* its time is up */
	drain(&book);
	check(!book.probe->lens.attached, "churn: the host's lens is not needed", &failures);
	all = fork();
	if (all == 0)
		be_all(rounds, words[0], group);
	check(play(&book, rounds, words[1], all) == EXIT_SUCCESS, "churn: all was played",
	      &failures);
	end(&book);
	for (int i = 0; rmdir(group) < 0 && errno == EBUSY && i < 100; i++)
		poll(NULL, 0, 10);
	return failures + audit(&book, rounds);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When the ring buffer overflows, nothing may be gone without a trace: each record either comes or
 * is counted for its agent, each end comes and gets its verdict, and a sample taken afterwards
 * holds what is open, neither less nor more. An agent that crashes meanwhile loses no record.
 *
 * An agent in a network namespace of its own makes so many connections that their records cannot
 * all find room while nobody drains them. Needs root. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/engine.h"
#include "plain_test.h"
#include "sources/probe.h"

enum {
	AGENT = 1,
	CALM_AGENT = 2,
	CRASHES = 10,        /* of the calm one, each with a connection open */
	BRIEF = 4000,        /* connections that are closed at once: 4 records each */
	EARLY = 16,          /* open before the storm; every second one is closed in it */
	LATE = 16,           /* opened after the storm, and left open */
	RECORDS_OF_OPEN = 2, /* opened, established */
	RECORDS_OF_CLOSED = 4,
	CLOSED = BRIEF + EARLY / 2,
	OPEN = EARLY / 2 + LATE,
	CONNECTIONS = CLOSED + OPEN,
};

#define AGENT_NAME "storm"

/* ---- the agent */

struct connection {
	int agent_end, peer_end;
};

static void bring_up_loopback(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		give_up("loopback");
	close(fd);
}

static struct connection make_connection(int listener)
{
	struct connection made = { .agent_end = socket(AF_INET, SOCK_STREAM, 0) };
	struct sockaddr_in address;
	socklen_t size = sizeof(address);

	if (getsockname(listener, (struct sockaddr *)&address, &size) < 0 ||
	    connect(made.agent_end, (struct sockaddr *)&address, size) < 0)
		give_up("connect");
	made.peer_end = accept(listener, NULL, NULL);
	return made;
}

static void close_connection(const struct connection *connection)
{
	close(connection->agent_end);
	close(connection->peer_end);
}

static void tell_cookie(int to, const struct connection *connection)
{
	uint64_t cookie;
	socklen_t size = sizeof(cookie);

	if (getsockopt(connection->agent_end, SOL_SOCKET, SO_COOKIE, &cookie, &size) < 0 ||
	    write(to, &cookie, sizeof(cookie)) != sizeof(cookie))
		give_up("SO_COOKIE");
}

static void await_word(int from)
{
	char word;

	if (read(from, &word, 1) != 1)
		give_up("the other process");
}

static void give_word(int to)
{
	if (write(to, "", 1) != 1)
		give_up("the other process");
}

/* Waits for a word, opens the early connections and gives a word; waits for another, lets the
 * storm loose and tells the cookies of what it has open in the end. */
static void __attribute__((noreturn)) be_agent(int from, int to)
{
	struct connection early[EARLY], late[LATE];
	int listener = -1;

	if (unshare(CLONE_NEWNET) == 0) {
		bring_up_loopback();
		listener = socket(AF_INET, SOCK_STREAM, 0);
	}
	if (listener < 0 || listen(listener, SOMAXCONN) < 0)
		give_up("listen");
	await_word(from);
	for (int i = 0; i < EARLY; i++)
		early[i] = make_connection(listener);
	give_word(to);
	await_word(from);
	for (int i = 0; i < BRIEF; i++) {
		struct connection brief = make_connection(listener);

		close_connection(&brief);
	}
	for (int i = 0; i < LATE; i++)
		late[i] = make_connection(listener);
	for (int i = 0; i < EARLY; i += 2) {
		close_connection(&early[i]);
		tell_cookie(to, &early[i + 1]);
	}
	for (int i = 0; i < LATE; i++)
		tell_cookie(to, &late[i]);
	await_word(from);
	exit(EXIT_SUCCESS);
}

/* ---- the other agent */

static void __attribute__((noreturn)) crash(const struct sockaddr_in *address)
{
	const struct rlimit no_core = {};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	setrlimit(RLIMIT_CORE, &no_core);
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		give_up("connect");
	raise(SIGSEGV);
	exit(EXIT_FAILURE);
}

/* Waits for a word, has its children crash and gives a word. */
static void __attribute__((noreturn)) be_calm_agent(int from, int to)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(listener, (struct sockaddr *)&address, size) < 0 ||
	    listen(listener, CRASHES) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &size) < 0)
		give_up("listen");
	await_word(from);
	for (int i = 0; i < CRASHES; i++) {
		pid_t child = fork();

		if (child == 0)
			crash(&address);
		if (child < 0 || waitpid(child, NULL, 0) < 0)
			give_up("fork");
	}
	give_word(to);
	exit(EXIT_SUCCESS);
}

/* ---- the watchdog, and the books that are kept on it */

struct book {
	struct probe *probe;
	struct engine *engine;
	uint64_t records, lost;
	uint64_t lost_said;     /* by the engine, of the agent */
	size_t ended, vanished; /* ends that were seen, and that the kernel kept from the probe */
	size_t opened_calm, closed_calm, crashed_calm; /* of the calm agent */
	uint64_t lost_calm;
	size_t verdicts, verdicts_lost;
	int sampling;               /* what probe_sample() returned */
	bool done;                  /* the sample came to its end */
	uint64_t open[CONNECTIONS]; /* cookies told of and not ended */
	size_t open_count;
	uint64_t sample[CONNECTIONS];
	size_t sample_count;
};

static bool contains(const uint64_t *cookies, size_t count, uint64_t cookie)
{
	for (size_t i = 0; i < count; i++)
		if (cookies[i] == cookie)
			return true;
	return false;
}

static void remove_cookie(uint64_t *cookies, size_t *count, uint64_t cookie)
{
	for (size_t i = 0; i < *count; i++)
		if (cookies[i] == cookie)
			cookies[i] = cookies[--*count];
}

static void take_outcome(void *userdata, const struct outcome *outcome)
{
	struct book *book = userdata;
	const struct record *record = outcome->record;

	if (outcome->type == OUTCOME_SAMPLE) {
		book->sample_count = 0;
		book->sampling = probe_sample(book->probe);
	}
	if (outcome->type != OUTCOME_RECORD)
		return;
	if (strcmp(record->agent, AGENT_NAME) == 0)
		book->lost_said += record->lost_events;
	book->verdicts += record->kind == RECORD_ENDED;
	book->verdicts_lost +=
		record->kind == RECORD_ENDED && record->verdict.cause == CAUSE_EVIDENCE_LOST;
}

static void begin(struct book *book)
{
	static const struct engine_limits limits = {
		.agents = AGENT,
		.connections = CONNECTIONS,
		.processes = CONNECTIONS,
		.namespaces = 1,
	};
	static struct agent_settings settings;
	const struct event agent = {
		.type = EVENT_AGENT,
		.agent = AGENT,
		.watching = { .settings = &settings, .mode = MODE_EBPF },
	};

	agent_settings_defaults(&settings, AGENT_NAME);
	if (engine_new(&book->engine, &limits) < 0)
		give_up("engine_new");
	engine_step(book->engine, &agent, take_outcome, book);
}

/* By then each verdict that waits for a fact is due. */
static void end(struct book *book)
{
	usec_t due;

	while (engine_verdicts_pending(book->engine)) {
		due = engine_deadline(book->engine);
		engine_step(book->engine, &(struct event){ .type = EVENT_TIME, .time = due },
			    take_outcome, book);
	}
	engine_free(book->engine);
}

static void take_calm(struct book *book, const struct event *event)
{
	book->opened_calm += event->type == EVENT_OPENED;
	book->closed_calm += event->type == EVENT_CLOSING;
	book->crashed_calm +=
		event->type == EVENT_EXITED && WTERMSIG(event->process.task.exit_code) == SIGSEGV;
	book->lost_calm += event->type == EVENT_LOST ? event->lost.records : 0;
}

static void take(void *userdata, const struct event *event)
{
	struct book *book = userdata;
	uint64_t cookie = event->connection.cookie;

	if (event->agent == CALM_AGENT) {
		take_calm(book, event);
		return;
	}

	engine_step(book->engine, event, take_outcome, book);
	switch (event->type) {
	case EVENT_LOST:
		book->lost += event->lost.records;
		break;
	case EVENT_SAMPLED:
		book->sample[book->sample_count++] = cookie;
		break;
	case EVENT_SAMPLE_DONE:
		book->done = true;
		break;
	case EVENT_OPENED:
		book->open[book->open_count++] = cookie;
		book->records++;
		break;
	case EVENT_ENDED:
		remove_cookie(book->open, &book->open_count, cookie);
		book->ended++;
		book->records++;
		break;
	case EVENT_VANISHED:
		remove_cookie(book->open, &book->open_count, cookie);
		book->vanished++;
		book->records++;
		break;
	default:
		book->records += event_is_connection(event->type);
		break;
	}
}

static bool all_in_sample(const struct book *book, const uint64_t *cookies, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!contains(book->sample, book->sample_count, cookies[i]))
			return false;
	return true;
}

/* `truth`: what the agent has open. */
static int audit(const struct book *book, const uint64_t truth[static OPEN])
{
	size_t told = 0;
	int failures = 0;

	for (size_t i = 0; i < OPEN; i++)
		told += contains(book->open, book->open_count, truth[i]);
	check(book->lost > 0 && book->lost_said == book->lost,
	      "lost-records: the ring overflowed, and that was said of the agent", &failures);
	check(book->records + book->lost == CLOSED * RECORDS_OF_CLOSED + OPEN * RECORDS_OF_OPEN,
	      "lost-records: each record came or was counted as lost", &failures);
	check(book->ended + book->vanished == CLOSED, "lost-records: each end came", &failures);
	check(book->opened_calm == CRASHES && book->closed_calm == CRASHES &&
		      book->crashed_calm == CRASHES && book->lost_calm == 0,
	      "lost-records: each record of another agent's crashes came", &failures);
	if (book->sampling == -EOPNOTSUPP) {
		puts("skip  lost-records: this kernel takes no samples");
		return failures;
	}
	check(book->done, "lost-records: a sample was taken to its end", &failures);
	check(book->sample_count == OPEN && all_in_sample(book, truth, OPEN),
	      "lost-records: what is open is in the sample, and nothing else", &failures);
	check(told < OPEN, "lost-records: so is what nobody had been told of", &failures);
	check(book->verdicts == CLOSED && book->verdicts_lost == book->vanished,
	      "lost-records: what is over has its verdict, and no evidence of a seen end is lost",
	      &failures);
	printf("      %" PRIu64 " records, %" PRIu64
	       " lost; %zu ends unseen; %zu connections were opened untold\n",
	       book->records, book->lost, book->vanished, OPEN - told);
	return failures;
}

static void drain(struct book *book)
{
	do
		if (probe_drain(book->probe, take, book) < 0)
			give_up("probe_drain");
	while (probe_is_behind(book->probe));
}

/* A process, and the pipes to talk with it in words. */
struct other {
	pid_t pid;
	int from, to;
};

static int watch(pid_t agent, int from, int to, const struct other *calm)
{
	static struct book book;
	uint64_t truth[OPEN];
	const char *complaint;

	begin(&book);
	if (probe_open(&book.probe, NULL, &complaint) < 0) {
		fprintf(stderr, "%s\n", complaint);
		return EXIT_FAILURE;
	}
	if (probe_watch_process(book.probe, agent, AGENT) < 0 ||
	    probe_watch_process(book.probe, calm->pid, CALM_AGENT) < 0)
		give_up("probe_watch_process");
	give_word(to);
	await_word(from);
	drain(&book);
	give_word(to);
	for (size_t i = 0; i < OPEN; i++)
		if (read(from, &truth[i], sizeof(truth[i])) != sizeof(truth[i]))
			give_up("the agent");
	give_word(calm->to);
	await_word(calm->from);
	drain(&book); /* up to the loss, which asks for a sample */
	drain(&book);
	give_word(to);
	end(&book);
	probe_close(book.probe);
	return audit(&book, truth);
}

static struct other start_calm_agent(void)
{
	struct other calm = {};
	int to[2], from[2];

	if (pipe(to) < 0 || pipe(from) < 0)
		give_up("pipe");
	calm.pid = fork();
	if (calm.pid < 0)
		give_up("fork");
	if (calm.pid == 0) {
		close(to[1]);
		be_calm_agent(to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	calm.from = from[0];
	calm.to = to[1];
	return calm;
}

int main(void)
{
	const struct other calm = start_calm_agent();
	int to_agent[2], from_agent[2], failures;
	pid_t agent;

	if (pipe(to_agent) < 0 || pipe(from_agent) < 0)
		give_up("pipe");
	agent = fork();
	if (agent < 0)
		give_up("fork");
	if (agent == 0) {
		close(to_agent[1]);
		be_agent(to_agent[0], from_agent[1]);
	}
	close(from_agent[1]);
	failures = watch(agent, from_agent[0], to_agent[1], &calm);
	close(to_agent[1]);
	waitpid(agent, NULL, 0);
	waitpid(calm.pid, NULL, 0);
	return failures;
}

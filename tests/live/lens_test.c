/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's lens is there only while something needs it; and however the lenses come and go, each
 * connection is told once, from its beginning to its end. With BTF=FILE in the environment, the
 * same as on a kernel without types of its own. Needs root. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit/suite.h"
#include "ebpf/probe.skel.h"
#include "sources/probe.h"
#include "sources/probe_lens.h"
#include "sources/probe_state.h"
#include "support/cgroup_tree.h"
#include "support/clock.h"

enum {
	AGENT = 1,
	INNER_AGENT,
	AT_A_TIME = 20,
	ROUNDS = 500,
	CONNECTIONS = AT_A_TIME * ROUNDS,
	AT_ONCE = 200,
	PATIENCE = 30, /* seconds, for what takes a moment */
};

static char group[256];
static struct probe *probe;
static const char *btf; /* from the environment: a file of the kernel's types; NULL: its own */
static struct sockaddr_in hub_address;

/* ---- the hub: does what the first byte of a connection asks for */

static void reset_on_close(int fd)
{
	const struct linger linger = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

static void serve(int fd)
{
	char word;
	ssize_t n = read(fd, &word, 1);

	if (n == 1 && word == 'w') /* wait for the agent's end */
		return;
	if (n == 1 && word == 'r')
		reset_on_close(fd);
	close(fd);
}

static void __attribute__((noreturn)) be_hub(int listener)
{
	int all = epoll_create1(0);
	struct epoll_event event = { .events = EPOLLIN, .data.fd = listener };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	epoll_ctl(all, EPOLL_CTL_ADD, listener, &event);
	while (epoll_wait(all, &event, 1, -1) == 1) {
		if (event.data.fd != listener) {
			serve(event.data.fd);
			continue;
		}
		event.data.fd = accept(listener, NULL, NULL);
		event.events = EPOLLIN;
		epoll_ctl(all, EPOLL_CTL_ADD, event.data.fd, &event);
	}
	_exit(EXIT_FAILURE);
}

static pid_t start_hub(void)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t size = sizeof(hub_address);
	pid_t pid;

	hub_address = (struct sockaddr_in){ .sin_family = AF_INET,
					    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	CU_ASSERT_TRUE_FATAL(listener >= 0 &&
			     bind(listener, (struct sockaddr *)&hub_address, size) == 0 &&
			     listen(listener, SOMAXCONN) == 0 &&
			     getsockname(listener, (struct sockaddr *)&hub_address, &size) == 0);
	pid = fork();
	if (pid == 0)
		be_hub(listener);
	close(listener);
	return pid;
}

/* ---- the agent */

static void enter(const char *where)
{
	char path[512], pid[16];
	FILE *file;

	snprintf(path, sizeof(path), "%s/cgroup.procs", where);
	snprintf(pid, sizeof(pid), "%d", getpid());
	file = fopen(path, "we");
	if (!file || fputs(pid, file) < 0 || fclose(file) != 0)
		_exit(EXIT_FAILURE);
}

static void enter_group(void)
{
	enter(group);
}

static int connect_to_hub(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (const struct sockaddr *)&hub_address, sizeof(hub_address)) < 0)
		_exit(EXIT_FAILURE);
	return fd;
}

/* Ends `fd` in one of four ways: either side closes or resets. */
static void end_somehow(int fd, unsigned way)
{
	static const char WORDS[] = "cwwr";
	char nothing;

	if (write(fd, &WORDS[way % 4], 1) != 1)
		_exit(EXIT_FAILURE);
	if (way % 4 == 1)
		reset_on_close(fd);
	if (way % 4 == 0 || way % 4 == 3)
		(void)!read(fd, &nothing, 1);
	close(fd);
}

/* Waits for a word before each round. */
static void __attribute__((noreturn)) be_agent(unsigned seed, int words)
{
	int open[AT_A_TIME];
	char word;

	enter_group();
	for (unsigned round = 0; round < ROUNDS; round++) {
		if (read(words, &word, 1) != 1)
			_exit(EXIT_FAILURE);
		for (unsigned i = 0; i < AT_A_TIME; i++)
			open[i] = connect_to_hub();
		for (unsigned i = 0; i < AT_A_TIME; i++)
			end_somehow(open[i], (unsigned)rand_r(&seed));
	}
	_exit(EXIT_SUCCESS);
}

/* ---- the books */

static struct {
	uint64_t cookie;
	uint32_t agent;
	unsigned begun, up, ended;
} told[CONNECTIONS + 64];
static size_t told_count;
static unsigned never_opened;

static size_t place_of(uint64_t cookie)
{
	size_t i = told_count;

	while (i > 0 && told[i - 1].cookie != cookie)
		i--;
	if (i > 0)
		return i - 1;
	CU_ASSERT_TRUE_FATAL(told_count < sizeof(told) / sizeof(told[0]));
	told[told_count].cookie = cookie;
	return told_count++;
}

static void note_beginning(const struct event *event)
{
	size_t place = place_of(event->connection.cookie);

	told[place].begun++;
	told[place].agent = event->agent;
}

static void take(void *userdata, const struct event *event)
{
	(void)userdata;
	CU_ASSERT_NOT_EQUAL(event->type, EVENT_LOST);
	if (event->type == EVENT_NEVER_OPENED)
		never_opened++;
	else if (event->type == EVENT_OPENED || event->type == EVENT_FOUND)
		note_beginning(event);
	else if (event->type == EVENT_ESTABLISHED)
		told[place_of(event->connection.cookie)].up++;
	else if (event->type == EVENT_ENDED || event->type == EVENT_VANISHED)
		told[place_of(event->connection.cookie)].ended++;
}

static void drain(void)
{
	do {
		CU_ASSERT_TRUE_FATAL(probe_drain(probe, take, NULL) >= 0);
	} while (probe_is_behind(probe));
}

static void forget_all(void)
{
	memset(told, 0, sizeof(told));
	told_count = never_opened = 0;
}

/* ---- what is attached */

static bool is_hot(const char *program)
{
	return strcmp(program, "socket_state") == 0 || strcmp(program, "retransmitted") == 0 ||
	       strncmp(program, "socket_destroyed", BPF_OBJ_NAME_LEN - 1) == 0 ||
	       strncmp(program, "congestion_state", BPF_OBJ_NAME_LEN - 1) == 0;
}

static bool link_is_hot(int fd)
{
	struct bpf_link_info link = {};
	struct bpf_prog_info program = {};
	uint32_t size = sizeof(link);
	bool hot;
	int of;

	if (bpf_obj_get_info_by_fd(fd, &link, &size) < 0)
		return false;
	of = bpf_prog_get_fd_by_id(link.prog_id);
	size = sizeof(program);
	hot = of >= 0 && bpf_obj_get_info_by_fd(of, &program, &size) == 0 && is_hot(program.name);
	close(of);
	return hot;
}

/* Returns how many tracepoints that every connection of the host runs are attached by us. */
static unsigned hot_links(void)
{
	char path[64], target[64];
	unsigned count = 0;

	for (int fd = 0; fd < 1024; fd++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		if (strstr(target, "bpf") && strstr(target, "link"))
			count += link_is_hot(fd);
	}
	return count;
}

static void pretend_time_is_up(void)
{
	probe->lens.next_look = 0;
	drain();
}

/* Waits until the host's lens is gone, for what takes a moment. */
static void await_no_lens(void)
{
	for (int i = 0; hot_links() > 0 && i < PATIENCE * 100; i++) {
		pretend_time_is_up();
		poll(NULL, 0, 10);
	}
}

/* Waits until so many connections are told of. */
static void await_told(size_t count)
{
	for (int i = 0; told_count < count && i < PATIENCE * 100; i++) {
		drain();
		poll(NULL, 0, 10);
	}
}

/* Waits until the first connection is told of, and its end. */
static void await_end(void)
{
	for (int i = 0; (told_count == 0 || !told[0].ended) && i < PATIENCE * 100; i++) {
		drain();
		poll(NULL, 0, 10);
	}
}

static void begin(void)
{
	const char *complaint = "";

	btf = getenv("BTF");
	forget_all();
	snprintf(group, sizeof(group), "%s/connwatch-lens-%d", cgroup_tree_root(), getpid());
	CU_ASSERT_EQUAL_FATAL(mkdir(group, 0755), 0);
	if (probe_open(&probe, btf, &complaint) < 0) {
		fprintf(stderr, "%s\n", complaint);
		exit(EXIT_FAILURE);
	}
	CU_ASSERT_EQUAL(probe_has_external_btf(probe), btf != NULL);
}

/* Its last process may still be on its way out. */
static void remove_group(const char *path)
{
	for (int i = 0; rmdir(path) < 0 && errno == EBUSY && i < PATIENCE * 100; i++)
		poll(NULL, 0, 10);
}

static void end(void)
{
	probe = probe_close(probe);
	remove_group(group);
}

/* ---- the tests */

static void a_group_needs_no_lens_of_the_host(void)
{
	begin();
	CU_ASSERT_EQUAL(hot_links(), 3);
	CU_ASSERT_EQUAL_FATAL(probe_watch_cgroup(probe, group, AGENT), 0);
	pretend_time_is_up();
	CU_ASSERT_EQUAL(hot_links(), 0);
	CU_ASSERT_EQUAL(probe_next_look(probe), USEC_INFINITY);
	end();
}

static void a_process_needs_it(void)
{
	pid_t pid;

	begin();
	pid = fork();
	if (pid == 0) {
		pause();
		_exit(EXIT_SUCCESS);
	}
	pretend_time_is_up();
	CU_ASSERT_EQUAL(hot_links(), 0);
	CU_ASSERT_EQUAL_FATAL(probe_watch_process(probe, pid, AGENT), 0);
	CU_ASSERT_EQUAL(hot_links(), 3);
	pretend_time_is_up();
	CU_ASSERT_EQUAL(hot_links(), 3);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	await_no_lens();
	CU_ASSERT_EQUAL(hot_links(), 0);
	end();
}

/* An agent in a group, with a connection that it closes and ends with a word to `go`. */
static pid_t start_agent_in(const char *where, int *go)
{
	int up[2], words[2];
	pid_t pid;
	char word;

	CU_ASSERT_TRUE_FATAL(pipe(up) == 0 && pipe(words) == 0);
	pid = fork();
	if (pid == 0) {
		enter(where);
		int fd = connect_to_hub();

		(void)!write(up[1], "", 1);
		(void)!read(words[0], &word, 1);
		end_somehow(fd, 2);
		_exit(EXIT_SUCCESS);
	}
	CU_ASSERT_EQUAL_FATAL(read(up[0], &word, 1), 1);
	close(up[0]);
	close(up[1]);
	close(words[0]);
	*go = words[1];
	return pid;
}

static pid_t start_agent(int *go)
{
	return start_agent_in(group, go);
}

static void end_agent(pid_t agent, int go)
{
	(void)!write(go, "", 1);
	waitpid(agent, NULL, 0);
	close(go);
}

/* The unit starts, and its agent connects before, or after, the group has its lens. */
static void play_a_start(bool in_time)
{
	pid_t agent;
	int go;

	forget_all();
	pretend_time_is_up();
	CU_ASSERT_EQUAL(hot_links(), 0);
	CU_ASSERT_EQUAL(probe_next_look(probe), USEC_INFINITY);
	CU_ASSERT_EQUAL_FATAL(mkdir(group, 0755), 0);
	if (in_time)
		drain(); /* attaches it, and looks for connections that were faster */
	agent = start_agent(&go);
	pretend_time_is_up();
	CU_ASSERT_EQUAL(hot_links(), in_time ? 0 : 3);
	end_agent(agent, go);
	for (int i = 0;
	     (hot_links() > 0 || told_count == 0 || !told[0].ended) && i < PATIENCE * 100; i++) {
		pretend_time_is_up();
		poll(NULL, 0, 10);
	}
	CU_ASSERT_EQUAL(told_count, 1);
	CU_ASSERT(told[0].begun == 1 && told[0].up == in_time && told[0].ended == 1);
	CU_ASSERT_EQUAL(hot_links(), 0);
	remove_group(group);
	drain();
	CU_ASSERT_EQUAL(hot_links(), 3); /* it may start again at once */
	pretend_time_is_up();
	CU_ASSERT_EQUAL(hot_links(), 3);
	CU_ASSERT_EQUAL(probe_next_look(probe), probe->lens.restart_until);
	probe->lens.restart_until = 0;
}

static void a_group_to_come_needs_none(void)
{
	pid_t hub = start_hub();
	char name[64];

	begin();
	snprintf(name, sizeof(name), "%s", strrchr(group, '/') + 1);
	CU_ASSERT_EQUAL_FATAL(rmdir(group), 0);
	CU_ASSERT_EQUAL_FATAL(probe_watch_cgroup_to_come(probe, cgroup_tree_root(), name, AGENT),
			      0);
	play_a_start(true);
	if (probe_shows_connections(probe))
		play_a_start(false);
	play_a_start(true);
	CU_ASSERT_EQUAL_FATAL(mkdir(group, 0755), 0);
	kill(hub, SIGKILL);
	waitpid(hub, NULL, 0);
	end();
}

/* No lens of a group sees a connection that is older than it, to the end of that. */
static void an_older_connection_needs_it(void)
{
	pid_t hub = start_hub(), agent;
	int go;

	begin();
	agent = start_agent(&go);
	CU_ASSERT_EQUAL_FATAL(probe_watch_cgroup(probe, group, AGENT), 0);
	if (probe_find_connections(probe) == -EOPNOTSUPP) {
		puts("skip  lens: this kernel shows no older connections");
	} else {
		pretend_time_is_up();
		CU_ASSERT_EQUAL(hot_links(), 3);
		end_agent(agent, go);
		await_no_lens();
		CU_ASSERT_EQUAL(hot_links(), 0);
		CU_ASSERT_EQUAL(told_count, 1);
		CU_ASSERT(told[0].begun == 1 && told[0].ended == 1);
	}
	kill(hub, SIGKILL);
	waitpid(hub, NULL, 0);
	end();
}

/* ---- others on the same groups */

enum {
	FIRST_OF_SOCK_OPS = 0, /* struct bpf_sock_ops, op */
	SOCK_OPS_CB_FLAGS_SET = 59,
	TCP_CONNECT_CB = 3,
	RTT_CB = 12,
	RTT_CB_FLAG = 1 << 3,
};

static int load_other(const char *name, const struct bpf_insn *instructions, size_t count)
{
	int program = bpf_prog_load(BPF_PROG_TYPE_SOCK_OPS, name, "GPL", instructions, count, NULL);

	CU_ASSERT_TRUE_FATAL(program >= 0);
	return program;
}

static int attach_other(int program, const char *where)
{
	int directory = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int link = bpf_link_create(program, directory, BPF_CGROUP_SOCK_OPS, NULL);

	close(program);
	close(directory);
	return link;
}

/* Like the worst of neighbours: it asks for no calls, whoever had asked for some. */
static int attach_greedy_program(void)
{
	const struct bpf_insn instructions[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 0 },
		{ .code = BPF_JMP | BPF_CALL, .imm = SOCK_OPS_CB_FLAGS_SET },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return attach_other(load_other("greedy", instructions, 4), group);
}

static int make_counter(void)
{
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "counter", sizeof(uint32_t), sizeof(uint64_t),
				 1, NULL);

	CU_ASSERT_TRUE_FATAL(map >= 0);
	return map;
}

static uint64_t counted(int map)
{
	const uint32_t key = 0;
	uint64_t count = 0;

	bpf_map_lookup_elem(map, &key, &count);
	return count;
}

/* Like most others: at connect() it asks for calls of its own and forgets those of others; it
 * counts in `map` how often it is called then. */
static int attach_usual_program(int map)
{
	const struct bpf_insn instructions[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_6, .src_reg = BPF_REG_1 },
		{ .code = BPF_LDX | BPF_MEM | BPF_W,
		  .dst_reg = BPF_REG_7,
		  .src_reg = BPF_REG_6,
		  .off = FIRST_OF_SOCK_OPS },
		{ .code = BPF_JMP | BPF_JNE | BPF_K,
		  .dst_reg = BPF_REG_7,
		  .off = 3,
		  .imm = TCP_CONNECT_CB },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = RTT_CB_FLAG },
		{ .code = BPF_JMP | BPF_CALL, .imm = SOCK_OPS_CB_FLAGS_SET },
		{ .code = BPF_JMP | BPF_JA, .off = 5 },
		{ .code = BPF_JMP | BPF_JNE | BPF_K,
		  .dst_reg = BPF_REG_7,
		  .off = 4,
		  .imm = RTT_CB },
		{ .code = BPF_LD | BPF_IMM | BPF_DW,
		  .dst_reg = BPF_REG_1,
		  .src_reg = BPF_PSEUDO_MAP_VALUE,
		  .imm = map },
		{ .imm = 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 1 },
		{ .code = BPF_STX | BPF_ATOMIC | BPF_DW,
		  .dst_reg = BPF_REG_1,
		  .src_reg = BPF_REG_2,
		  .imm = BPF_ADD },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	const size_t count = sizeof(instructions) / sizeof(instructions[0]);

	return attach_other(load_other("usual", instructions, count), group);
}

static void play_beside_others(bool first, bool last)
{
	pid_t hub = start_hub(), agent;
	int map = make_counter(), before = -1, after = -1;

	begin();
	if (first)
		before = attach_usual_program(map);
	CU_ASSERT_EQUAL_FATAL(probe_watch_cgroup(probe, group, AGENT), 0);
	if (last)
		after = attach_usual_program(map);
	CU_ASSERT_TRUE_FATAL((!first || before >= 0) && (!last || after >= 0));
	pretend_time_is_up();
	CU_ASSERT_EQUAL(hot_links(), 0);
	agent = fork();
	if (agent == 0) {
		enter_group();
		for (unsigned way = 0; way < 8; way++)
			end_somehow(connect_to_hub(), way);
		_exit(EXIT_SUCCESS);
	}
	waitpid(agent, NULL, 0);
	await_told(8);
	CU_ASSERT_EQUAL(told_count, 8);
	for (size_t i = 0; i < told_count; i++)
		CU_ASSERT(told[i].begun == 1 && told[i].up == 1 && told[i].ended == 1);
	CU_ASSERT_EQUAL(hot_links(), 0);
	CU_ASSERT(counted(map) >= 8);
	close(before);
	close(after);
	close(map);
	kill(hub, SIGKILL);
	waitpid(hub, NULL, 0);
	end();
}

static void others_get_their_calls_and_we_ours(void)
{
	play_beside_others(true, false);
	play_beside_others(false, true);
	play_beside_others(true, true);
}

/* A program that allows no other beside it, or is there only for groups without one of their own:
 * it stays, and the host's lens sees the agent. */
static void play_with_a_lone_program(bool above, unsigned flags)
{
	const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int program = load_other("lone", nothing, 2), directory;
	uint32_t ids[8], count = sizeof(ids) / sizeof(ids[0]), attached_with;
	pid_t hub = start_hub(), agent;
	char inner[512];
	int go;

	begin();
	snprintf(inner, sizeof(inner), "%s/inner", group);
	CU_ASSERT_EQUAL_FATAL(mkdir(inner, 0755), 0);
	directory = open(above ? group : inner, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CU_ASSERT_EQUAL_FATAL(bpf_prog_attach(program, directory, BPF_CGROUP_SOCK_OPS, flags), 0);
	close(directory);
	CU_ASSERT_EQUAL_FATAL(probe_watch_cgroup(probe, inner, AGENT), 0);
	pretend_time_is_up();
	CU_ASSERT_EQUAL(hot_links(), 3);
	directory = open(inner, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CU_ASSERT_EQUAL(bpf_prog_query(directory, BPF_CGROUP_SOCK_OPS, BPF_F_QUERY_EFFECTIVE,
				       &attached_with, ids, &count),
			0);
	CU_ASSERT_EQUAL(count, 1);
	close(directory);
	agent = start_agent_in(inner, &go);
	end_agent(agent, go);
	await_end();
	CU_ASSERT(told_count == 1 && told[0].begun == 1 && told[0].up == 1 && told[0].ended == 1);
	close(program);
	kill(hub, SIGKILL);
	waitpid(hub, NULL, 0);
	remove_group(inner);
	end();
}

static void a_program_that_wants_to_be_alone_stays(void)
{
	play_with_a_lone_program(false, 0);
	play_with_a_lone_program(true, 0);
	play_with_a_lone_program(true, BPF_F_ALLOW_OVERRIDE);
}

/* The programs of sockets that run for a group, those from above included. */
static unsigned programs_of(const char *where)
{
	int directory = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint32_t ids[64], count = sizeof(ids) / sizeof(ids[0]), flags;

	CU_ASSERT_EQUAL(bpf_prog_query(directory, BPF_CGROUP_SOCK_OPS, BPF_F_QUERY_EFFECTIVE,
				       &flags, ids, &count),
			0);
	close(directory);
	return count;
}

/* The agent has been given its group to do as it likes: it makes groups of its own there. */
static void an_agent_in_a_group_of_its_own_making_is_seen(void)
{
	pid_t hub = start_hub(), agent;
	char inner[512];
	unsigned above;
	int go;

	begin();
	above = programs_of(cgroup_tree_root());
	CU_ASSERT_EQUAL_FATAL(probe_watch_cgroup(probe, group, AGENT), 0);
	pretend_time_is_up();
	CU_ASSERT_EQUAL(hot_links(), 0);
	snprintf(inner, sizeof(inner), "%s/inner", group);
	CU_ASSERT_EQUAL_FATAL(mkdir(inner, 0755), 0);
	agent = start_agent_in(inner, &go);
	CU_ASSERT_EQUAL(programs_of(cgroup_tree_root()), above);
	CU_ASSERT_EQUAL(programs_of(inner), above + 1);
	end_agent(agent, go);
	await_end();
	CU_ASSERT(told_count == 1 && told[0].begun == 1 && told[0].up == 1 && told[0].ended == 1);
	CU_ASSERT_EQUAL(told[0].agent, AGENT);
	CU_ASSERT_EQUAL(hot_links(), 0);
	kill(hub, SIGKILL);
	waitpid(hub, NULL, 0);
	remove_group(inner);
	end();
}

static void a_connection_without_calls_needs_it(void)
{
	pid_t hub = start_hub(), agent;
	int go[2], greedy;
	char word;

	begin();
	CU_ASSERT_EQUAL_FATAL(pipe(go), 0);
	CU_ASSERT_EQUAL_FATAL(probe_watch_cgroup(probe, group, AGENT), 0);
	greedy = attach_greedy_program();
	CU_ASSERT_TRUE_FATAL(greedy >= 0);
	pretend_time_is_up();
	CU_ASSERT_EQUAL(hot_links(), 0);
	agent = fork();
	if (agent == 0) {
		enter_group();
		int fd = connect_to_hub();

		(void)!write(fd, "w", 1);
		(void)!read(go[0], &word, 1);
		close(fd);
		_exit(EXIT_SUCCESS);
	}
	for (int i = 0; hot_links() == 0 && i < PATIENCE * 100; i++) {
		drain();
		poll(NULL, 0, 10);
	}
	CU_ASSERT_EQUAL(hot_links(), 3);
	(void)!write(go[1], "", 1);
	waitpid(agent, NULL, 0);
	await_no_lens();
	CU_ASSERT_EQUAL(hot_links(), 0);
	CU_ASSERT(told_count == 1 && told[0].begun == 1 && told[0].ended == 1);
	close(greedy);
	kill(hub, SIGKILL);
	waitpid(hub, NULL, 0);
	end();
}

static bool is_told_once(size_t i)
{
	if (told[i].begun == 1 && told[i].up == 1 && told[i].ended == 1)
		return true;
	printf("      lens: begun %u, up %u, ended %u times\n", told[i].begun, told[i].up,
	       told[i].ended);
	return false;
}

/* The lenses of both groups are called for it. */
static void a_group_in_a_group_tells_once(void)
{
	pid_t hub = start_hub(), agent;
	char inner[512];

	begin();
	snprintf(inner, sizeof(inner), "%s/inner", group);
	CU_ASSERT_EQUAL_FATAL(mkdir(inner, 0755), 0);
	CU_ASSERT_EQUAL_FATAL(probe_watch_cgroup(probe, group, AGENT), 0);
	CU_ASSERT_EQUAL_FATAL(probe_watch_cgroup(probe, inner, INNER_AGENT), 0);
	pretend_time_is_up();
	CU_ASSERT_EQUAL(hot_links(), 0);
	agent = fork();
	if (agent == 0) {
		enter(inner);
		for (unsigned way = 0; way < 4; way++)
			end_somehow(connect_to_hub(), way);
		enter(group);
		for (unsigned way = 0; way < 4; way++)
			end_somehow(connect_to_hub(), way);
		_exit(EXIT_SUCCESS);
	}
	waitpid(agent, NULL, 0);
	await_told(8);
	CU_ASSERT_EQUAL(told_count, 8);
	for (size_t i = 0; i < told_count; i++) {
		CU_ASSERT(is_told_once(i));
		CU_ASSERT_EQUAL(told[i].agent, i < 4 ? INNER_AGENT : AGENT);
	}
	kill(hub, SIGKILL);
	waitpid(hub, NULL, 0);
	rmdir(inner);
	end();
}

/* Returns how many connections are kept by the address of their socket. */
static unsigned kept_by_address(void)
{
	const struct bpf_map *map = probe->bpf->maps.connections_by_address;
	uint64_t key, *before = NULL;
	unsigned count = 0;

	if (!bpf_map__autocreate(map))
		return 0;
	for (; bpf_map__get_next_key(map, before, &key, sizeof(key)) == 0; before = &key)
		count++;
	return count;
}

/* Closes without waiting for an answer. */
static void give_up(const struct sockaddr_in *peer)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	(void)!connect(fd, (const struct sockaddr *)peer, sizeof(*peer));
	close(fd);
}

/* A listener that answers one connection, and after it none: nobody accepts that one. */
static int be_silent(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*address = hub_address;
	address->sin_port = 0;
	CU_ASSERT_TRUE_FATAL(bind(fd, (struct sockaddr *)address, size) == 0 &&
			     listen(fd, 0) == 0 &&
			     getsockname(fd, (struct sockaddr *)address, &size) == 0);
	return fd;
}

/* Opens AT_ONCE + 3 connections. */
static void __attribute__((noreturn)) end_in_all_ways(const struct sockaddr_in *silent)
{
	struct sockaddr_in nobody = hub_address;
	int open[AT_ONCE];

	enter_group();
	for (size_t i = 0; i < AT_ONCE; i++)
		open[i] = connect_to_hub();
	for (size_t i = 0; i < AT_ONCE; i++)
		end_somehow(open[i], (unsigned)i);
	nobody.sin_port = htons(1);
	give_up(&nobody);
	open[0] = socket(AF_INET, SOCK_STREAM, 0);
	(void)!connect(open[0], (const struct sockaddr *)silent, sizeof(*silent));
	give_up(silent); /* in SYN_SENT */
	close(open[0]);
	close(socket(AF_INET, SOCK_STREAM, 0)); /* never opened */
	_exit(EXIT_SUCCESS);
}

/* Sockets go, and what is kept by their address with them; what little stays is looked for. */
static void nothing_is_left_of_sockets_that_are_gone(void)
{
	pid_t hub = start_hub(), agent;
	struct sockaddr_in silent;
	int listener = be_silent(&silent);

	begin();
	CU_ASSERT_EQUAL_FATAL(probe_watch_cgroup(probe, group, AGENT), 0);
	pretend_time_is_up();
	CU_ASSERT_EQUAL(hot_links(), 0);
	agent = fork();
	if (agent == 0)
		end_in_all_ways(&silent);
	waitpid(agent, NULL, 0);
	await_told(AT_ONCE + 3);
	CU_ASSERT_EQUAL(told_count, AT_ONCE + 3);
	CU_ASSERT_EQUAL(never_opened, 1);
	printf("      lens: %u of %zu left to be looked for\n", kept_by_address(), told_count);
	CU_ASSERT(kept_by_address() < AT_ONCE / 10);
	for (int i = 0; kept_by_address() > 0 && i < PATIENCE * 100; i++) {
		pretend_time_is_up();
		poll(NULL, 0, 10);
	}
	CU_ASSERT_EQUAL(kept_by_address(), 0);
	CU_ASSERT_EQUAL(hot_links(), 0);
	close(listener);
	kill(hub, SIGKILL);
	waitpid(hub, NULL, 0);
	end();
}

static void change_a_lens(unsigned number)
{
	switch (number % 4) {
	case 0:
		probe_lens_need(probe);
		break;
	case 1:
		pretend_time_is_up();
		break;
	case 2:
		probe_forget_cgroup(probe, group, AGENT);
		break;
	default:
		CU_ASSERT_EQUAL_FATAL(probe_watch_cgroup(probe, group, AGENT), 0);
		break;
	}
}

static bool all_have_ended(void)
{
	for (size_t i = 0; i < told_count; i++)
		if (!told[i].ended)
			return false;
	return told_count >= CONNECTIONS;
}

static void each_is_told_once_while_lenses_change(void)
{
	unsigned seed = (unsigned)clock_now(CLOCK_MONOTONIC), changes = 0, wrong = 0;
	pid_t hub = start_hub(), agent;
	usec_t deadline = clock_now(CLOCK_MONOTONIC) + 4 * PATIENCE * USEC_PER_SEC;
	int status = 0, words[2];
	size_t rounds = 0;

	printf("      lens: seed %u\n", seed);
	begin();
	CU_ASSERT_EQUAL_FATAL(probe_watch_cgroup(probe, group, AGENT), 0);
	CU_ASSERT_EQUAL_FATAL(pipe(words), 0);
	agent = fork();
	if (agent == 0)
		be_agent(seed, words[0]);
	while (waitpid(agent, &status, WNOHANG) == 0 && clock_now(CLOCK_MONOTONIC) < deadline) {
		/* no more than the ring holds, however busy the host is */
		if (rounds < ROUNDS && rounds * AT_A_TIME < told_count + 3 * AT_A_TIME)
			rounds += (size_t)write(words[1], "", 1);
		change_a_lens((unsigned)rand_r(&seed));
		changes++;
		drain();
	}
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
	while (!all_have_ended() && clock_now(CLOCK_MONOTONIC) < deadline) {
		drain();
		poll(NULL, 0, 10);
	}
	for (size_t i = 0; i < told_count; i++)
		wrong += !is_told_once(i);
	printf("      lens: %zu connections, %u changes of a lens, %u not told once\n", told_count,
	       changes, wrong);
	CU_ASSERT_EQUAL(told_count, CONNECTIONS);
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(never_opened, 0);
	kill(hub, SIGKILL);
	waitpid(hub, NULL, 0);
	end();
}

SUITE("lens", { "a group needs no lens of the host", a_group_needs_no_lens_of_the_host },
      { "a process needs it", a_process_needs_it },
      { "a group to come needs none", a_group_to_come_needs_none },
      { "an older connection needs it", an_older_connection_needs_it },
      { "a connection without calls needs it", a_connection_without_calls_needs_it },
      { "others get their calls and we ours", others_get_their_calls_and_we_ours },
      { "a program that wants to be alone stays", a_program_that_wants_to_be_alone_stays },
      { "an agent in a group of its own making is seen",
	an_agent_in_a_group_of_its_own_making_is_seen },
      { "a group in a group tells once", a_group_in_a_group_tells_once },
      { "nothing is left of sockets that are gone", nothing_is_left_of_sockets_that_are_gone },
      { "each is told once while lenses change", each_is_told_once_while_lenses_change })

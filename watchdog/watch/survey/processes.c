/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch/survey/processes.h"

#include <errno.h>
#include <fts.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/keyed_table.h"
#include "base/text.h"
#include "sources/process_events.h"
#include "support/cleanup.h"
#include "support/clock.h"
#include "support/process_files.h"
#include "support/process_tree.h"

/* Control groups below one root that a refresh looks into: who may make them could make any number,
 * and every look refreshes. */
enum { GROUPS_AT_ONCE = 256 };

/* A process or a control group that an agent's processes descend from. */
struct root {
	LIST_ENTRY(root) next;
	uint32_t agent;
	pid_t pid;   /* 0: a control group */
	bool beyond; /* it was told that it has more groups than are looked into */
	char path[];
};

struct watch_processes {
	struct process_events *events;
	struct keyed_table table; /* struct agent_process by pid */
	LIST_HEAD(, root) roots;
	/* during a drain or a refresh */
	event_sink sink;
	void *userdata;
	uint32_t agent; /* the one whose root is being walked */
	bool ended;     /* an agent's process */
};

/* ---- telling */

static void tell_process(struct watch_processes *processes, enum event_type type,
			 const struct agent_process *process, usec_t time, int signal)
{
	struct event event = {
		.type = type,
		.time = time,
		.agent = process->agent,
		.process = { .task = process->task, .signal = signal },
	};

	processes->sink(processes->userdata, &event);
}

/* Reads the name of the process, and at first when it started. */
static void read_name(struct agent_process *process)
{
	struct process_status status;

	if (process_status_read((pid_t)process->task.pid, &status) < 0)
		return;
	memcpy(process->task.comm, status.comm, sizeof(process->task.comm));
	if (!process->task.started)
		process->task.started = status.started;
}

/* A process that finds no room is not watched: there are no more of them than connections. */
static void begin_process(struct watch_processes *processes, pid_t pid, uint32_t agent, usec_t time)
{
	struct agent_process *process;

	if (keyed_table_find(&processes->table, (uint64_t)pid))
		return;
	process = keyed_table_add(&processes->table, (uint64_t)pid);
	if (!process)
		return;
	process->agent = agent;
	process->task = (struct task){ .pid = (uint32_t)pid, .in_agent = true };
	read_name(process);
	tell_process(processes, EVENT_STARTED, process, time, 0);
}

/* ---- what the kernel tells */

static void forget_root(struct root *root)
{
	LIST_REMOVE(root, next);
	free(root);
}

static void forget_roots(struct watch_processes *processes, pid_t pid)
{
	struct root *root, *next;

	for (root = LIST_FIRST(&processes->roots); root; root = next) {
		next = LIST_NEXT(root, next);
		if (root->pid == pid)
			forget_root(root);
	}
}

/* A process has ended when all its threads have. The first thread stays to the end, as a zombie. */
static bool all_threads_ended(const struct agent_process *process)
{
	struct process_status status;

	return process->leader_ended &&
	       (process_status_read((pid_t)process->task.pid, &status) < 0 ||
		status.started != process->task.started || status.threads <= 1);
}

static void take_exit(struct watch_processes *processes, struct agent_process *process,
		      const struct process_notice *notice)
{
	process->exit_code = notice->exit_code;
	if (notice->thread == notice->pid)
		process->leader_ended = true;
	if (!all_threads_ended(process))
		return;
	process->task.exit_code = process->exit_code;
	process->task.exiting = true;
	tell_process(processes, EVENT_EXITED, process, notice->time, 0);
	forget_roots(processes, notice->pid);
	keyed_table_remove(&processes->table, process);
	processes->ended = true;
}

static void take_notice(void *userdata, const struct process_notice *notice)
{
	struct watch_processes *processes = userdata;
	pid_t known = notice->type == PROCESS_FORKED ? notice->parent : notice->pid;
	struct agent_process *process = keyed_table_find(&processes->table, (uint64_t)known);

	if (!process)
		return;
	switch (notice->type) {
	case PROCESS_FORKED:
		begin_process(processes, notice->pid, process->agent, notice->time);
		break;
	case PROCESS_EXECED:
		read_name(process);
		tell_process(processes, EVENT_EXECED, process, notice->time, 0);
		break;
	case PROCESS_DUMPING:
		tell_process(processes, EVENT_DUMPING, process, notice->time, 0);
		break;
	case PROCESS_EXITED:
		take_exit(processes, process, notice);
		break;
	}
}

int watch_processes_drain(struct watch_processes *processes, event_sink sink, void *userdata)
{
	int r;

	processes->sink = sink;
	processes->userdata = userdata;
	processes->ended = false;
	r = process_events_drain(processes->events, take_notice, processes);
	return r < 0 ? r : processes->ended;
}

/* ---- what /proc and the control groups tell */

static int take_descendant(void *userdata, pid_t pid)
{
	struct watch_processes *processes = userdata;

	begin_process(processes, pid, processes->agent, clock_now(CLOCK_MONOTONIC));
	return 0;
}

static void walk_members(struct watch_processes *processes, const char *group)
{
	_cleanup_fclose_ FILE *members = NULL;
	_cleanup_free_ char *path = NULL;
	int pid;

	if (asprintf(&path, "%s/cgroup.procs", group) < 0)
		return;
	members = fopen(path, "re");
	while (members && fscanf(members, "%d", &pid) == 1)
		if (pid > 0) /* 0: not in our pid namespace */
			take_descendant(processes, pid);
}

static void tell_beyond(struct watch_processes *processes, struct root *root)
{
	const struct event event = {
		.type = EVENT_LOST,
		.time = clock_now(CLOCK_MONOTONIC),
		.agent = root->agent,
		.lost.groups = 1, /* at least */
	};

	if (!root->beyond)
		processes->sink(processes->userdata, &event);
	root->beyond = true;
}

static void walk_group(struct watch_processes *processes, struct root *root)
{
	char *paths[] = { root->path, NULL };
	FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR | FTS_NOSTAT, NULL);
	FTSENT *entry = NULL;
	unsigned groups = 0;

	while (tree && groups < GROUPS_AT_ONCE && (entry = fts_read(tree))) {
		if (entry->fts_info != FTS_D)
			continue;
		walk_members(processes, entry->fts_path);
		groups++;
	}
	if (entry)
		tell_beyond(processes, root);
	if (tree)
		fts_close(tree);
}

static void walk_roots(struct watch_processes *processes)
{
	struct root *root;

	LIST_FOREACH(root, &processes->roots, next)
	{
		processes->agent = root->agent;
		if (!root->pid)
			walk_group(processes, root);
		else
			process_tree_walk(root->pid, take_descendant, processes);
	}
}

/* Tells that a signal has stopped the process, or that it goes on. Which signal, and who sent it,
 * is not known. */
static void look_at(struct watch_processes *processes, struct agent_process *process)
{
	struct process_status status;
	bool stopped;

	if (process_status_read((pid_t)process->task.pid, &status) < 0 ||
	    status.started != process->task.started) {
		if (process->missing) { /* the event of its end was lost */
			forget_roots(processes, (pid_t)process->task.pid);
			keyed_table_remove(&processes->table, process);
			return;
		}
		process->missing = true;
		return;
	}
	stopped = status.state == 'T';
	if (stopped != process->stopped)
		tell_process(processes, EVENT_SIGNALED, process, clock_now(CLOCK_MONOTONIC),
			     stopped ? SIGSTOP : SIGCONT);
	process->stopped = stopped;
}

void watch_processes_refresh(struct watch_processes *processes, event_sink sink, void *userdata)
{
	struct agent_process *process = NULL;

	processes->sink = sink;
	processes->userdata = userdata;
	walk_roots(processes);
	while ((process = keyed_table_next(&processes->table, process)))
		look_at(processes, process);
}

const struct agent_process *watch_processes_next(const struct watch_processes *processes,
						 const struct agent_process *process)
{
	return keyed_table_next(&processes->table, process);
}

/* ---- who is watched */

static int add_root(struct watch_processes *processes, pid_t pid, const char *path, uint32_t agent)
{
	size_t size = strlen(path) + 1;
	struct root *root = calloc(1, sizeof(*root) + size);

	if (!root)
		return -ENOMEM;
	root->agent = agent;
	root->pid = pid;
	text_copy(root->path, size, path);
	LIST_INSERT_HEAD(&processes->roots, root, next);
	return 0;
}

/* Tells no EVENT_STARTED: the caller knows the process. */
int watch_processes_add(struct watch_processes *processes, pid_t pid, uint32_t agent)
{
	struct agent_process *process;

	if (kill(pid, 0) < 0 && errno == ESRCH)
		return -ESRCH;
	process = keyed_table_find(&processes->table, (uint64_t)pid)
			  ?: keyed_table_add(&processes->table, (uint64_t)pid);
	if (!process)
		return -ENOSPC;
	process->agent = agent;
	process->task = (struct task){ .pid = (uint32_t)pid, .in_agent = true };
	read_name(process);
	return add_root(processes, pid, "", agent);
}

static struct root *find_group(struct watch_processes *processes, const char *path, uint32_t agent)
{
	struct root *root;

	LIST_FOREACH(root, &processes->roots, next)
	if (!root->pid && root->agent == agent && strcmp(root->path, path) == 0)
		break;
	return root;
}

int watch_processes_add_group(struct watch_processes *processes, const char *path, uint32_t agent)
{
	return find_group(processes, path, agent) ? 0 : add_root(processes, 0, path, agent);
}

void watch_processes_forget_group(struct watch_processes *processes, const char *path,
				  uint32_t agent)
{
	struct root *root = find_group(processes, path, agent);

	if (root)
		forget_root(root);
}

void watch_processes_forget_agent(struct watch_processes *processes, uint32_t agent)
{
	struct agent_process *process = NULL;
	struct root *root, *next;

	for (root = LIST_FIRST(&processes->roots); root; root = next) {
		next = LIST_NEXT(root, next);
		if (root->agent == agent)
			forget_root(root);
	}
	while ((process = keyed_table_next(&processes->table, process)))
		if (process->agent == agent)
			keyed_table_remove(&processes->table, process);
}

bool watch_processes_none(const struct watch_processes *processes)
{
	return LIST_EMPTY(&processes->roots) && processes->table.count == 0;
}

/* ---- building and taking down */

int watch_processes_new(struct watch_processes **ret, uint32_t max)
{
	struct watch_processes *processes = calloc(1, sizeof(*processes));
	int r;

	if (!processes)
		return -ENOMEM;
	LIST_INIT(&processes->roots);
	r = keyed_table_init(&processes->table, max, sizeof(struct agent_process));
	if (r >= 0)
		r = process_events_open(&processes->events);
	if (r < 0) {
		watch_processes_free(processes);
		return r;
	}
	*ret = processes;
	return 0;
}

struct watch_processes *watch_processes_free(struct watch_processes *processes)
{
	struct root *root;

	if (!processes)
		return NULL;
	while ((root = LIST_FIRST(&processes->roots)))
		forget_root(root);
	process_events_close(processes->events);
	keyed_table_release(&processes->table);
	free(processes);
	return NULL;
}

int watch_processes_fd(const struct watch_processes *processes)
{
	return process_events_fd(processes->events);
}

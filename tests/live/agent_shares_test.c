/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One agent makes more control groups than the probe can watch: the other agent's group is watched
 * all the same, the first one's loss is said, and descriptors are left. Needs root. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit/suite.h"
#include "sources/probe.h"
#include "support/cgroup_tree.h"

enum { FLOODING_AGENT = 1, CALM_AGENT = 2, GROUPS = 17000, SCOPES = 3000 };

static char ours[256];
static struct probe *probe;
static uint64_t missed[3];
static unsigned opened[3];

static void take(void *userdata, const struct event *event)
{
	(void)userdata;
	CU_ASSERT_TRUE_FATAL(event->agent <= CALM_AGENT);
	if (event->type == EVENT_LOST)
		missed[event->agent] += event->lost.groups;
	if (event->type == EVENT_OPENED)
		opened[event->agent]++;
}

static void __attribute__((format(printf, 2, 3)))
path_of(char path[static 512], const char *format, ...)
{
	int length = snprintf(path, 256, "%s", ours);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(path + length, 256, format, arguments);
	va_end(arguments);
}

static void make(const char *name)
{
	char path[512];

	path_of(path, "%s", name);
	CHECK(mkdir(path, 0755) == 0, path);
}

static void drop(const char *name)
{
	char path[512];

	path_of(path, "%s", name);
	CHECK(rmdir(path) == 0, path);
}

static void begin(void)
{
	const char *complaint = "";

	snprintf(ours, sizeof(ours), "%s/connwatch-shares-%d", cgroup_tree_root(), getpid());
	make("");
	memset(missed, 0, sizeof(missed));
	memset(opened, 0, sizeof(opened));
	CHECK(probe_open(&probe, NULL, &complaint) == 0, complaint);
	CU_ASSERT_PTR_NOT_NULL_FATAL(probe);
}

static void end(void)
{
	probe = probe_close(probe);
	drop("");
}

/* In a child that joins the group at `path`: begins a connection to a port that nobody listens at.
 */
static void connect_in(const char *path)
{
	const struct sockaddr_in nobody = { .sin_family = AF_INET,
					    .sin_port = htons(1),
					    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	char procs[600];
	pid_t child = fork();

	if (child == 0) {
		FILE *members;
		int fd;

		snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
		members = fopen(procs, "we");
		if (!members || fputs("0", members) < 0 || fclose(members) != 0)
			_exit(1);
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		_exit(connect(fd, (const struct sockaddr *)&nobody, sizeof(nobody)) == 0 ? 1 : 0);
	}
	CU_ASSERT_EQUAL(waitpid(child, NULL, 0), child);
}

/* The one who floods has a part of the tree, and makes groups there; the other one's group comes
 * later, as that of a unit. */
static void a_flood_of_groups_leaves_room_to_others(void)
{
	char path[512], name[64];

	begin();
	make("/flood");
	path_of(path, "/flood");
	CU_ASSERT_EQUAL(probe_watch_cgroup(probe, path, FLOODING_AGENT), 0);
	CU_ASSERT_EQUAL(probe_watch_cgroup_to_come(probe, ours, "calm", CALM_AGENT), 0);
	for (int i = 0; i < GROUPS; i++) {
		snprintf(name, sizeof(name), "/flood/%d", i);
		make(name);
	}
	make("/calm");
	path_of(path, "/calm");
	connect_in(path);
	path_of(path, "/flood/1");
	connect_in(path);
	CU_ASSERT_TRUE(probe_drain(probe, take, NULL) >= 0);
	CU_ASSERT_EQUAL(opened[CALM_AGENT], 1);
	CU_ASSERT_EQUAL(opened[FLOODING_AGENT], 1);
	CU_ASSERT_EQUAL(missed[CALM_AGENT], 0);
	CHECK(missed[FLOODING_AGENT] > GROUPS / 10, "the loss is said");
	for (int i = 0; i < GROUPS; i++) {
		snprintf(name, sizeof(name), "/flood/%d", i);
		drop(name);
	}
	drop("/flood");
	drop("/calm");
	end();
}

/* The groups are there when the watchdog comes, and one agent's match them first. */
static void a_flood_that_is_there_leaves_room_to_others(void)
{
	char path[512], name[64];

	begin();
	make("/flood");
	make("/calm");
	for (int i = 0; i < GROUPS; i++) {
		snprintf(name, sizeof(name), "/flood/%d", i);
		make(name);
	}
	path_of(path, "/flood");
	CU_ASSERT_EQUAL(probe_watch_cgroup(probe, path, FLOODING_AGENT), 0);
	path_of(path, "/calm");
	CU_ASSERT_EQUAL(probe_watch_cgroup(probe, path, CALM_AGENT), 0);
	connect_in(path);
	CU_ASSERT_TRUE(probe_drain(probe, take, NULL) >= 0);
	CU_ASSERT_EQUAL(opened[CALM_AGENT], 1);
	CHECK(missed[FLOODING_AGENT] > 0 && missed[CALM_AGENT] == 0, "the loss is said");

	/* what the one gives back, the next one can have */
	CU_ASSERT_EQUAL(probe_unwatch(probe, FLOODING_AGENT), 0);
	missed[CALM_AGENT] = 0;
	for (int i = 0; i < SCOPES; i++) {
		path_of(path, "/flood/%d", i);
		CU_ASSERT_EQUAL(probe_watch_cgroup(probe, path, CALM_AGENT), 0);
	}
	CU_ASSERT_TRUE(probe_drain(probe, take, NULL) >= 0);
	CU_ASSERT_EQUAL(missed[CALM_AGENT], 0);
	for (int i = 0; i < GROUPS; i++) {
		snprintf(name, sizeof(name), "/flood/%d", i);
		drop(name);
	}
	drop("/flood");
	drop("/calm");
	end();
}

static unsigned count_descriptors(void)
{
	DIR *open = opendir("/proc/self/fd");
	unsigned count = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(open);
	while (readdir(open))
		count++;
	closedir(open);
	return count;
}

/* Each group whose packets are looked at takes a descriptor. */
static void many_groups_leave_descriptors(void)
{
	struct rlimit limit = { 1024, 1024 };
	char path[512], name[64];
	unsigned before;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 1024;
	setrlimit(RLIMIT_NOFILE, &limit);
	begin();
	before = count_descriptors();
	for (int i = 0; i < SCOPES; i++) {
		snprintf(name, sizeof(name), "/docker-%d.scope", i);
		make(name);
		path_of(path, "%s", name);
		CHECK(probe_watch_cgroup(probe, path, FLOODING_AGENT) == 0, path);
	}
	CU_ASSERT_TRUE(count_descriptors() > before);
	CU_ASSERT_TRUE(count_descriptors() <= before + 512 * 3 / 4 * 4 / 5 + 1);
	connect_in(path); /* is watched without that */
	CU_ASSERT_TRUE(probe_drain(probe, take, NULL) >= 0);
	CU_ASSERT_EQUAL(opened[FLOODING_AGENT], 1);
	CU_ASSERT_EQUAL(missed[FLOODING_AGENT], 0);

	make("/calm");
	before = count_descriptors();
	path_of(path, "/calm");
	CU_ASSERT_EQUAL(probe_watch_cgroup(probe, path, CALM_AGENT), 0);
	CU_ASSERT_TRUE(count_descriptors() > before);
	for (int i = 0; i < SCOPES; i++) {
		snprintf(name, sizeof(name), "/docker-%d.scope", i);
		drop(name);
	}
	drop("/calm");
	end();
}

SUITE("agent_shares",
      { "a flood of groups leaves room to others", a_flood_of_groups_leaves_room_to_others },
      { "a flood that is there leaves room to others",
	a_flood_that_is_there_leaves_room_to_others },
      { "many groups leave descriptors", many_groups_leave_descriptors })

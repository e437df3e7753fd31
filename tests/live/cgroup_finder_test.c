/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The finder on the real control groups, in one of our own. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit/suite.h"
#include "base/text.h"
#include "sources/cgroup_finder.h"
#include "support/cgroup_tree.h"
#include "support/clock.h"

enum { AGENT = 3, FLOODING_AGENT = 5, PATIENCE_MS = 5000, NOBODY = 65534 };

static char ours[256]; /* stands for the root of the control groups */
static char told[4096];
static struct text all;
static struct cgroup_finder *finder;

/* Of the flooding agent. */
static unsigned flood_found, flood_missed;
static unsigned settled;
static usec_t longest_drain;

/* ---- what the finder tells, as "+PATH|" and "-PATH|" */

static void on_found(void *userdata, uint32_t agent, const char *path)
{
	(void)userdata;
	if (agent == FLOODING_AGENT) {
		flood_found++;
		return;
	}
	CU_ASSERT_EQUAL(agent, AGENT);
	text_add(&all, "+%s|", path + strlen(ours));
}

static void on_gone(void *userdata, uint32_t agent, const char *path)
{
	(void)userdata;
	if (agent == FLOODING_AGENT) {
		flood_found--;
		return;
	}
	CU_ASSERT_EQUAL(agent, AGENT);
	text_add(&all, "-%s|", path + strlen(ours));
}

static void on_settled(void *userdata)
{
	(void)userdata;
	settled++;
}

static void on_missed(void *userdata, uint32_t agent, uint32_t count)
{
	(void)userdata;
	CU_ASSERT_EQUAL(agent, FLOODING_AGENT);
	flood_missed += count;
}

static void on_notice(void *userdata, const char *text, int error)
{
	(void)userdata, (void)error;
	text_add(&all, "!%s|", text);
}

static const struct source_listener listener = { .notice = on_notice };
static const struct cgroup_options options = {
	ours, on_found, on_gone, on_settled, on_missed, NULL,
};

static void drain(void)
{
	usec_t begun = clock_now(CLOCK_MONOTONIC), took;

	cgroup_finder_drain(finder);
	took = clock_now(CLOCK_MONOTONIC) - begun;
	if (took > longest_drain)
		longest_drain = took;
}

/* Drains as the loop does, until there is nothing to do. */
static void settle(void)
{
	for (;;) {
		struct source_wait wait = { .events = POLLIN, .deadline = USEC_INFINITY };
		struct pollfd ready = { .fd = cgroup_finder_fd(finder) };
		usec_t now = clock_now(CLOCK_MONOTONIC);
		bool rests;

		cgroup_finder_wait(finder, &wait);
		rests = !wait.events && wait.deadline > now;
		ready.events = (short)wait.events;
		if (poll(&ready, 1, rests ? (int)((wait.deadline - now) / USEC_PER_MSEC) + 1 : 0) ==
			    0 &&
		    !rests && wait.deadline > now)
			return;
		drain();
	}
}

static void expect(const char *expected)
{
	struct pollfd ready = { .fd = cgroup_finder_fd(finder), .events = POLLIN };

	if (*expected && !*told)
		CU_ASSERT_EQUAL(poll(&ready, 1, PATIENCE_MS), 1);
	settle();
	CHECK(strcmp(told, expected) == 0, told);
	all = (struct text)TEXT_IN(told);
}

/* ---- groups */

static void make(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s%s", ours, name);
	CHECK(mkdir(path, 0755) == 0, path);
}

static void drop(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s%s", ours, name);
	CHECK(rmdir(path) == 0, path);
}

static void begin(void)
{
	snprintf(ours, sizeof(ours), "%s/connwatch-finder-%d", cgroup_tree_root(), getpid());
	make("");
	CU_ASSERT_EQUAL_FATAL(cgroup_finder_open(&finder, &listener, &options), 0);
	all = (struct text)TEXT_IN(told);
}

static void end(void)
{
	finder = cgroup_finder_close(finder);
	drop("");
}

/* ---- tests */

static void what_is_there_is_found_at_once(void)
{
	begin();
	make("/a");
	make("/a/docker-1.scope");
	make("/docker-2.scope");
	CU_ASSERT_EQUAL(cgroup_finder_add(finder, "/**/docker-*.scope", AGENT, false), 2);
	CHECK(strstr(told, "+/a/docker-1.scope|") && strstr(told, "+/docker-2.scope|"), told);
	all = (struct text)TEXT_IN(told);
	CU_ASSERT_EQUAL(cgroup_finder_add(finder, "/a/docker-1.scope", AGENT, false), 1);
	expect("");
	drop("/docker-2.scope");
	expect("-/docker-2.scope|");
	drop("/a/docker-1.scope");
	expect("-/a/docker-1.scope|");
	drop("/a");
	end();
}

static void what_comes_later_is_found_once(void)
{
	begin();
	CU_ASSERT_EQUAL(cgroup_finder_add(finder, "/**/docker-*.scope", AGENT, false), 0);
	make("/a");
	make("/a/b");
	make("/a/b/docker-1.scope");
	expect("+/a/b/docker-1.scope|");
	make("/a/docker-2.scope");
	make("/a/other-3.scope");
	expect("+/a/docker-2.scope|");
	drop("/a/docker-2.scope");
	expect("-/a/docker-2.scope|");
	make("/a/docker-2.scope");
	expect("+/a/docker-2.scope|");
	drop("/a/docker-2.scope");
	drop("/a/other-3.scope");
	drop("/a/b/docker-1.scope");
	drop("/a/b");
	drop("/a");
	expect("-/a/docker-2.scope|-/a/b/docker-1.scope|");
	make("/a");
	make("/a/docker-4.scope");
	expect("+/a/docker-4.scope|");
	drop("/a/docker-4.scope");
	drop("/a");
	end();
}

static void a_path_without_stars_may_come_later_too(void)
{
	begin();
	CU_ASSERT_EQUAL(cgroup_finder_add(finder, "/a/b", AGENT, false), 0);
	make("/a");
	make("/a/c");
	make("/a/b");
	make("/a/b/d");
	expect("+/a/b|");
	drop("/a/b/d");
	drop("/a/b");
	drop("/a/c");
	drop("/a");
	end();
}

static void what_is_no_longer_wanted_is_not_told_of(void)
{
	begin();
	cgroup_finder_add(finder, "/*", AGENT, false);
	make("/a");
	expect("+/a|");
	cgroup_finder_remove(finder, AGENT);
	drop("/a");
	make("/b");
	expect("");
	CU_ASSERT_EQUAL(cgroup_finder_add(finder, "/*", AGENT, false), 1);
	expect("+/b|");
	drop("/b");
	end();
}

/* The queue holds fs.inotify.max_queued_events, 16384 by default. */
static void a_flood_makes_it_look_again(void)
{
	begin();
	cgroup_finder_add(finder, "/a*", AGENT, false);
	make("/a1");
	expect("+/a1|");
	for (int i = 0; i < 9000; i++) {
		make("/x");
		drop("/x");
	}
	drop("/a1");
	make("/a2");
	expect("+/a2|-/a1|");
	make("/a3");
	expect("+/a3|");
	for (int i = 0; i < 9000; i++) {
		make("/x");
		drop("/x");
	}
	drop("/a2");
	make("/a2");
	expect("-/a2|+/a2|"); /* another one */
	drop("/a2");
	drop("/a3");
	end();
}

/* ---- who makes many */

/* More than the share of one agent, and as many in one go as fit into inotify's queue. */
enum { FLOOD = 11000, LATE_FLOOD = 1000 };

static void make_flood(int from, int to)
{
	char name[64];

	for (int i = from; i < to; i++) {
		snprintf(name, sizeof(name), "/flood/x-%d.scope", i);
		make(name);
	}
}

static void drop_flood(void)
{
	char name[64];

	for (int i = 0; i < FLOOD + LATE_FLOOD; i++) {
		snprintf(name, sizeof(name), "/flood/x-%d.scope", i);
		drop(name);
	}
	drop("/flood");
}

static void expect_bounded(void)
{
	char text[128];

	snprintf(text, sizeof(text), "the longest turn took %llu us",
		 (unsigned long long)longest_drain);
	CHECK(longest_drain < 500 * USEC_PER_MSEC, text);
}

static void start_beside_flood(void)
{
	usec_t begun = clock_now(CLOCK_MONOTONIC);

	cgroup_finder_add(finder, "/**/x-*.scope", FLOODING_AGENT, false);
	for (int i = 0; i < 20; i++)
		CU_ASSERT_EQUAL(cgroup_finder_add(finder, "/calm-1.scope", AGENT, false), 1);
	CU_ASSERT_EQUAL(cgroup_finder_add(finder, "/calm-2.scope", AGENT, false), -EINPROGRESS);
	CHECK(clock_now(CLOCK_MONOTONIC) - begun < 2 * USEC_PER_SEC, "the start waits for a flood");
	expect("+/calm-1.scope|");
}

/* The flood comes beyond its agent's share of groups, and of directories to follow: neither keeps
 * another agent's group from being found, nor the caller from its other work. */
static void a_flood_of_groups_leaves_room_to_others(void)
{
	begin();
	make("/flood");
	make_flood(0, FLOOD);
	make("/calm-1.scope");
	flood_found = flood_missed = settled = 0;
	longest_drain = 0;
	start_beside_flood();
	CHECK(flood_found > FLOOD / 2 && flood_found < FLOOD, "the flood has its share");
	CU_ASSERT_TRUE(flood_missed > 0);
	CU_ASSERT_TRUE(settled > 0 && settled < flood_found / 4);
	make_flood(FLOOD, FLOOD + LATE_FLOOD);
	make("/calm-2.scope");
	expect("+/calm-2.scope|");
	drop_flood();
	drop("/calm-1.scope");
	drop("/calm-2.scope");
	settle();
	CU_ASSERT_EQUAL(flood_found, 0);
	CHECK(strstr(told, "-/calm-1.scope|") && strstr(told, "-/calm-2.scope|"), told);
	expect_bounded();
	end();
}

/* A level is not a descriptor. */
static void a_deep_nest_takes_no_descriptors(void)
{
	enum { LEVELS = 100, FREE = 8 };
	char path[2 * LEVELS + 32] = "", expected[sizeof(path) + 32];
	struct rlimit before, few;
	int lowest = dup(STDIN_FILENO);

	close(lowest);
	begin();
	getrlimit(RLIMIT_NOFILE, &before);
	few = before;
	few.rlim_cur = (rlim_t)lowest + FREE;
	for (int i = 0; i < LEVELS; i++) {
		strcat(path, "/d");
		make(path);
	}
	make("/d/last");
	setrlimit(RLIMIT_NOFILE, &few);
	CU_ASSERT_EQUAL(cgroup_finder_add(finder, "/**/last", AGENT, false), 1);
	strcat(path, "/last");
	make(path);
	snprintf(expected, sizeof(expected), "+/d/last|+%s|", path);
	expect(expected);
	drop("/d/last");
	settle();
	setrlimit(RLIMIT_NOFILE, &before);
	for (; *path; *strrchr(path, '/') = '\0')
		drop(path);
	end();
}

/* ---- groups that others made */

static void give(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s%s", ours, name);
	CHECK(chown(path, NOBODY, NOBODY) == 0, path);
}

static void make_as_nobody(const char *name)
{
	CU_ASSERT_EQUAL(seteuid(NOBODY), 0);
	make(name);
	CU_ASSERT_EQUAL(seteuid(0), 0);
}

/* How many directories the finder follows, as proc(5) has it of its descriptor. */
static unsigned followed(void)
{
	char path[64], line[256];
	unsigned count = 0;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", cgroup_finder_fd(finder));
	info = fopen(path, "re");
	CU_ASSERT_PTR_NOT_NULL_FATAL(info);
	while (fgets(line, sizeof(line), info))
		count += strncmp(line, "inotify ", 8) == 0;
	fclose(info);
	return count;
}

#define FOREIGN                                                                               \
	"!a control group that ControlGroup= means does not count: it is not root's, or one " \
	"above it is not (Delegated=no)|"

static void what_others_made_does_not_count(void)
{
	begin();
	make("/user");
	give("/user");
	make_as_nobody("/user/docker-1.scope");
	CU_ASSERT_EQUAL(cgroup_finder_add(finder, "/**/docker-*.scope", AGENT, false), 0);
	CU_ASSERT_EQUAL(followed(), 1);
	expect("");
	make_as_nobody("/user/docker-2.scope");
	make("/docker-3.scope");
	expect("+/docker-3.scope|");
	drop("/docker-3.scope");
	drop("/user/docker-2.scope");
	drop("/user/docker-1.scope");
	drop("/user");
	expect("-/docker-3.scope|");
	end();
}

/* systemd makes a directory before it gives it to its user: the finder follows it by then. */
static void what_others_make_later_does_not_count(void)
{
	begin();
	CU_ASSERT_EQUAL(cgroup_finder_add(finder, "/**/docker-*.scope", AGENT, false), 0);
	make("/user");
	expect("");
	give("/user");
	make_as_nobody("/user/docker-1.scope");
	make_as_nobody("/user/a");
	make_as_nobody("/user/a/docker-2.scope");
	expect(FOREIGN);
	make_as_nobody("/user/docker-3.scope");
	make("/docker-4.scope");
	expect("+/docker-4.scope|");
	drop("/docker-4.scope");
	drop("/user/docker-3.scope");
	drop("/user/docker-1.scope");
	drop("/user/a/docker-2.scope");
	drop("/user/a");
	drop("/user");
	expect("-/docker-4.scope|");
	end();
}

static void a_group_of_anothers_does_not_count(void)
{
	begin();
	make("/docker-1.scope");
	give("/docker-1.scope");
	CU_ASSERT_EQUAL(cgroup_finder_add(finder, "/docker-*.scope", AGENT, false), 0);
	expect(FOREIGN);
	drop("/docker-1.scope");
	end();
}

static void what_is_delegated_counts_if_it_is_to(void)
{
	begin();
	make("/user");
	give("/user");
	make_as_nobody("/user/docker-1.scope");
	CU_ASSERT_EQUAL(cgroup_finder_add(finder, "/**/docker-*.scope", AGENT, true), 1);
	make_as_nobody("/user/docker-2.scope");
	expect("+/user/docker-1.scope|+/user/docker-2.scope|");
	drop("/user/docker-2.scope");
	drop("/user/docker-1.scope");
	drop("/user");
	expect("-/user/docker-2.scope|-/user/docker-1.scope|");
	end();
}

/* In a child with a user namespace of its own, which has limits of its own. */
static int watch_beyond_the_limit(void)
{
	FILE *limit;

	if (unshare(CLONE_NEWUSER) < 0 ||
	    !(limit = fopen("/proc/sys/user/max_inotify_watches", "we")) || fputs("1", limit) < 0 ||
	    fclose(limit) != 0)
		return 77;
	finder = cgroup_finder_close(finder);
	if (cgroup_finder_open(&finder, &listener, &options) < 0)
		return 1;
	cgroup_finder_add(finder, "/**/x", AGENT, true); /* nothing is root's there */
	return strcmp(told, "!some new control groups will be missed: "
			    "fs.inotify.max_user_watches is reached|") != 0;
}

static void it_says_so_when_it_cannot_follow_all(void)
{
	int status;
	pid_t child;

	begin();
	make("/a");
	make("/b");
	child = fork();
	if (child == 0)
		_exit(watch_beyond_the_limit());
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT_TRUE(WIFEXITED(status));
	CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
	drop("/a");
	drop("/b");
	end();
}

SUITE("cgroup_finder", { "what is there is found at once", what_is_there_is_found_at_once },
      { "what comes later is found once", what_comes_later_is_found_once },
      { "a path without stars may come later too", a_path_without_stars_may_come_later_too },
      { "what is no longer wanted is not told of", what_is_no_longer_wanted_is_not_told_of },
      { "a flood makes it look again", a_flood_makes_it_look_again },
      { "a flood of groups leaves room to others", a_flood_of_groups_leaves_room_to_others },
      { "a deep nest takes no descriptors", a_deep_nest_takes_no_descriptors },
      { "what others made does not count", what_others_made_does_not_count },
      { "what others make later does not count", what_others_make_later_does_not_count },
      { "a group of another's does not count", a_group_of_anothers_does_not_count },
      { "what is delegated counts if it is to", what_is_delegated_counts_if_it_is_to },
      { "it says so when it cannot follow all", it_says_so_when_it_cannot_follow_all })

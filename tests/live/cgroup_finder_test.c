/* The finder on the real control groups, in one of our own. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit/suite.h"
#include "core/text.h"
#include "sources/cgroup_finder.h"
#include "support/cgroup_tree.h"

enum { AGENT = 3, PATIENCE_MS = 5000 };

static char ours[256]; /* stands for the root of the control groups */
static char told[4096];
static struct text all;
static struct cgroup_finder *finder;

/* ---- what the finder tells, as "+PATH|" and "-PATH|" */

static void on_found(void *userdata, uint32_t agent, const char *path)
{
	(void)userdata;
	CU_ASSERT_EQUAL(agent, AGENT);
	text_add(&all, "+%s|", path + strlen(ours));
}

static void on_gone(void *userdata, uint32_t agent, const char *path)
{
	(void)userdata;
	CU_ASSERT_EQUAL(agent, AGENT);
	text_add(&all, "-%s|", path + strlen(ours));
}

static void on_notice(void *userdata, const char *text)
{
	(void)userdata;
	text_add(&all, "!%s|", text);
}

static void expect(const char *expected)
{
	struct pollfd ready = { .fd = cgroup_finder_fd(finder), .events = POLLIN };

	if (*expected && !*told)
		CU_ASSERT_EQUAL(poll(&ready, 1, PATIENCE_MS), 1);
	cgroup_finder_drain(finder);
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
	const struct cgroup_listener listener = {
		.found = on_found,
		.gone = on_gone,
		.notice = on_notice,
	};

	snprintf(ours, sizeof(ours), "%s/connwatch-finder-%d", cgroup_tree_root(), getpid());
	make("");
	CU_ASSERT_EQUAL_FATAL(cgroup_finder_open(&finder, ours, &listener), 0);
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
	CU_ASSERT_EQUAL(cgroup_finder_add(finder, "/**/docker-*.scope", AGENT), 2);
	CHECK(strstr(told, "+/a/docker-1.scope|") && strstr(told, "+/docker-2.scope|"), told);
	all = (struct text)TEXT_IN(told);
	CU_ASSERT_EQUAL(cgroup_finder_add(finder, "/a/docker-1.scope", AGENT), 1);
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
	CU_ASSERT_EQUAL(cgroup_finder_add(finder, "/**/docker-*.scope", AGENT), 0);
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
	CU_ASSERT_EQUAL(cgroup_finder_add(finder, "/a/b", AGENT), 0);
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
	cgroup_finder_add(finder, "/*", AGENT);
	make("/a");
	expect("+/a|");
	cgroup_finder_remove(finder, AGENT);
	drop("/a");
	make("/b");
	expect("");
	CU_ASSERT_EQUAL(cgroup_finder_add(finder, "/*", AGENT), 1);
	expect("+/b|");
	drop("/b");
	end();
}

/* The queue holds fs.inotify.max_queued_events, 16384 by default. */
static void a_flood_makes_it_look_again(void)
{
	begin();
	cgroup_finder_add(finder, "/a*", AGENT);
	make("/a1");
	expect("+/a1|");
	for (int i = 0; i < 9000; i++) {
		make("/x");
		drop("/x");
	}
	drop("/a1");
	make("/a2");
	expect("-/a1|+/a2|");
	make("/a3");
	expect("+/a3|");
	drop("/a2");
	drop("/a3");
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
	if (cgroup_finder_open(&finder, ours,
			       &(struct cgroup_listener){ on_found, on_gone, on_notice, NULL }) < 0)
		return 1;
	cgroup_finder_add(finder, "/**/x", AGENT);
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
      { "it says so when it cannot follow all", it_says_so_when_it_cannot_follow_all })

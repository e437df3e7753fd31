/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/hardship.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"

enum { PATIENCE = 500 }; /* looks, 10 ms apart */

/* Looks at a child until `holds`, then ends it. Returns the last look. */
static struct hardship look_at_child(void (*live)(void), bool (*holds)(const struct hardship *))
{
	struct hardship hardship = { 0 };
	pid_t child = fork();

	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		live();
		_exit(0);
	}
	for (unsigned i = 0; i < PATIENCE && !holds(&hardship); i++) {
		struct hardship_cache cache = { 0 };

		usleep(10000);
		hardship = hardship_look(&cache, child, 0, 1);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return hardship;
}

static void wait_on_futex(void)
{
	static uint32_t word;

	syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

static void spin(void)
{
	volatile bool on = true;

	while (on)
		;
}

static bool waits_on_futex(const struct hardship *hardship)
{
	return strncmp(hardship->system_call, "futex", 5) == 0;
}

static bool is_runnable(const struct hardship *hardship)
{
	return hardship->runnable && hardship->ran > 0;
}

static void test_futex(void)
{
	struct hardship hardship = look_at_child(wait_on_futex, waits_on_futex);

	CU_ASSERT_TRUE(waits_on_futex(&hardship));
	CU_ASSERT_EQUAL(hardship.tasks, 1);
	CU_ASSERT_FALSE(hardship.runnable);
	CU_ASSERT_FALSE(hardship.uninterruptible);
}

static void test_spinning(void)
{
	struct hardship hardship = look_at_child(spin, is_runnable);

	CU_ASSERT_TRUE(hardship.runnable);
	CU_ASSERT_FALSE(waits_on_futex(&hardship));
}

/* How much that is, only the machine knows. */
static void test_own(void)
{
	struct hardship_cache cache = { 0 };
	struct hardship hardship = hardship_look(&cache, getpid(), 0, 1);

	CU_ASSERT(hardship.cpu <= 100 && hardship.io <= 100 && hardship.memory <= 100);
	CU_ASSERT_EQUAL(hardship.task, (uint32_t)getpid());
	CU_ASSERT(hardship.age > 0);
	hardship = hardship_look(&cache, getpid(), 1, 1); /* another had the pid */
	CU_ASSERT_EQUAL(hardship.tasks, 0);
}

SUITE("hardship", { "a lock that nobody gives", test_futex },
      { "a loop without an end", test_spinning }, { "one's own", test_own })

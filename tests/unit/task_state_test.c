/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/task_state.h"

#include <unistd.h>

#include "suite.h"
#include "support/process_files.h"

/* The pid of a process that has ended may be another's by now. */
static void test_another_with_the_pid(void)
{
	struct task_state_cache cache = { 0 };
	struct process_status own;

	CU_ASSERT_EQUAL_FATAL(process_status_read(getpid(), &own), 0);
	CU_ASSERT_EQUAL(task_state_look(&cache, getpid(), own.started, 1), TASK_STATE_RUNS);
	CU_ASSERT_EQUAL(task_state_look(&cache, getpid(), own.started + 1, 1), TASK_STATE_DEAD);
	CU_ASSERT_EQUAL(task_state_look(&cache, getpid(), 0, 1), TASK_STATE_RUNS);
	CU_ASSERT_EQUAL(task_state_look(&cache, 0, 0, 1), TASK_STATE_UNKNOWN);
}

/* How much that is, only the machine knows. */
static void test_own_hardship(void)
{
	struct task_state_cache cache = { 0 };
	struct hardship hardship = task_state_hardship(&cache);

	CU_ASSERT(hardship.cpu == 0 && hardship.io == 0 && hardship.memory == 0);
	task_state_look(&cache, getpid(), 0, 1);
	hardship = task_state_hardship(&cache);
	CU_ASSERT(hardship.cpu <= 100 && hardship.io <= 100 && hardship.memory <= 100);
	CU_ASSERT_FALSE(hardship.uninterruptible);
	CU_ASSERT_TRUE(cache.hardship_known);
}

SUITE("task state", { "another with the pid is not looked at", test_another_with_the_pid },
      { "own hardship", test_own_hardship })

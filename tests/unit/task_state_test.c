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

SUITE("task state", { "another with the pid is not looked at", test_another_with_the_pid })

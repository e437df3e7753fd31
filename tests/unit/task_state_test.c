/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/task_state.h"

#include <signal.h>
#include <sys/wait.h>
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
	task_state_close(&cache);
}

/* Its files stay open from one look to the next, which says how it stands by then. */
static void test_looked_at_again(void)
{
	const usec_t later = USEC_PER_SEC;
	struct task_state_cache cache = { 0 };
	pid_t pid = fork(), own = getpid();

	CU_ASSERT_TRUE_FATAL(pid >= 0);
	if (pid == 0) {
		pause();
		_exit(0);
	}
	CU_ASSERT_EQUAL(task_state_look(&cache, pid, 0, 1), TASK_STATE_RUNS);
	kill(pid, SIGSTOP);
	waitpid(pid, NULL, WUNTRACED);
	CU_ASSERT_EQUAL(task_state_look(&cache, pid, 0, 1), TASK_STATE_RUNS);
	CU_ASSERT_EQUAL(task_state_look(&cache, pid, 0, 1 * later), TASK_STATE_STOPPED);
	CU_ASSERT_EQUAL(task_state_look(&cache, own, 0, 2 * later), TASK_STATE_RUNS);
	CU_ASSERT_EQUAL(task_state_look(&cache, pid, 0, 3 * later), TASK_STATE_STOPPED);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	CU_ASSERT_EQUAL(task_state_look(&cache, pid, 0, 4 * later), TASK_STATE_DEAD);
	task_state_close(&cache);
	CU_ASSERT_EQUAL(cache.status.descriptor, 0);
}

SUITE("task state", { "another with the pid is not looked at", test_another_with_the_pid },
      { "each look says how it stands by then", test_looked_at_again })

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A pid that is reused: the signal reaches the process that was meant, or none. The newcomer gets
 * its pid by clone3(2), `set_tid`. */
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit/suite.h"
#include "effects/process_signal.h"
#include "support/process_files.h"

/* Starts a process that waits for a signal, with the pid `pid`; 0: any. Returns its pid. */
static pid_t start(pid_t pid)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = pid ? (uint64_t)(uintptr_t)&pid : 0,
		.set_tid_size = pid ? 1 : 0,
	};
	long child = syscall(SYS_clone3, &args, sizeof(args));

	if (child == 0)
		for (;;)
			pause();
	CHECK(child > 0, "clone3() with set_tid");
	return (pid_t)child;
}

static uint64_t start_of(pid_t pid)
{
	struct process_status status;

	CU_ASSERT_EQUAL_FATAL(process_status_read(pid, &status), 0);
	return status.started;
}

static void end(pid_t pid)
{
	CU_ASSERT_EQUAL(kill(pid, SIGKILL), 0);
	CU_ASSERT_EQUAL(waitpid(pid, NULL, 0), pid);
}

/* Ends `pid` and starts another with that pid, in a later clock tick. */
static uint64_t replace(pid_t pid, uint64_t started)
{
	uint64_t newcomer;

	do {
		end(pid);
		CU_ASSERT_EQUAL_FATAL(start(pid), pid);
		newcomer = start_of(pid);
	} while (newcomer == started);
	return newcomer;
}

static void a_newcomer_is_not_hit(void)
{
	pid_t pid = start(0);
	uint64_t meant = start_of(pid), newcomer = replace(pid, meant);
	int status;

	CU_ASSERT_EQUAL(process_signal(pid, meant, SIGTERM), -ESRCH);
	CU_ASSERT_EQUAL(process_signal(pid, 0, SIGTERM), -ESRCH);
	CU_ASSERT_EQUAL(process_signal(pid, newcomer, SIGUSR1), 0);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_TRUE(WIFSIGNALED(status));
	CU_ASSERT_EQUAL(WTERMSIG(status), SIGUSR1);
}

static void who_is_gone_is_not_found(void)
{
	pid_t pid = start(0);
	uint64_t started = start_of(pid);

	end(pid);
	CU_ASSERT_EQUAL(process_signal(pid, started, SIGTERM), -ESRCH);
}

static void a_signal_must_exist(void)
{
	pid_t pid = start(0);

	CU_ASSERT_EQUAL(process_signal(pid, start_of(pid), 65), -EINVAL);
	end(pid);
}

SUITE("process_signal", { "a newcomer with the pid is not hit", a_newcomer_is_not_hit },
      { "who is gone is not found", who_is_gone_is_not_found },
      { "a signal must exist", a_signal_must_exist })

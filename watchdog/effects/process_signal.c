/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "effects/process_signal.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/cleanup.h"
#include "support/process_files.h"

int process_signal(pid_t pid, uint64_t started, int signal)
{
	_cleanup_close_ int process = process_open(pid, started);

	if (process < 0)
		return process;
	return syscall(SYS_pidfd_send_signal, process, signal, NULL, 0) == 0 ? 0 : -errno;
}

#include "effects/process_signal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/cleanup.h"
#include "support/clock.h"

/* When process `pid` started, CLOCK_BOOTTIME: field 22 of /proc/PID/stat (proc(5)), counted after
 * the name in brackets, which may itself hold blanks and brackets. */
static int start_time(pid_t pid, usec_t *start)
{
	_cleanup_close_ int fd = -1;
	char path[32], text[1024], *after_name;
	unsigned long long ticks;
	ssize_t size;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ESRCH;
	size = read(fd, text, sizeof text - 1);
	if (size < 0)
		return -errno;
	text[size] = '\0';
	after_name = strrchr(text, ')');
	if (!after_name || sscanf(after_name + 1,
				  " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
				  "%*d %*d %*d %*d %llu",
				  &ticks) != 1)
		return -EBADMSG;
	*start = ticks * USEC_PER_SEC / (usec_t)sysconf(_SC_CLK_TCK);
	return 0;
}

int process_signal(pid_t pid, usec_t seen, int signal)
{
	usec_t suspended = clock_now(CLOCK_BOOTTIME) - clock_now(CLOCK_MONOTONIC);
	_cleanup_close_ int process = -1;
	usec_t start;
	int r;

	/* the handle comes first: from here on the number cannot change hands */
	process = (int)syscall(SYS_pidfd_open, pid, 0);
	if (process < 0)
		return -errno;
	r = start_time(pid, &start);
	if (r < 0)
		return r;
	if (start > seen + suspended)
		return -ESRCH;
	return syscall(SYS_pidfd_send_signal, process, signal, NULL, 0) == 0 ? 0 : -errno;
}

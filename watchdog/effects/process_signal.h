/* Sends a signal to the process that was meant, and to no other. */
#pragma once

#include <sys/types.h>

#include "core/event.h"

/* Sends `signal` to process `pid` as it was at `seen` (CLOCK_MONOTONIC): one that took over the
 * number since then is left alone. Returns 0, -ESRCH if the process is gone, -EPERM, or -EINVAL for
 * no such signal. */
int process_signal(pid_t pid, usec_t seen, int signal);

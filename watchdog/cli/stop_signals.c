/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/stop_signals.h"

#include <signal.h>

int stop_signals_end_loop(sd_event *event)
{
	sigset_t stop;
	int r;

	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	r = sd_event_add_signal(event, NULL, SIGINT, NULL, NULL);
	return r < 0 ? r : sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL);
}

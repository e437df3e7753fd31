/* SIGINT and SIGTERM, for a command that goes on until somebody has seen enough. */
#pragma once

#include <systemd/sd-event.h>

/* Either one ends `event`'s loop with 0 from now on. Returns 0 or -errno. */
int stop_signals_end_loop(sd_event *event);

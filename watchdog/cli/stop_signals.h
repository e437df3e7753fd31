/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SIGINT and SIGTERM for commands that run until the user stops them. */
#pragma once

#include <systemd/sd-event.h>

/* From now on, either signal ends the loop `event` with 0. Returns 0 or -errno. */
int stop_signals_end_loop(sd_event *event);

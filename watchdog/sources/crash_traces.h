/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a crash of the host leaves for its next boot: the kernel's record of a panic (pstore, see
 * the kernel's Documentation/ABI/testing/pstore), and the boot status of hardware watchdogs. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/usec.h"

struct crash_traces {
	bool kept;         /* a panic leaves a record: pstore has a backend */
	bool panicked;     /* there is one, made since the given time */
	uint32_t watchdog; /* WDIOF_...; 0: nothing, or there is none */
};

/* Looks below `root`, which is "" but for tests; `since` is in microseconds since 1970. systemd
 * moves the records from /sys/fs/pstore to /var/lib/systemd/pstore (systemd-pstore.service(8)). */
void crash_traces_look(const char *root, usec_t since, struct crash_traces *traces);

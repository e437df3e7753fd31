/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a boot ended, by what the journal holds of it. */
#pragma once

#include "events/event.h"

struct boot_end {
	struct host_end host; /* what the journal shows of it */
	usec_t last;          /* CLOCK_REALTIME of the boot's last entry */
	usec_t next;          /* CLOCK_MONOTONIC of the present boot's first entry */
};

/* Looks at the end of the boot `boot`, in this host's journal. `present` is the present boot, and
 * `unit` what connwatch is for systemd. Where the clocks of both boots cannot be compared,
 * `clock_is_doubted`, how long the host was down is not known. Returns 0, -ENODATA if the journal
 * holds nothing of one of the boots, or another -errno. */
int boot_end_read(const char *boot, const char *present, const char *unit, bool clock_is_doubted,
		  struct boot_end *end);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keeps the programs of tracepoint_floor.bpf.c attached, until a signal ends it. */
#include <err.h>
#include <poll.h>
#include <stdlib.h>

#include "tests/bench/tracepoint_floor.skel.h"

int main(void)
{
	struct tracepoint_floor_bpf *bpf = tracepoint_floor_bpf__open_and_load();

	if (!bpf || tracepoint_floor_bpf__attach(bpf) < 0)
		errx(EXIT_FAILURE, "cannot attach programs to the tracepoints");
	poll(NULL, 0, -1);
	return EXIT_FAILURE;
}

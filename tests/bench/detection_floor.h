/* What detection_floor.bpf.c tells of the end of a connection. */
#pragma once

struct end {
	unsigned long long time_nsec; /* CLOCK_MONOTONIC */
	unsigned long long cookie;    /* SO_COOKIE */
};

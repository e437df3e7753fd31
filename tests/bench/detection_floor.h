/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The record that detection_floor.bpf.c writes at the end of a connection. */
#pragma once

struct end {
	unsigned long long time_nsec; /* CLOCK_MONOTONIC */
	unsigned long long cookie;    /* SO_COOKIE */
};

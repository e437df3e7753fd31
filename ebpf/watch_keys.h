/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Keys and values of the maps that both sides know: who is watched (written by probe.c, read by the
 * probe), and the records that found no room in the ring (the other way round). */
#pragma once

#define PROBE_AGENTS 256 /* their numbers are below it; a power of 2 */

#define WATCHED_PROCESSES (64 << 10)
#define WATCHED_CGROUPS   (16 << 10)

/* An agent's share of these, by the entries that it has and that all have, as base/share.h has it:
 * a quarter is kept for the first entries of each of 64 agents, and of the rest an agent leaves a
 * quarter of its own share free. */
static inline __attribute__((always_inline)) int probe_has_share(long long used,
								 long long used_by_all,
								 long long size)
{
	long long rest = size - size / 4;

	if (used < size / 4 / 64)
		return used_by_all < size;
	return used_by_all < rest && used < 4 * (rest - used_by_all);
}

/* The parts of an agent's connections that are looked at. */
enum inspect {
	INSPECT_NOTHING,
	INSPECT_MQTT,
	INSPECT_TOKEN, /* and when the token in a CONNECT ends */
};

#define AWAITED_NAME_SIZE 256 /* NAME_MAX + 1 */

/* A control group that is watched as soon as it is made. */
struct awaited_cgroup {
	unsigned long long parent;    /* id, that is the inode of its directory */
	char name[AWAITED_NAME_SIZE]; /* filled up with zeros */
};

/* A record in the overflow: which one of which connection or process. */
struct overflow_key {
	unsigned long long subject; /* cookie of the socket, or start time of the process */
	unsigned long long detail;
};

#define OVERFLOW_RECORDS (64 << 10)

/* Why a connection is visited that is kept by its address, or a task. */
enum probe_visit {
	PROBE_VISIT_SAMPLE,
	PROBE_VISIT_STALLS,
	PROBE_VISIT_LENSES,
	PROBE_VISIT_ADOPTION,
	PROBE_VISIT_SOCKETS,
};

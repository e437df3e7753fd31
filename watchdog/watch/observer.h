/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who observes the agents' connections and processes: the eBPF probe or, where that cannot be had,
 * the survey (survey/survey.h). One source of events, and one door to both of them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sources/source.h"

struct handover;
struct watch_observer;

struct observer_options {
	enum mode mode;       /* MODE_INVALID: the probe if it can be had */
	const char *btf;      /* as for probe_open() */
	uint32_t connections; /* at once */
	int stored_handover;  /* of the daemon before us: a descriptor, closed here; 0: none */
};

/* Options: a struct observer_options. Opens the best observer that they allow, and tells notice()
 * why a better one cannot be had. Only what the daemon before us did not report reaches the
 * listener (handover_is_reported()). */
extern const struct source watch_observer_source;

/* MODE_EBPF or MODE_SOCK_DIAG. */
enum mode watch_observer_mode(const struct watch_observer *observer);

/* Returns true if the evidence comes from a probe that works with a file of BTF. */
bool watch_observer_has_external_btf(const struct watch_observer *observer);

/* The handover that goes with it. Owned by `observer`. */
struct handover *watch_observer_handover(const struct watch_observer *observer);

/* Packs the handover to the next daemon: handover_pack(). Returns a descriptor, the caller's to
 * close; -EOPNOTSUPP in the mode sock-diag, where nothing goes on without us; or another -errno. */
int watch_observer_pack_handover(const struct watch_observer *observer);

/* Hands on again what the daemon before us had kept: probe_recall(). */
void watch_observer_recall(struct watch_observer *observer);

/* The contracts are those of the same names in sources/probe.h. Besides, each returns -EOPNOTSUPP
 * for what the kernel cannot do. */
int watch_observer_sample(struct watch_observer *observer);
int watch_observer_find_connections(struct watch_observer *observer);
bool watch_observer_shows_connections(const struct watch_observer *observer);
bool watch_observer_sees_packets(const struct watch_observer *observer);
int watch_observer_process(struct watch_observer *observer, pid_t pid, uint32_t agent);
int watch_observer_cgroup(struct watch_observer *observer, const char *path, uint32_t agent);
int watch_observer_cgroup_to_come(struct watch_observer *observer, const char *parent,
				  const char *name, uint32_t agent);
void watch_observer_forget_cgroup(struct watch_observer *observer, const char *path,
				  uint32_t agent);
int watch_observer_inspect_mqtt(struct watch_observer *observer, uint32_t agent, unsigned what);
void watch_observer_unwatch(struct watch_observer *observer, uint32_t agent);

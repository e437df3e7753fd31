/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The eBPF probe: loads it, tells it what to watch, hands on what it saw as events.
 *
 * One probe a process. Watches are kept in the kernel by agent number (from 1); processes hand
 * their watch to their children, control groups to those made below them. What comes in for the
 * sockets of a watched control group is looked at too (flow_ttl_min and the like in its events),
 * where CAP_NET_ADMIN and the kernel (5.11) allow it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "events/event.h"

struct handover_memory;
struct probe;

/* Loads and attaches. `btf`: a file with the BTF of this kernel; NULL or empty: its own, or what is
 * below /usr/lib/connwatch/btf. Returns 0 and the probe in `*ret`, to be freed with probe_close();
 * or
 *   -EPERM       CAP_BPF or CAP_PERFMON is missing (CAP_SYS_ADMIN before kernel 5.8)
 *   -ENOENT      the kernel has no BTF, and there is no file of it
 *   -ENOEXEC     the file of BTF is not of this kernel
 *   -EOPNOTSUPP  the kernel lacks a tracepoint or map type that nothing can replace
 *   another -errno of libbpf
 * with a sentence for the operator in `*complaint` (static text) in every case of failure. */
int probe_open(struct probe **ret, const char *btf, const char **complaint);

/* Opens like probe_open(), but continues the probe of the daemon before us, which went on by
 * itself. `descriptors` are copies of what probe_descriptors() gave there; they are the new probe's
 * from now on, also in case of failure. With a `count` of 0 it opens a new probe. Returns -ESTALE
 * if they do not fit, otherwise as probe_open(). */
int probe_take_over(struct probe **ret, const char *btf, const int *descriptors, unsigned count,
		    const char **complaint);

struct probe *probe_close(struct probe *probe); /* detaches; returns NULL */
DEFINE_CLEANUP(struct probe *, probe_close);

/* Returns true if the probe works with a file of BTF, and not with the kernel's own. */
bool probe_has_external_btf(const struct probe *probe);

/* Returns the descriptor that becomes readable when there are records. Owned by the probe. */
int probe_wait_fd(const struct probe *probe);

/* Hands the waiting records to `sink` as events: all in the ring, and after them up to 64 of those
 * that found no room there and wait in its overflow (all that tell of an end, and a few others).
 * Those of one agent come in the order in which the kernel wrote them. At the end, records that the
 * kernel had to drop and control groups that are not watched come as one EVENT_LOST for each agent,
 * and records that cannot be decoded as one without an agent. Records that come meanwhile may have
 * to wait for the next call, so that no flood of them keeps the caller from its other work. Returns
 * the number of events, or -errno. */
int probe_drain(struct probe *probe, event_sink sink, void *userdata);

/* Returns true if the last probe_drain() has left records in the overflow: call it again soon, for
 * they do not make probe_wait_fd() readable. */
bool probe_is_behind(const struct probe *probe);

/* Switches on or off that probe_wait_fd() becomes readable; on at first. While it is off, the
 * caller calls probe_drain() now and then, and the kernel saves wake-ups, each of which costs it
 * more than a record. */
void probe_set_wake_ups(struct probe *probe, bool on);

/* Watches process `pid` (of our pid namespace) and its descendants from now on. Returns 0, -ESRCH
 * or another -errno. */
int probe_watch_process(struct probe *probe, pid_t pid, uint32_t agent);

/* Watches the control group at `path` (absolute, in the file system, version 2) and all below it,
 * from now on. What is beyond the agent's share of the 16384 groups that can be watched is not
 * watched, and told by the next EVENT_LOST. Returns 0, -ENOENT or another -errno. */
int probe_watch_cgroup(struct probe *probe, const char *path, uint32_t agent);

/* Watches the control group `name` from the moment it is made in `parent` (absolute path), so that
 * no connection of a unit that starts goes unseen; or from now on, if it is there already. Returns
 * 0 or -errno. */
int probe_watch_cgroup_to_come(struct probe *probe, const char *parent, const char *name,
			       uint32_t agent);

/* Forgets a control group that is gone: `path` as it was given above. */
void probe_forget_cgroup(struct probe *probe, const char *path, uint32_t agent);

/* Forgets every watch of `agent`. Connections that are known already are still told. */
int probe_unwatch(struct probe *probe, uint32_t agent);

/* Returns false if connections that are older than the probe cannot be found: before kernel 5.11.
 */
bool probe_shows_connections(const struct probe *probe);

/* Returns false if the packets of watched control groups are not looked at: without
 * CAP_NET_ADMIN. */
bool probe_sees_packets(const struct probe *probe);

/* Looks for open connections of what is watched, in every network namespace; each new one becomes
 * an EVENT_FOUND on the next probe_drain(). Accepted sockets are told by the backlog that they
 * inherit from their listener: those of listen(fd, 0) pass for our own.
 * Returns 0, -EOPNOTSUPP where the kernel cannot show them, or another -errno. */
int probe_find_connections(struct probe *probe);

/* Takes a sample of all watched connections, in every network namespace, as they are now. The next
 * probe_drain() hands it on: an EVENT_SAMPLED for each one that is open, in its place between what
 * happened before and after, and at the end an EVENT_SAMPLE_DONE (events/event.h). May be called
 * from inside a sink. Does nothing if the last sample has not been handed on yet. Returns 0,
 * -EOPNOTSUPP before kernel 5.11, or another -errno. */
int probe_sample(struct probe *probe);

/* What is looked at inside an agent. */
enum probe_inspect {
	PROBE_INSPECT_MQTT = 1 << 0,    /* MQTT, AMQP and WebSocket */
	PROBE_INSPECT_TOKENS = 1 << 1,  /* with it: the end of the token in a CONNECT */
	PROBE_INSPECT_LOOKUPS = 1 << 2, /* with it: name lookups, by getaddrinfo() of its libc */
};

/* Looks at `what` (of enum probe_inspect; 0: nothing any more) of `agent` (up to 255), in
 * connections that come up from now on: plain MQTT of sockets that were made in a watched control
 * group, and TLS by way of libssl. Events have it in `mqtt`. Name lookups are those of processes
 * that begin from now on, or have a connection. Returns 0, 1 if TLS cannot be looked at (no uprobes
 * here), -EPERM without CAP_NET_ADMIN, or another -errno. */
int probe_inspect_mqtt(struct probe *probe, uint32_t agent, unsigned what);

/* ---- the handover to the next daemon */

/* A hash of the probe's object: only a daemon with the same one can take it over. */
uint64_t probe_version(void);

enum { PROBE_DESCRIPTORS_MAX = 64 };

/* Gives the descriptors that keep the probe going without us. They stay the probe's. Returns how
 * many there are, or -ENOBUFS. */
int probe_descriptors(const struct probe *probe, int descriptors[static PROBE_DESCRIPTORS_MAX]);

/* The descriptors that keep the probe's lenses on what is watched, which come and go. */
enum { PROBE_LENS_DESCRIPTORS_MAX = 240 };

/* Gives these descriptors. They stay the probe's, until probe_lens_changes() gives another number.
 * Returns how many there are. */
int probe_lens_descriptors(const struct probe *probe,
			   int descriptors[static PROBE_LENS_DESCRIPTORS_MAX]);

/* Returns how often they have changed. */
uint64_t probe_lens_changes(const struct probe *probe);

/* The lenses of the daemon before us, which are the probe's to close from now on: what happens
 * until ours are on everything that is watched is seen through them. To be called once, soon after
 * probe_take_over(). */
void probe_lens_take_over(struct probe *probe, const int *descriptors, unsigned count);

/* Returns when probe_drain() is to be called even if probe_wait_fd() is not readable;
 * USEC_INFINITY: never. */
usec_t probe_next_look(const struct probe *probe);

/* From now on every record that a session's verdict rests on is kept in `memory` (borrowed) before
 * it is handed on. A `memory` that already holds records belongs to the probe that was taken over.
 * To be called before the first probe_drain(). */
void probe_remember(struct probe *probe, struct handover_memory *memory);

/* Hands on again what the daemon before us had kept. What it had not seen comes with the next
 * probe_drain(), without a gap and without a repetition. */
void probe_recall(struct probe *probe, event_sink sink, void *userdata);

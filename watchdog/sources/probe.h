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

#include "core/event.h"

struct handover;
struct probe;

/* Loads and attaches. Returns 0 and the probe in `*ret`, to be freed with probe_close(); or
 *   -EPERM       CAP_BPF or CAP_PERFMON is missing (CAP_SYS_ADMIN before kernel 5.8)
 *   -ENOENT      the kernel has no BTF
 *   -EOPNOTSUPP  the kernel lacks a tracepoint or map type that nothing can replace
 *   another -errno of libbpf
 * with a sentence for the operator in `*complaint` (static text) in every case of failure. */
int probe_open(struct probe **ret, const char **complaint);

/* As probe_open(), but goes on with the probe of a process before us, which went on by itself:
 * `descriptors` are copies of what probe_descriptors() gave there, and the new probe's from now on,
 * also in case of failure. None (`count` 0): opens a new probe. -ESTALE if they do not fit. */
int probe_take_over(struct probe **ret, const int *descriptors, unsigned count,
		    const char **complaint);

struct probe *probe_close(struct probe *probe); /* detaches; returns NULL */

/* Becomes readable when there are records. Owned by the probe. */
int probe_fd(const struct probe *probe);

/* Hands every waiting record to `sink` as an event, in the order in which the kernel wrote them;
 * records that do not decode and records the kernel had to drop come as one EVENT_LOST at the
 * end. What comes while it is under way may have to wait for the next call: no flood of records
 * keeps the caller from its other duties. Returns the number of events, or -errno. */
int probe_drain(struct probe *probe, event_sink sink, void *userdata);

/* Whether probe_fd() becomes readable. Without, the caller calls probe_drain() every so often; the
 * kernel, which spends more on a wake-up than on a record, is spared that. On at first. */
void probe_set_wake_ups(struct probe *probe, bool on);

/* Watches process `pid` (of our pid namespace) and its descendants from now on. Returns 0, -ESRCH
 * or another -errno. */
int probe_watch_process(struct probe *probe, pid_t pid, uint32_t agent);

/* Watches the control group at `path` (absolute, in the file system, version 2) and all below it,
 * from now on. Returns 0, -ENOENT or another -errno. */
int probe_watch_cgroup(struct probe *probe, const char *path, uint32_t agent);

/* Watches the control group `name` from the moment it is made in `parent` (absolute path), so
 * that no connection of a unit that is just starting escapes. Watches one that is there already.
 * Returns 0 or -errno. */
int probe_watch_cgroup_to_come(struct probe *probe, const char *parent, const char *name,
			       uint32_t agent);

/* Lets go of what is kept for a control group that is gone: `path` as it was handed in above. */
void probe_forget_cgroup(struct probe *probe, const char *path, uint32_t agent);

/* Forgets every watch of `agent`. Connections that are known already are still reported. */
int probe_unwatch(struct probe *probe, uint32_t agent);

/* False before kernel 5.11: connections that are older than the probe cannot be found. */
bool probe_shows_connections(const struct probe *probe);

/* Looks for open connections of what is watched, in every network namespace; each new one becomes
 * an EVENT_FOUND on the next probe_drain(). Accepted sockets are told by the backlog that they
 * inherit from their listener: those of listen(fd, 0) pass for our own.
 * Returns 0, -EOPNOTSUPP where the kernel cannot show them, or another -errno. */
int probe_find_connections(struct probe *probe);

/* Takes a sample of all watched connections, in every network namespace, as they are now. The next
 * probe_drain() hands it on: an EVENT_SAMPLED for each one that is open, in its place between what
 * happened before and after, and at last an EVENT_SAMPLE_DONE (see core/event.h). May be called
 * from within a sink. Nothing happens if the last sample has not been handed on yet.
 * Returns 0, -EOPNOTSUPP before kernel 5.11, or another -errno. */
int probe_sample(struct probe *probe);

/* Has the MQTT of `agent` (up to 255) looked at, or no longer: of connections that come up from now
 * on, where it is plain and the socket was made in a watched control group, or TLS by way of
 * libssl. Events tell of it in `mqtt`. Returns 0, or 1 if TLS cannot be looked at (no uprobes are
 * to be had), -EOPNOTSUPP before kernel 5.11, -EPERM without CAP_NET_ADMIN, or another -errno. */
int probe_inspect_mqtt(struct probe *probe, uint32_t agent, bool yes);

/* ---- for the process after us */

/* Names this version of the probe: only the same one can take it over. */
uint64_t probe_version(void);

enum { PROBE_DESCRIPTORS_MAX = 64 };

/* The descriptors that keep the probe going when we do not. They stay the probe's. Returns how many
 * there are, or -ENOBUFS. */
int probe_descriptors(const struct probe *probe, int descriptors[static PROBE_DESCRIPTORS_MAX]);

/* From now on every record that a session's verdict rests on is kept in `handover` (borrowed), from
 * before it is handed on. A `handover` that already holds something belongs to the probe that was
 * taken over. To be called before the first probe_drain(). */
void probe_remember(struct probe *probe, struct handover *handover);

/* Hands on again what the process before us had kept; what it had not seen comes with the next
 * probe_drain(), without a gap and without a repetition. */
void probe_recall(struct probe *probe, event_sink sink, void *userdata);

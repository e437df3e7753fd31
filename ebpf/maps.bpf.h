/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The probe's state, and the ring buffer that its records leave the kernel by. */
#pragma once

/* Set by probe.c before the load. */
const volatile __u32 pid_namespace = 0; /* inode of the loader's */
const volatile __u32 tick_nsec = 0;     /* length of a jiffy */

/* By agent number: records that found no room, and how many of these are told (written by
 * probe.c). */
__u64 lost_records[PROBE_AGENTS] = {};
__u64 lost_told[PROBE_AGENTS] = {};

/* By agent number: bytes of its records in the ring, give or take those under way. probe.c takes
 * off what it takes out. */
__s64 ring_used[PROBE_AGENTS] = {};

/* By agent number: records that went into the overflow, ever, and those that are about to; and how
 * many were taken out again (written by probe_overflow.c). */
__u64 overflow_put[PROBE_AGENTS] = {};
__u64 overflow_taken[PROBE_AGENTS] = {};

/* The same counts for all agents together, but that a record counts once it is in the overflow. */
__u64 overflowed = 0;
__u64 overflow_taken_by_all = 0;

/* By agent number: its entries in watched_processes and in watched_cgroups, give or take those
 * under way. probe_watches.c counts what it enters and removes. */
__s64 processes_used[PROBE_AGENTS] = {};
__s64 processes_used_by_all = 0;
__s64 cgroups_used[PROBE_AGENTS] = {};
__s64 cgroups_used_by_all = 0;

/* By agent number: control groups that found no room in watched_cgroups, and how many of these are
 * told (written by probe.c). */
__u64 unwatched_cgroups[PROBE_AGENTS] = {};
__u64 unwatched_told[PROBE_AGENTS] = {};

bool processes_watched = false;

#include "ebpf/watched.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, struct awaited_cgroup);
	__type(value, __u32);
} awaited_cgroups SEC(".maps");

/* Processes whose exit has been told: two threads can both believe to be the last one. */
struct exited_process {
	__u64 start_time;
	__u64 id;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, struct exited_process);
	__type(value, __u8);
} exited_processes SEC(".maps");

/* False: no process of an agent ever listened, so that the others are spared looking. */
bool somebody_listens = false;

/* Where processes of agents listen. A socket without an address of its own has zeros. */
struct listener {
	__u8 address[16]; /* IPv4: the first 4 bytes */
	__u32 netns;
	__u16 port;
	__u16 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, struct listener);
	__type(value, __u32); /* thread group, in the initial pid namespace */
} listeners SEC(".maps");

#include "ebpf/ring.bpf.h"

union record {
	struct probe_header header;
	struct probe_connection connection;
	struct probe_begun begun;
	struct probe_reset_sent reset;
	struct probe_process process;
};

/* Records of ends that found no room in the ring. Takes memory only while it holds some. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, OVERFLOW_RECORDS);
	__type(key, struct overflow_key);
	__type(value, union record);
} overflow SEC(".maps");

/* Where these are written before they go into `overflow`, whole: the stack has no room for one, and
 * a program may be interrupted by another one on its processor. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 256);
	__type(key, struct overflow_key);
	__type(value, union record);
} drafts SEC(".maps");

/* The state of a TLS handshake, a part of struct connection. */
#include "ebpf/tls_follow.bpf.h"

/* Who reads a process's start counts in clock ticks of proc(5). */
#define OWNER_TICK_NSEC 10000000ULL

/* Segments have more. */
#define SACKED_UNIT 16

/* The state of one watched socket, from its SYN until it is destroyed. What the socket itself
 * remembers is not in here. */
struct connection {
	__u64 cookie;
	__u64 opened_nsec;
	__u64 owner_start : 40; /* of the process that opened it; in OWNER_TICK_NSEC */
	__u64 owner_pid : 24;   /* thread group, in our pid namespace; 0: outside it */
	__u32 owner_id;         /* the same, in the initial pid namespace */
	char owner_comm[PROBE_COMM_SIZE];
	__u32 netns;      /* inode */
	__u32 agent;      /* set last: 0 until the rest is there */
	__u32 stalled_at; /* snd_una when `stalled` was set */
	struct tls_follow tls;
	__u16 lost_segment; /* bytes of the segment that timed out; 0: none has */
	__u8 sacked;        /* SACKED_UNIT of bytes behind it, that the peer had received by then */
	__u8 stalled;       /* retransmission time-outs in a row that were told; 0: all is well */
	__u8 sampled;       /* the last sample by file that it is in */
	__u8 reset_reason : 4; /* of the RST that was sent */
	__u8 reset_state : 4;
	__u8 flow_ttl_min;
	__u8 flow_ttl_max;
	__u8 reset_ttl;
	bool reset_received;
	bool up_told : 1; /* these three are written under the socket's lock */
	bool closing_told : 1;
	bool reset_told : 1;
	bool ended_told;
	bool by_group;              /* the lens of its control group sees it to its end */
	bool inspected;             /* its MQTT is looked at */
	bool overflowed;            /* a record of it went into the overflow */
	bool to_itself : 1;         /* its owner listens at the other end */
	bool owner_in_agent : 1;    /* the owner belongs to the agent */
	bool reset_by_loopback : 1; /* the first two were written before anything came */
	bool reset_without_ack : 1;
};

/* The kernel puts 72 bytes in front (struct bpf_local_storage_elem, 128 before 6.4), and has blocks
 * of 192 and 256 bytes for both together: a byte more would take the next larger one. */
_Static_assert(sizeof(struct connection) <= 120, "a connection fits a block of 192 bytes");

static __always_inline void count_lost(__u32 agent)
{
	__sync_fetch_and_add(&lost_records[agent % PROBE_AGENTS], 1);
}

/* Returns `value`, which the verifier knows nothing about any more: it goes once through what
 * follows, and not once for each number that it may be. */
__noinline __u32 unknown(__u32 value)
{
	barrier_var(value);
	return value;
}

/* ---- who is watched, each agent up to its share */

/* Returns false, with a record counted as lost, if there is no room: the process is not watched. */
static __always_inline bool watch_process(__u32 id, __u32 agent)
{
	__s64 *used = &processes_used[agent % PROBE_AGENTS];
	long r = -1;

	processes_watched = true;
	if (probe_has_share(*used, processes_used_by_all, WATCHED_PROCESSES))
		r = bpf_map_update_elem(&watched_processes, &id, &agent, BPF_NOEXIST);
	if (r == -EEXIST) /* of a process that had the number before, or found by another way */
		return bpf_map_update_elem(&watched_processes, &id, &agent, BPF_EXIST) == 0;
	if (r < 0) {
		count_lost(agent);
		return false;
	}
	__sync_fetch_and_add(used, 1);
	__sync_fetch_and_add(&processes_used_by_all, 1);
	return true;
}

static __always_inline void unwatch_process(__u32 id)
{
	__u32 *found = agent_of_process(id), agent;

	if (!found)
		return;
	agent = *found;
	if (bpf_map_delete_elem(&watched_processes, &id) < 0)
		return;
	__sync_fetch_and_add(&processes_used[agent % PROBE_AGENTS], -1);
	__sync_fetch_and_add(&processes_used_by_all, -1);
}

/* A control group that finds no room is not watched, and counted. */
static __always_inline void watch_cgroup(__u64 id, __u32 agent)
{
	__s64 *used = &cgroups_used[agent % PROBE_AGENTS];
	long r = -1;

	if (probe_has_share(*used, cgroups_used_by_all, WATCHED_CGROUPS))
		r = bpf_map_update_elem(&watched_cgroups, &id, &agent, BPF_NOEXIST);
	if (r == -EEXIST) /* probe_watches.c was faster */
		return;
	if (r < 0) {
		__sync_fetch_and_add(&unwatched_cgroups[agent % PROBE_AGENTS], 1);
		return;
	}
	__sync_fetch_and_add(used, 1);
	__sync_fetch_and_add(&cgroups_used_by_all, 1);
}

static __always_inline void unwatch_cgroup(__u64 id)
{
	__u32 *found = bpf_map_lookup_elem(&watched_cgroups, &id), agent;

	if (!found)
		return;
	agent = *found;
	if (bpf_map_delete_elem(&watched_cgroups, &id) < 0)
		return;
	__sync_fetch_and_add(&cgroups_used[agent % PROBE_AGENTS], -1);
	__sync_fetch_and_add(&cgroups_used_by_all, -1);
}

/* ---- the ring */

/* The bytes that an agent may have in the ring, however full the ring is. */
#define RING_SHARE_LEAST (8 << 10)

/* An agent may fill the ring as long as it leaves a quarter of its own share free: so a fifth of
 * the ring stays for others, however much one of them has to tell (dynamic thresholds: Choudhury,
 * Hahne, "Dynamic queue length thresholds for shared-memory packet switches", 1998). What belongs
 * to no agent is never turned away. */
static __always_inline bool has_ring_share(__u32 agent)
{
	__s64 used = ring_used[agent % PROBE_AGENTS], held;

	if (!agent || used < RING_SHARE_LEAST)
		return true;
	held = bpf_ringbuf_query(&records, BPF_RB_AVAIL_DATA);
	return held < RING_SIZE && used < 4 * (RING_SIZE - held);
}

/* True while records of the agent wait in the overflow: what follows them comes behind them, and
 * not into the ring, which is read first. So nobody else waits for them. */
static __always_inline __s64 overflow_used(__u32 agent)
{
	return (__s64)(overflow_put[agent % PROBE_AGENTS] - overflow_taken[agent % PROBE_AGENTS]);
}

static __always_inline bool waits_in_overflow(__u32 agent)
{
	return agent && overflow_used(agent) > 0;
}

/* Room in the ring for a record with its header filled in; NULL, not counted, if there is none. */
static __always_inline void *reserve_in_ring(__u64 size, enum probe_record_type type, __u32 agent)
{
	struct probe_header *header;

	if (waits_in_overflow(agent) || !has_ring_share(agent))
		return NULL;
	header = bpf_ringbuf_reserve(&records, size, 0);
	if (!header)
		return NULL;
	__sync_fetch_and_add(&ring_used[agent % PROBE_AGENTS], size);
	fill_header(header, size, type, agent);
	return header;
}

/* Set by probe.c while it looks into the ring without being woken. */
bool wake_ups_off = false;

static __always_inline void submit_record(void *record)
{
	bpf_ringbuf_submit(record, wake_ups_off ? BPF_RB_NO_WAKEUP : 0);
}

/* Has probe.c look, without a record. */
static __always_inline void wake_reader(void)
{
	void *nothing = bpf_ringbuf_reserve(&records, sizeof(__u64), 0);

	if (nothing)
		bpf_ringbuf_discard(nothing, BPF_RB_FORCE_WAKEUP);
}

/* ---- the overflow: for what a verdict cannot do without, and for some of the rest */

/* Returns how much of the room that all leave free an agent may take for records of that type: the
 * number of times; 0: no such record goes there. What tells of an end leaves an eighth of the
 * agent's own share free, what tells of a beginning takes an eighth of it. */
static __always_inline __s64 overflow_weight(enum probe_record_type type)
{
	switch (type) {
	case PROBE_CLOSING:
	case PROBE_ENDED:
	case PROBE_RESET_SENT:
	case PROBE_NEVER_OPENED:
	case PROBE_VANISHED:
	case PROBE_SIGNALED:
	case PROBE_EXITED:
		return 64;
	case PROBE_OPENED:
	case PROBE_ESTABLISHED:
	case PROBE_STARTED:
	case PROBE_EXECED:
		return 1;
	case PROBE_FOUND:
	case PROBE_RETRANSMIT:
	case PROBE_HEALED:
	case PROBE_SPOKEN:
	case PROBE_LOGIN:
	case PROBE_CERTIFICATE:
	case PROBE_VERIFIED:
	case PROBE_SAMPLED:
	case PROBE_LOOKUP:
	case PROBE_SAMPLE_DONE:
		return 0;
	}
	return 0;
}

/* The rule of has_ring_share() for the overflow map. */
static __always_inline bool has_overflow_share(enum probe_record_type type, __u32 agent)
{
	__s64 all = (__s64)(overflowed - overflow_taken_by_all);

	return all < OVERFLOW_RECORDS &&
	       8 * overflow_used(agent) <
		       (__s64)unknown((__u32)overflow_weight(type)) * (OVERFLOW_RECORDS - all);
}

/* Where a record for the overflow can be written, with its header filled in; NULL if there is no
 * room for one. overflow_record() when all is there. */
static __always_inline void *begin_overflow(const struct overflow_key *key, __u64 size,
					    enum probe_record_type type, __u32 agent)
{
	static const union record blank = {};
	union record *draft;

	if (!has_overflow_share(type, agent))
		return NULL;
	if (bpf_map_update_elem(&drafts, key, &blank, BPF_NOEXIST) < 0)
		return NULL;
	draft = bpf_map_lookup_elem(&drafts, key);
	if (draft)
		fill_header(&draft->header, size, type, agent);
	return draft;
}

/* Puts the draft into the overflow. Returns false, with the record counted as lost, if there is no
 * room. */
static __always_inline bool overflow_record(const struct overflow_key *key, union record *draft,
					    __u32 agent)
{
	__u64 *put = &overflow_put[agent % PROBE_AGENTS];
	bool done;

	__sync_fetch_and_add(put, 1); /* before it can be taken out */
	done = bpf_map_update_elem(&overflow, key, draft, BPF_NOEXIST) == 0;
	bpf_map_delete_elem(&drafts, key);
	if (!done) {
		__sync_fetch_and_add(put, -1);
		count_lost(agent);
		return false;
	}
	__sync_fetch_and_add(&overflowed, 1);
	return true;
}

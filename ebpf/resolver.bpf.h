/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Name lookups by way of the agent's own C library: where they go over a Unix socket, or in packets
 * that nobody looks at, no packet tells of them. Uprobes on getaddrinfo(3) tell that it was called,
 * what it returned and when. Of its arguments only one is looked at, and as a number: a lookup of
 * no name is none. Neither the name nor what was found is read. */
#pragma once

#include "ebpf/lookup_news.bpf.h"

/* EAI_ of getaddrinfo(3): glibc and musl have the same. */
enum {
	RESOLVER_FOUND = 0,
	RESOLVER_NO_NAME = -2,
	RESOLVER_TRY_AGAIN = -3,
	RESOLVER_FAILED = -4,
	RESOLVER_NO_DATA = -5,
	RESOLVER_NO_ADDRESS = -9,
	RESOLVER_SYSTEM = -11,
};

/* Threads that are in getaddrinfo(3). */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u32); /* of no meaning */
} resolving SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, PROBE_AGENTS);
	__type(key, __u32);
	__type(value, struct lookup_reports);
} reports_of_agents SEC(".maps");

static __always_inline struct lookup_reports *reports_of(__u32 agent)
{
	static const struct lookup_reports blank = {};
	struct lookup_reports *reports = bpf_map_lookup_elem(&reports_of_agents, &agent);

	if (reports)
		return reports;
	bpf_map_update_elem(&reports_of_agents, &agent, &blank, BPF_NOEXIST);
	return bpf_map_lookup_elem(&reports_of_agents, &agent);
}

/* Other errors are the caller's: nothing was looked up. */
static __always_inline enum probe_lookup_answer answer_of_resolver(int result)
{
	switch (result) {
	case RESOLVER_FOUND:
		return PROBE_LOOKUP_FOUND;
	case RESOLVER_NO_NAME:
		return PROBE_LOOKUP_NOT_FOUND;
	case RESOLVER_NO_DATA:
	case RESOLVER_NO_ADDRESS:
		return PROBE_LOOKUP_EMPTY;
	case RESOLVER_TRY_AGAIN:
	case RESOLVER_FAILED:
	case RESOLVER_SYSTEM:
		return PROBE_LOOKUP_FAILED;
	}
	return PROBE_LOOKUP_NONE;
}

/* No server is known: the record has the address family 0. */
static __always_inline void tell_lookup(enum probe_lookup_answer answer)
{
	__u32 agent = agent_of_current();
	struct lookup_reports *reports = agent ? reports_of(agent) : NULL;
	struct probe_lookup *record;

	if (!reports || !is_to_be_told(reports, answer))
		return;
	record = reserve_beside(sizeof(*record));
	if (!record) {
		count_unreported(agent);
		return;
	}
	__builtin_memset(record, 0, sizeof(*record));
	fill_header(&record->header, sizeof(*record), PROBE_LOOKUP, agent);
	record->answer = answer;
	bpf_ringbuf_submit(record, 0);
}

/* ---- the programs; sources/probe_mqtt.c attaches them */

SEC("?uprobe")
int BPF_KPROBE(lookup_begun, const void *name)
{
	__u64 thread = bpf_get_current_pid_tgid();
	__u32 nothing = 0;

	if (name && bpf_map_update_elem(&resolving, &thread, &nothing, BPF_ANY) == 0)
		tell_lookup(PROBE_LOOKUP_ASKED);
	return 0;
}

SEC("?uretprobe")
int BPF_KRETPROBE(lookup_ended, int result)
{
	__u64 thread = bpf_get_current_pid_tgid();
	enum probe_lookup_answer answer = answer_of_resolver(result);

	if (bpf_map_delete_elem(&resolving, &thread) == 0 && answer != PROBE_LOOKUP_NONE)
		tell_lookup(answer);
	return 0;
}

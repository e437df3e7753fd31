/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ring buffer that records leave the kernel by. Both objects write to the same one. */
#pragma once

#define RING_SIZE (256 << 10)

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_SIZE);
} records SEC(".maps");

static __always_inline void fill_header(struct probe_header *header, __u64 size,
					enum probe_record_type type, __u32 agent)
{
	header->size = size;
	header->version = PROBE_RECORD_VERSION;
	header->type = type;
	header->agent = agent;
	header->time_nsec = bpf_ktime_get_ns();
}

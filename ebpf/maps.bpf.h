/* What the probe remembers, and the way its records leave the kernel. */
#pragma once

/* Set by probe.c before the load. */
const volatile __u32 pid_namespace = 0; /* inode of the loader's */
const volatile __u32 tick_nsec = 0;     /* length of a jiffy */

/* Records that found no room in the ring. */
__u64 lost_records = 0;

/* Who is watched: global thread group id -> agent, id of a control group -> agent. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u32);
} watched_processes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, __u32);
} watched_cgroups SEC(".maps");

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

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} records SEC(".maps");

/* What is kept about one watched socket, from its SYN until it is destroyed. */
struct connection {
	__u64 cookie;
	__u64 opened_nsec;
	__u8 local_address[16];
	__u8 peer_address[16];
	__u16 local_port;
	__u16 peer_port;
	__u16 family;
	__u8 reset_reason; /* of the RST that was sent */
	__u8 reset_state;
	__u8 flow_ttl_min;
	__u8 flow_ttl_max;
	__u8 reset_ttl;
	bool reset_received;
	bool closing_told;
	bool ended_told;
	bool reset_told;
	bool inspected;   /* its MQTT is looked at */
	__u32 agent;      /* set last: 0 until the rest is there */
	__u32 stalled;    /* retransmission time-outs in a row that were told; 0: all is well */
	__u32 stalled_at; /* snd_una then */
	__u32 owner_id;   /* thread group, in the initial pid namespace */
	struct probe_task owner;
};

static __always_inline void fill_header(struct probe_header *header, __u64 size,
					enum probe_record_type type, __u32 agent)
{
	header->size = size;
	header->version = PROBE_RECORD_VERSION;
	header->type = type;
	header->agent = agent;
	header->time_nsec = bpf_ktime_get_ns();
}

/* Room for a record with its header filled in; NULL, counted, if there is none. */
static __always_inline void *reserve_record(__u64 size, enum probe_record_type type, __u32 agent)
{
	struct probe_header *header = bpf_ringbuf_reserve(&records, size, 0);

	if (!header) {
		__sync_fetch_and_add(&lost_records, 1);
		return NULL;
	}
	fill_header(header, size, type, agent);
	return header;
}

/* Set by probe.c while it looks into the ring without being woken. */
bool wake_ups_off = false;

static __always_inline void submit_record(void *record)
{
	bpf_ringbuf_submit(record, wake_ups_off ? BPF_RB_NO_WAKEUP : 0);
}

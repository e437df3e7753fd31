/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel that the probe's parsers need, played in user space: a packet is a block of memory of
 * exactly its length, the clock moves on with each look, and every map has one value. */
#pragma once

#include <linux/types.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#define ETH_P_IP           0x0800
#define ETH_P_IPV6         0x86dd
#define PROBE_AGENTS       256
#define BPF_NOEXIST        1
#define bpf_htons(x)       __builtin_bswap16((__u16)(x))
#define bpf_ntohl(x)       __builtin_bswap32(x)
#define bpf_be64_to_cpu(x) __builtin_bswap64(x)
#define SEC(name)          __attribute__((unused))
#define barrier()          __asm__ volatile("" ::: "memory")
#define barrier_var(x)
#define __uint(a, b) int(*a)[b]
#define __type(a, b) b *a
#define __noinline   __attribute__((noinline, unused))
#undef __always_inline
#define __always_inline inline __attribute__((unused))

enum { BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_SK_STORAGE = 24, BPF_F_NO_PREALLOC = 1 };

struct bpf_sock {
	int unused;
};

struct bpf_tcp_sock {
	__u32 rcv_nxt;
	__u64 bytes_received;
	__u64 bytes_acked;
};

struct __sk_buff {
	const __u8 *bytes;
	long data, data_end; /* of what can be read in place: all of it */
	__u32 len;
	__u32 protocol;    /* network byte order */
	__u32 remote_port; /* network byte order, in the upper half */
	struct bpf_sock *sk;
};

static const bool have_kernel_types = true;

/* With types, nothing is kept by address. */
static inline __u64 address_of(const void *pointer)
{
	(void)pointer;
	return 0;
}

static inline __u64 cookie_at(__u64 address)
{
	return address;
}

/* Sessions are the fuzzer's own. */
static inline void *bpf_sk_storage_get(void *map, void *sk, void *value, __u64 flags)
{
	(void)map, (void)sk, (void)value, (void)flags;
	return NULL;
}

static inline void *bpf_map_lookup_elem(void *map, const void *key)
{
	(void)map, (void)key;
	return NULL;
}

static __u64 clock_nsec;
static struct bpf_tcp_sock tcp_state;

static inline __u64 bpf_ktime_get_ns(void)
{
	return clock_nsec += 100000000;
}

static inline long bpf_skb_load_bytes(const struct __sk_buff *packet, __u32 offset, void *to,
				      __u32 size)
{
	if (offset > packet->len || size > packet->len - offset)
		return -1;
	memcpy(to, packet->bytes + offset, size);
	return 0;
}

static inline long bpf_probe_read_user(void *to, __u32 size, const void *from)
{
	memcpy(to, from, size);
	return 0;
}

static inline struct bpf_tcp_sock *bpf_tcp_sock(struct bpf_sock *sk)
{
	return sk ? &tcp_state : NULL;
}

static inline __u64 bpf_skb_cgroup_id(const struct __sk_buff *packet)
{
	return packet->len;
}

static inline __u32 agent_of_cgroup(__u64 id)
{
	return id ? 1 : 0;
}

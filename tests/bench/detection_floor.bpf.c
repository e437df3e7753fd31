/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The least that it takes to notice the end of a connection: one tracepoint, a record of a few
 * bytes, a wake-up. What detection_floor.c compares the watchdog with. */
#include "ebpf/kernel_types.h"

#include <stdbool.h>

#include <bpf/bpf_helpers.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

#include "tests/bench/detection_floor.h"

/* BPF_PROG() names the raw arguments. */
#pragma clang diagnostic ignored "-Wunused-parameter"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u16 port = 0; /* of the peer, whose connections count */
const volatile bool wake_up = true;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} ends SEC(".maps");

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(socket_state, struct sock *sk, int before, int after)
{
	struct end *end;

	if (after != TCP_CLOSE || sk->__sk_common.skc_dport != bpf_htons(port))
		return 0;
	end = bpf_ringbuf_reserve(&ends, sizeof(*end), 0);
	if (!end)
		return 0;
	end->time_nsec = bpf_ktime_get_ns();
	end->cookie = bpf_get_socket_cookie(sk);
	bpf_ringbuf_submit(end, wake_up ? 0 : BPF_RB_NO_WAKEUP);
	return 0;
}

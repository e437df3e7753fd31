/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The least that it takes to watch connections by tracepoints: programs that do nothing, at those
 * that the probe hangs on while nothing is stalled. */
#include "ebpf/kernel_types.h"

#include <bpf/bpf_helpers.h>

/* No program looks at what it is given. */
#pragma clang diagnostic ignored "-Wunused-parameter"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tp_btf/inet_sock_set_state")
int socket_state(void *arguments)
{
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int reset_received(void *arguments)
{
	return 0;
}

SEC("tp_btf/tcp_send_reset")
int reset_sent(void *arguments)
{
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int retransmitted(void *arguments)
{
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int socket_destroyed(void *arguments)
{
	return 0;
}

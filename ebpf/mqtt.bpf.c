/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Looks at the MQTT that the connections of some agents carry: at packets on their way in and out
 * of the agents' control groups, where it is plain, and at the agents' own libssl, where it is not.
 * Its results are in maps that it shares with the probe (mqtt_maps.bpf.h), and the probe
 * (probe.bpf.c) copies them into its records. What libssl finds wrong with a certificate it tells
 * by itself (certificate_error.bpf.h). At some agents it also looks at name lookups by way
 * of their C library (resolver.bpf.h).
 *
 * An object of its own, loaded when the settings of an agent ask for it: no other agent pays. */
#include "ebpf/kernel_types.h"

#include <stdbool.h>

#include <bpf/bpf_helpers.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

/* Each of these builds on those before it. */
#include "ebpf/reads.bpf.h"

#include "ebpf/probe_record.h"
#include "ebpf/watch_keys.h"

/* Only the probe knows better. */
static const bool processes_watched = true;

#include "ebpf/watched.bpf.h"

#include "ebpf/ring.bpf.h"

#include "ebpf/mqtt_maps.bpf.h"

#include "ebpf/mqtt_told.bpf.h"

#include "ebpf/login_told.bpf.h"

#include "ebpf/mqtt_follow.bpf.h"

#include "ebpf/login_follow.bpf.h"

#include "ebpf/token_follow.bpf.h"

#include "ebpf/session_follow.bpf.h"

#include "ebpf/segments.bpf.h"

/* The macros name all arguments, and few programs need them. */
#pragma clang diagnostic ignored "-Wunused-parameter"

#include "ebpf/mqtt_tls.bpf.h"

#include "ebpf/certificate_error.bpf.h"

#include "ebpf/resolver.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline void look_at(struct __sk_buff *packet, bool sent)
{
	struct segment segment = {};
	struct mqtt_chunk chunk = {};
	struct bpf_sock *sk = packet->sk; /* each read of it is checked for NULL */
	struct mqtt_session *session;

	if (!sk)
		return;
	session = session_of(sk);
	if (!session || session->state == MQTT_OTHER || session->state == MQTT_LOST)
		return;
	if (!find_segment(packet, &segment))
		return;
	chunk.packet = packet;
	chunk.offset = segment.offset;
	chunk.position = segment.position;
	chunk.length = segment.length;
	follow(session, sent, &chunk);
	tell_login(session, &session->socket, 0);
}

enum { PASS = 1 };

SEC("cgroup_skb/egress")
int mqtt_packet_sent(struct __sk_buff *packet)
{
	look_at(packet, true);
	return PASS;
}

SEC("cgroup_skb/ingress")
int mqtt_packet_received(struct __sk_buff *packet)
{
	look_at(packet, false);
	return PASS;
}

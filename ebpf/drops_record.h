/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the host drops of a connection's packets: keys and values of a map that both sides know.
 * Entered by watchdog/sources/probe_drops.c, counted by ebpf/drops.bpf.c. */
#pragma once

#ifndef __bpf__
#include <linux/types.h>
#endif

#define DROP_FLOWS 1024

/* A connection, or with `local` and `local_port` zero all attempts to reach a peer: of the latter,
 * each SYN that is dropped makes an entry of its own. IPv4: the first 4 bytes, ports in host byte
 * order. */
struct drop_flow {
	__u8 local[16];
	__u8 peer[16];
	__u16 local_port;
	__u16 peer_port;
};

/* Who drops. The core's enum drop_place has the same bits; probe_drops.c asserts that. */
enum drop_by {
	DROPPED_BY_NETFILTER = 1 << 0,  /* a rule of nftables or iptables, or conntrack */
	DROPPED_BY_CGROUP = 1 << 1,     /* a program on a control group, as for IPAddressDeny= */
	DROPPED_BY_TC = 1 << 2,         /* a filter of tc */
	DROPPED_IN_HOST_NETNS = 1 << 3, /* not where the socket is, but where connwatch is */
	DROPPED_AS_NEW = 1 << 4,        /* conntrack had no entry, though it was no SYN */
	DROPPED_AS_KNOWN = 1 << 5,      /* conntrack had one, and had seen both directions */
};

struct drop_counts {
	__u64 netns;       /* of the socket */
	__u32 retransmits; /* the socket's counts when the entry was made */
	__u32 probes;
	__u32 out; /* with data, a SYN or a FIN */
	__u32 in;
	__u32 by;         /* enum drop_by */
	__u32 from_first; /* the entry is as old as the connection */
};

_Static_assert(sizeof(struct drop_flow) == 36, "layout of drop_flow");
_Static_assert(sizeof(struct drop_counts) == 32, "layout of drop_counts");

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A connection as far as the probe's parsers of TLS know it, in user space. */
#pragma once

#include "kernel_side.h"

#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

/* Each of these headers builds on those before it. */
#include "ebpf/probe_record.h"

#include "ebpf/segments.bpf.h"

#include "ebpf/tls_follow.bpf.h"

struct connection {
	__u64 cookie;
	__u64 opened_nsec;
	__u32 agent;
	bool closing_told;
	struct tls_follow tls;
};

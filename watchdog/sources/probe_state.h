/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside the probe: what probe.c and probe_watches.c share. */
#pragma once

#include "ebpf/probe_record.h"
#include "sources/probe.h"
#include "sources/probe_btf.h"
#include "sources/probe_late.h"

struct bpf_link;
struct drops_bpf;
struct mqtt_probe;
struct group_watches;
struct probe_bpf;
struct probe_overflow;
struct probe_ring;

/* The highest number of an agent whose MQTT may be looked at; as a mask, it keeps an index in
 * range. */
enum { AGENT_NUMBER_MAX = 255 };

/* Tracepoints of the host's lens. */
enum { PROBE_HOST_PROGRAMS = 3 };

struct probe_lens {
	struct bpf_link *links[PROBE_HOST_PROGRAMS];
	bool attached;
	bool missing;        /* it is needed, and could not be attached */
	uint32_t calls_lost; /* the kernel's count when it was last looked at */
	usec_t opened;
	usec_t restart_until; /* a group that went may be made anew */
	usec_t next_look;     /* whether it is still needed; USEC_INFINITY: with the next record */
	uint64_t changes;     /* how often it was attached or detached */
	int old[PROBE_LENS_DESCRIPTORS_MAX]; /* links of the daemon before us */
	unsigned old_count;
};

/* What the host drops of connections in trouble: probe_drops.c. */
struct probe_drops {
	struct drops_bpf *bpf; /* NULL: not loaded yet */
	bool refused;          /* it cannot be loaded */
	bool netfilter_alone;  /* the kernel does not say why it drops, only where */
	struct bpf_link *link; /* NULL: not attached */
	usec_t looked;         /* when anything was last found to be in trouble */
	usec_t attempts_until; /* attempts are looked at; 0: none are */
	usec_t next_look;      /* whether it is still needed; USEC_INFINITY: with the next record */
};

struct probe {
	struct probe_btf btf;
	struct probe_bpf *bpf;
	struct probe_late late;
	struct probe_lens lens;
	struct probe_drops drops;
	struct probe_ring *ring;
	struct probe_overflow *overflow;
	struct probe_header end_of_sample;
	uint64_t end_of_sample_after; /* it waits for that look into the overflow; 0: there is none
				       */
	uint64_t undecoded; /* records that could not be decoded, and are yet to be told */
	usec_t groups_told; /* when groups that are not watched were last told; 0: never */
	bool sampling;      /* a sample was asked for and is not handed on completely */
	char *sample;       /* records that are yet to be handed on; NULL: none */
	size_t sample_size;
	struct group_watches *groups;
	struct mqtt_probe *mqtt;                 /* NULL until an agent asks for it */
	bool inspected[AGENT_NUMBER_MAX + 1];    /* by agent: its MQTT is looked at */
	bool lookups_hide[AGENT_NUMBER_MAX + 1]; /* by agent: valid if `inspected` */
	uint32_t groups_made; /* the kernel's counts when groups were last looked for */
	uint32_t groups_gone;
	usec_t groups_made_at;    /* when the first was counted that was not found yet; 0: none */
	usec_t groups_looked_at;  /* when these were last looked for */
	bool stalled;             /* a connection is, or was lately */
	struct bpf_link *healing; /* the program that sees the end of a stall; NULL: not attached */
	bool healing_followed;    /* the end of a stall will be seen, at the latest with a look */
	usec_t healing_from;      /* before, nothing is done about it; 0: at once */
	usec_t healing_looked;    /* when it was last checked that it is needed */
	struct handover_memory *kept; /* records for the next daemon; NULL: there will be none */
	uint64_t recalled; /* number of the first record in `kept` that is not of the daemon
			      before us; 0: there was none */
	int taken_over[PROBE_DESCRIPTORS_MAX]; /* links of the daemon before us */
	unsigned taken_over_count;
	/* during probe_drain() only */
	event_sink sink;
	void *userdata;
	int events;
	int records;
};

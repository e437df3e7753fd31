/* Inside the probe: what probe.c and probe_watches.c share. */
#pragma once

#include "probe.h"

struct bpf_link;
struct mqtt_probe;
struct packet_watches;
struct probe_bpf;
struct ring_buffer;

enum { AGENTS_MAX = 255 };

struct probe {
	struct probe_bpf *bpf;
	struct ring_buffer *ring;
	uint64_t undecoded; /* records that were no use to us */
	uint64_t lost_told; /* of these and of those the kernel dropped */
	bool sampling;      /* a sample was asked for and is not handed on to its end */
	char *sample;       /* records that are yet to be handed on; NULL: none */
	size_t sample_size;
	struct packet_watches *packets;
	struct mqtt_probe *mqtt;        /* NULL until an agent asks for it */
	bool inspected[AGENTS_MAX + 1]; /* by agent: its MQTT is looked at */
	uint32_t groups_made;      /* as counted by the kernel when they were last looked for */
	bool stalled;              /* a connection is, or was lately */
	struct bpf_link *healing;  /* of what tells when it is over; NULL: not attached */
	usec_t healing_looked;     /* when it was last looked whether that is needed */
	struct handover *handover; /* NULL: nobody comes after us */
	bool resuming; /* the next record may be one that the process before us had taken */
	int taken_over[PROBE_DESCRIPTORS_MAX]; /* links of the process before us */
	unsigned taken_over_count;
	/* during probe_drain() only */
	event_sink sink;
	void *userdata;
	int events;
	int records;
};

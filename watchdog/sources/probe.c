#include "probe.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/decode.h"
#include "ebpf/probe.skel.h"
#include "probe_iterator.h"
#include "probe_load.h"
#include "probe_mqtt.h"
#include "probe_packets.h"
#include "probe_stalls.h"
#include "probe_state.h"
#include "support/cleanup.h"
#include "support/clock.h"
#include "support/handover.h"

/* In one probe_drain(): more than the ring can hold (each takes 8 bytes for itself there), so all
 * that was there when it began is among them. */
enum { RECORDS_AT_ONCE = 4096 };

DEFINE_CLEANUP(struct probe *, probe_close);

/* ---- records as events */

static bool read_record(struct probe *probe, const void *record, size_t size, struct event *event)
{
	if (decode_record(record, size, event) == 0)
		return true;
	probe->undecoded++;
	return false;
}

static void hand_on(struct probe *probe, const struct event *event)
{
	if (probe->inspected[event->agent & AGENTS_MAX])
		mqtt_probe_take(probe->mqtt, event);
	if (event->type == EVENT_RETRANSMIT)
		probe->stalled = true;
	if (event->type == EVENT_SAMPLE_DONE) {
		if (!probe->sampling)
			return; /* the process before us had asked for it */
		probe->sampling = false;
	}
	probe->sink(probe->userdata, event);
	probe->events++;
}

static void hand_on_sample(struct probe *probe)
{
	_cleanup_free_ char *sample = STEAL_POINTER(probe->sample);
	struct event event;

	for (size_t at = 0; sample && at < probe->sample_size; at += DECODE_SAMPLE_SIZE)
		if (read_record(probe, sample + at, DECODE_SAMPLE_SIZE, &event))
			hand_on(probe, &event);
}

/* ---- records that are kept for the process after us */

/* What a session's verdict rests on. Its troubles while it is open are told as they come. */
static bool is_for_keeps(enum event_type type)
{
	return event_is_process(type) || (event_is_connection(type) && type != EVENT_RETRANSMIT &&
					  type != EVENT_HEALED && type != EVENT_SAMPLED);
}

/* The process before us may have died between keeping a record and giving its room in the ring
 * back: then the last one it kept comes once more. */
static bool is_kept_already(struct probe *probe, const void *record, size_t size)
{
	uint64_t end = handover_end(probe->handover);
	const void *last;
	size_t last_size;

	if (!probe->resuming)
		return false;
	probe->resuming = false;
	if (end == handover_first(probe->handover))
		return false;
	last = handover_record(probe->handover, end - 1, &last_size);
	return last_size == size && memcmp(last, record, size) == 0;
}

_Static_assert((int)DECODE_SAMPLE_SIZE <= (int)HANDOVER_RECORD_SIZE,
	       "the longest record finds room");

/* Returns false if it was handed on by probe_recall(). */
static bool keep(struct probe *probe, enum event_type type, const void *record, size_t size)
{
	if (!probe->handover || !is_for_keeps(type))
		return true;
	if (is_kept_already(probe, record, size))
		return false;
	handover_keep(probe->handover, record, size);
	return true;
}

/* A sample that the sink asked for is older than what follows in the ring. */
static int on_record(void *userdata, void *data, size_t size)
{
	struct probe *probe = userdata;
	struct event event;

	if (read_record(probe, data, size, &event) && keep(probe, event.type, data, size))
		hand_on(probe, &event);
	hand_on_sample(probe);
	return ++probe->records < RECORDS_AT_ONCE ? 0 : -EAGAIN;
}

/* ---- opening */

static int attach(struct probe *probe)
{
	struct bpf_program *packets = probe->bpf->progs.packet_received;

	probe->ring =
		ring_buffer__new(bpf_map__fd(probe->bpf->maps.records), on_record, probe, NULL);
	if (!probe->ring)
		return -errno;
	probe->stalled = probe->taken_over_count > 0; /* for all we know */
	if (bpf_program__autoload(packets))
		packet_watches_use(probe->packets, LOOK_AT_TTL, packets, NULL);
	probe_set_wake_ups(probe, true); /* whatever the process before us was at */
	return probe_bpf__attach(probe->bpf);
}

static int load_and_attach(struct probe *probe)
{
	int r;

	probe->packets = packet_watches_new();
	if (!probe->packets)
		return -ENOMEM;
	r = probe_load(&probe->bpf, probe->taken_over, probe->taken_over_count);
	return r < 0 ? r : attach(probe);
}

int probe_take_over(struct probe **ret, const int *descriptors, unsigned count,
		    const char **complaint)
{
	_cleanup_(probe_close_held) struct probe *probe = calloc(1, sizeof(*probe));
	int r;

	if (probe && count > 0) {
		memcpy(probe->taken_over, descriptors, count * sizeof(*descriptors));
		probe->taken_over_count = count;
	}
	r = probe ? load_and_attach(probe) : -ENOMEM;
	if (r < 0) {
		*complaint = probe_load_complaint(r);
		return r;
	}
	*ret = STEAL_POINTER(probe);
	return 0;
}

int probe_open(struct probe **ret, const char **complaint)
{
	return probe_take_over(ret, NULL, 0, complaint);
}

struct probe *probe_close(struct probe *probe)
{
	if (!probe)
		return NULL;
	bpf_link__destroy(probe->healing);
	packet_watches_free(probe->packets);
	mqtt_probe_close(probe->mqtt);
	ring_buffer__free(probe->ring);
	probe_bpf__destroy(probe->bpf);
	for (unsigned i = 0; i < probe->taken_over_count; i++)
		close(probe->taken_over[i]);
	free(probe->sample);
	free(probe);
	return NULL;
}

int probe_descriptors(const struct probe *probe, int descriptors[static PROBE_DESCRIPTORS_MAX])
{
	if (!probe->taken_over_count)
		return probe_load_descriptors(probe->bpf, descriptors);
	memcpy(descriptors, probe->taken_over, sizeof(probe->taken_over));
	return (int)probe->taken_over_count;
}

/* ---- samples */

static int take_sample(struct probe *probe)
{
	_cleanup_free_ char *sample = NULL;
	size_t size;
	int r;

	probe->bpf->bss->sample_done = false;
	r = probe_iterator_read(probe->bpf->progs.sample_connections, probe->bpf->maps.connections,
				&sample, &size);
	if (r < 0)
		return r;
	if (probe->bpf->bss->sample_done) {
		probe->sample = STEAL_POINTER(sample);
		probe->sample_size = size;
	}
	return 0;
}

int probe_sample(struct probe *probe)
{
	int r;

	if (!bpf_program__autoload(probe->bpf->progs.sample_connections))
		return -EOPNOTSUPP;
	if (probe->sampling)
		return 0;
	r = take_sample(probe);
	probe->sampling = r == 0;
	return r;
}

/* ---- draining */

static void look_for_new_groups(struct probe *probe)
{
	uint32_t made = probe->bpf->bss->awaited_cgroups_made;

	if (made == probe->groups_made)
		return;
	probe->groups_made = made;
	packet_watches_look_again(probe->packets);
}

static void tell_lost(struct probe *probe)
{
	uint64_t lost = probe->undecoded + probe->bpf->bss->lost_records;
	struct event event = { .type = EVENT_LOST };

	if (lost == probe->lost_told)
		return;
	event.time = clock_now(CLOCK_MONOTONIC);
	event.lost.records = lost - probe->lost_told;
	probe->lost_told = lost;
	if (probe->handover)
		handover_set_lost(probe->handover, probe->bpf->bss->lost_records);
	probe->sink(probe->userdata, &event);
	probe->events++;
}

int probe_fd(const struct probe *probe)
{
	return ring_buffer__epoll_fd(probe->ring);
}

void probe_set_wake_ups(struct probe *probe, bool on)
{
	probe->bpf->bss->wake_ups_off = !on;
}

void probe_remember(struct probe *probe, struct handover *handover)
{
	probe->handover = handover;
	probe->lost_told = handover_lost(handover);
	probe->resuming = probe->taken_over_count > 0;
}

void probe_recall(struct probe *probe, event_sink sink, void *userdata)
{
	uint64_t end = handover_end(probe->handover);

	probe->sink = sink;
	probe->userdata = userdata;
	for (uint64_t at = handover_first(probe->handover); at < end; at++) {
		size_t size;
		const void *record = handover_record(probe->handover, at, &size);
		struct event event;

		if (read_record(probe, record, size, &event))
			hand_on(probe, &event);
	}
}

int probe_drain(struct probe *probe, event_sink sink, void *userdata)
{
	int r;

	probe->sink = sink;
	probe->userdata = userdata;
	probe->events = 0;
	probe->records = 0;
	look_for_new_groups(probe);
	hand_on_sample(probe);
	r = ring_buffer__consume(probe->ring);
	if (r < 0 && r != -EAGAIN)
		return r;
	r = 0;
	probe_stalls_follow(probe);
	if (probe->sampling && !probe->bpf->bss->sample_done) {
		probe->sampling = false; /* the ring was full: once more */
		r = probe_sample(probe);
	}
	tell_lost(probe);
	return r < 0 ? r : probe->events;
}

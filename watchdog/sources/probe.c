/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/probe.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ebpf/probe.skel.h"
#include "ebpf/probe_record.h"
#include "ebpf/watch_keys.h"
#include "events/decode.h"
#include "sources/probe_attach.h"
#include "sources/probe_drops.h"
#include "sources/probe_groups.h"
#include "sources/probe_iterator.h"
#include "sources/probe_lens.h"
#include "sources/probe_load.h"
#include "sources/probe_mqtt.h"
#include "sources/probe_overflow.h"
#include "sources/probe_ring.h"
#include "sources/probe_stalls.h"
#include "sources/probe_state.h"
#include "sources/probe_visits.h"
#include "support/cleanup.h"
#include "support/clock.h"
#include "support/handover_memory.h"
#include "support/kernel_word.h"

/* The most records in one probe_drain(). The ring holds fewer (each takes 8 bytes more there), so
 * all that were in it at the beginning are among them. */
enum { RECORDS_AT_ONCE = 4096 };

/* The most records of the overflow in one probe_drain(): then the ring is looked at again. */
enum { OVERFLOW_AT_ONCE = 64 };

/* From one word on groups that are not watched to the next. */
#define GROUPS_PAUSE (1 * USEC_PER_MINUTE)

/* ---- records as events */

/* Ten digits. */
#define TOKEN_SECONDS_MAX 10000000000ULL

/* When the token of a login ends, by this host's clock. */
static void date_token(const void *data, struct event *event)
{
	struct connection_event *connection = &event->connection;
	struct probe_login_seen record;
	usec_t ends, then;

	memcpy(&record, data, sizeof(record));
	if (!record.token_seconds || record.token_seconds >= TOKEN_SECONDS_MAX)
		return;
	ends = record.token_seconds * USEC_PER_SEC;
	then = clock_now(CLOCK_REALTIME) - (clock_now(CLOCK_MONOTONIC) - event->time);
	if (ends > then)
		connection->token_left = ends - then;
	else
		connection->token_over = then - ends ?: 1;
}

static void date_certificate(struct event *event)
{
	usec_t then = clock_now(CLOCK_REALTIME) - (clock_now(CLOCK_MONOTONIC) - event->time);

	event->connection.certificate.now = then / USEC_PER_SEC;
}

static bool read_record(struct probe *probe, const void *record, size_t size, struct event *event)
{
	if (decode_record(record, size, event) < 0) {
		probe->undecoded++;
		return false;
	}
	if (event->type == EVENT_LOGIN)
		date_token(record, event);
	if (event->type == EVENT_CERTIFICATE)
		date_certificate(event);
	probe_drops_note(probe, event);
	return true;
}

static void hand_on(struct probe *probe, const struct event *event)
{
	if (event->type == EVENT_RETRANSMIT)
		probe->stalled = true;
	if (event->type == EVENT_SAMPLE_DONE) {
		if (!probe->sampling)
			return; /* the daemon before us had asked for it */
		probe->sampling = false;
	}
	probe->sink(probe->userdata, event);
	probe->events++;
}

/* An iterator writes its records back to back; all are of connections. */
static void hand_on_sample(struct probe *probe)
{
	enum { SIZE = sizeof(struct probe_connection) };
	_cleanup_free_ char *sample = STEAL_POINTER(probe->sample);
	struct event event;

	for (size_t at = 0; sample && at < probe->sample_size; at += SIZE)
		if (read_record(probe, sample + at, SIZE, &event))
			hand_on(probe, &event);
}

/* ---- records that are kept for the next daemon */

/* Returns true for the records that a session's verdict rests on. Troubles of open sessions are
 * told when they come. */
static bool is_for_keeps(enum event_type type)
{
	return event_is_process(type) || (event_is_connection(type) && type != EVENT_RETRANSMIT &&
					  type != EVENT_HEALED && type != EVENT_SAMPLED);
}

/* The daemon before us may have died between keeping a record and giving its room in the ring or in
 * the overflow back: then the last record it kept comes once more. */
static bool is_kept_already(struct probe *probe, const void *record, size_t size)
{
	const void *last;
	size_t last_size;

	if (probe->recalled <= handover_memory_first(probe->kept)) /* there is none, any more */
		return false;
	last = handover_memory_record(probe->kept, probe->recalled - 1, &last_size);
	return last_size == size && memcmp(last, record, size) == 0;
}

_Static_assert(sizeof(struct probe_connection) <= HANDOVER_RECORD_SIZE,
	       "the longest record finds room");

/* Keeps the record. Returns false if probe_recall() has handed it on already. */
static bool keep(struct probe *probe, enum event_type type, const void *record, size_t size)
{
	if (!probe->kept || !is_for_keeps(type))
		return true;
	if (is_kept_already(probe, record, size))
		return false;
	handover_memory_keep(probe->kept, record, size);
	return true;
}

/* Not for what probe_recall() hands on: if a file of an agent should ever end us, it would end each
 * daemon after us at its start. */
static void look_into_process(struct probe *probe, const struct event *event)
{
	uint32_t agent = event->agent & AGENT_NUMBER_MAX;

	if (probe->inspected[agent])
		mqtt_probe_take(probe->mqtt, event, probe->lookups_hide[agent]);
}

/* A sample that the sink asked for while it took this record is older than what follows. */
static void take_record(struct probe *probe, const void *data, size_t size)
{
	struct event event;

	if (read_record(probe, data, size, &event) && keep(probe, event.type, data, size)) {
		look_into_process(probe, &event);
		hand_on(probe, &event);
	}
	hand_on_sample(probe);
}

/* ---- the ring, and then its overflow
 *
 * The kernel lets no record of an agent into the ring while earlier ones of that agent wait in the
 * overflow; and an agent that fills the overflow keeps nobody waiting but itself. What went into
 * the ring before a record of the overflow has its place there when that record is seen: so the
 * records of each agent are in order if the ring is read up to its end at that time, and then what
 * was seen is taken. */

/* Called by the overflow for its next record. */
static void on_overflow(void *userdata, const void *data, size_t size)
{
	take_record(userdata, data, size);
}

static bool is_end_of_sample(const void *record, size_t size)
{
	const struct probe_header *header = record;

	return size == sizeof(*header) && header->type == PROBE_SAMPLE_DONE;
}

/* The end of a sample comes behind the ends that the sample passed over, some of which may be in
 * the overflow. */
static void hold_end_of_sample(struct probe *probe, const void *record)
{
	memcpy(&probe->end_of_sample, record, sizeof(probe->end_of_sample));
	probe->end_of_sample_after = probe_overflow_next_look(probe->overflow);
}

static void hand_on_end_of_sample(struct probe *probe)
{
	uint64_t after = probe->end_of_sample_after;

	if (!after || !probe_overflow_is_past(probe->overflow, after))
		return;
	probe->end_of_sample_after = 0;
	take_record(probe, &probe->end_of_sample, sizeof(probe->end_of_sample));
}

/* Gives the agent its share of the ring back. Records of logins do not count for it
 * (ebpf/login_told.bpf.h). */
static void give_share_back(struct probe *probe, const struct probe_header *header)
{
	int64_t *used = (int64_t *)&probe->bpf->bss->ring_used[header->agent % PROBE_AGENTS];

	if (header->type == PROBE_LOGIN)
		return;
	__atomic_fetch_sub(used, header->size, __ATOMIC_RELAXED);
}

static int on_record(void *userdata, void *data, size_t size)
{
	struct probe *probe = userdata;

	if (is_end_of_sample(data, size))
		hold_end_of_sample(probe, data);
	else
		take_record(probe, data, size);
	give_share_back(probe, data);
	return ++probe->records < RECORDS_AT_ONCE ? 0 : -EAGAIN;
}

static int take_ring(struct probe *probe, uint64_t end)
{
	int r;

	probe->records = 0;
	r = probe_ring_consume(probe->ring, end, on_record, probe);
	return r == -EAGAIN ? 0 : r;
}

/* A record that is still being written in the ring, on another processor, keeps the overflow
 * waiting. */
static int take_overflow(struct probe *probe)
{
	uint64_t end;
	int r;

	probe_overflow_look(probe->overflow);
	end = probe_ring_end(probe->ring);
	r = take_ring(probe, end);
	if (r >= 0 && probe_ring_is_past(probe->ring, end))
		probe_overflow_take(probe->overflow, OVERFLOW_AT_ONCE, on_overflow, probe);
	return r;
}

static int take_records(struct probe *probe)
{
	int r = take_ring(probe, UINT64_MAX);

	if (r < 0)
		return r;
	r = take_overflow(probe);
	hand_on_end_of_sample(probe);
	return r;
}

bool probe_is_behind(const struct probe *probe)
{
	return probe_overflow_is_behind(probe->overflow);
}

/* ---- opening */

bool probe_sees_packets(const struct probe *probe)
{
	return bpf_program__autoload(probe->bpf->progs.packet_received);
}

/* Packets are looked at for the TTLs of what comes in, and for name lookups. */
static void look_at_packets(struct probe *probe)
{
	if (!probe_sees_packets(probe))
		return;
	group_watches_use(probe->groups, LOOK_AT_RECEIVED, probe->bpf->progs.packet_received, NULL);
	group_watches_use(probe->groups, LOOK_AT_SENT, probe->bpf->progs.packet_sent, NULL);
}

static int attach(struct probe *probe)
{
	const struct bpf_map *records = probe->bpf->maps.records;
	int r = probe_ring_open(&probe->ring, bpf_map__fd(records), bpf_map__max_entries(records),
				kernel_word());

	if (r < 0)
		return r;
	if (probe_overflow_new(&probe->overflow, probe->bpf) < 0)
		return -ENOMEM;
	if (probe->taken_over_count > 0)
		probe_stalls_take_over(probe);
	r = probe_lens_open(probe);
	if (r < 0)
		return r;
	look_at_packets(probe);
	probe_set_wake_ups(probe, true); /* the daemon before us may have died in a rush */
	return probe_attach_all(probe->bpf->skeleton);
}

static int load_and_attach(struct probe *probe)
{
	struct probe_bpf *bpf = NULL;
	int r;

	probe->groups = group_watches_new(probe_lens_leave_group, probe);
	if (!probe->groups)
		return -ENOMEM;
	r = probe_load(&bpf, &probe->late, probe_btf_path(&probe->btf), probe->taken_over,
		       probe->taken_over_count);
	probe->bpf = bpf;
	return r < 0 ? r : attach(probe);
}

int probe_take_over(struct probe **ret, const char *btf, const int *descriptors, unsigned count,
		    const char **complaint)
{
	_cleanup_(probe_close_held) struct probe *probe = calloc(1, sizeof(*probe));
	int r = -ENOMEM;

	if (probe && count > 0) {
		memcpy(probe->taken_over, descriptors, count * sizeof(*descriptors));
		probe->taken_over_count = count;
	}
	if (probe) {
		r = probe_btf_open(&probe->btf, btf, complaint);
		if (r < 0)
			return r;
		r = load_and_attach(probe);
	}
	if (r < 0) {
		*complaint = probe_load_complaint(r);
		return r;
	}
	*ret = STEAL_POINTER(probe);
	return 0;
}

int probe_open(struct probe **ret, const char *btf, const char **complaint)
{
	return probe_take_over(ret, btf, NULL, 0, complaint);
}

bool probe_has_external_btf(const struct probe *probe)
{
	return probe_btf_path(&probe->btf) != NULL;
}

struct probe *probe_close(struct probe *probe)
{
	if (!probe)
		return NULL;
	bpf_link__destroy(probe->healing);
	probe_drops_close(probe);
	probe_lens_close(probe);
	group_watches_free(probe->groups);
	mqtt_probe_close(probe->mqtt);
	probe_ring_close(probe->ring);
	probe_overflow_free(probe->overflow);
	probe_late_free(&probe->late);
	probe_bpf__destroy(probe->bpf);
	for (unsigned i = 0; i < probe->taken_over_count; i++)
		close(probe->taken_over[i]);
	probe_btf_close(&probe->btf);
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
	const struct bpf_map *map = probe->bpf->maps.connections;
	const struct bpf_program *take = probe_iterator_choose(
		probe->bpf->progs.sample_connections, probe->bpf->progs.sample_by_file, &map);
	_cleanup_free_ char *sample = NULL;
	size_t size;
	int r = probe_late_load(&probe->late, take);

	if (r < 0)
		return r;
	probe->bpf->bss->sample_done = false;
	probe->bpf->bss->sample_number = probe->bpf->bss->sample_number % UINT8_MAX + 1;
	r = probe_visits_connections(probe) ? probe_visit_for_sample(probe, &sample, &size)
					    : probe_iterator_read(take, map, &sample, &size);
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

	if (!bpf_program__autoload(probe->bpf->progs.sample_connections) &&
	    !bpf_program__autoload(probe->bpf->progs.sample_by_file) &&
	    !probe_visits_connections(probe))
		return -EOPNOTSUPP;
	if (probe->sampling)
		return 0;
	r = take_sample(probe);
	probe->sampling = r == 0;
	return r;
}

/* ---- draining */

/* The kernel tells of a group a moment before its directory can be opened. */
#define GROUP_PATIENCE (1 * USEC_PER_SEC)
#define GROUP_PAUSE    (10 * USEC_PER_MSEC)

/* Connections may have come up in a new group before it had its lens. The host's lens has seen
 * them, unless it was not there either. */
static void look_for_groups(struct probe *probe)
{
	uint32_t made = probe->bpf->bss->awaited_cgroups_made;
	uint32_t gone = probe->bpf->bss->awaited_cgroups_gone;
	bool had_lens = probe->lens.attached, found;
	usec_t now = clock_now(CLOCK_MONOTONIC);

	if (made == probe->groups_made && gone == probe->groups_gone)
		return;
	found = group_watches_look_again(probe->groups);
	if (made != probe->groups_made && !probe->groups_made_at)
		probe->groups_made_at = now;
	probe->groups_looked_at = now;
	if (found || now >= probe->groups_made_at + GROUP_PATIENCE) {
		probe->groups_made = made;
		probe->groups_made_at = 0;
	}
	if (gone != probe->groups_gone)
		probe_lens_await_restart(probe);
	probe->groups_gone = gone;
	if (found || !group_watches_have_lenses(probe->groups))
		probe_lens_need(probe);
	if (found && !had_lens)
		probe_find_connections(probe);
}

static usec_t next_look_for_groups(const struct probe *probe)
{
	return probe->groups_made_at ? probe->groups_looked_at + GROUP_PAUSE : USEC_INFINITY;
}

static void tell_lost_of(struct probe *probe, uint32_t agent, const struct lost_event *lost)
{
	struct event event = {
		.type = EVENT_LOST,
		.agent = agent,
		.time = clock_now(CLOCK_MONOTONIC),
		.lost = *lost,
	};

	if (!lost->records && !lost->groups)
		return;
	probe->sink(probe->userdata, &event);
	probe->events++;
}

/* Returns what was counted since the last call. The number reported stands beside the number
 * counted, where the next daemon finds it. */
static uint64_t take_count(const __u64 *counted, __u64 *told)
{
	uint64_t more = __atomic_load_n(counted, __ATOMIC_RELAXED) - *told;

	*told += more;
	return more;
}

/* A user can make groups that find no room without end. */
static bool groups_are_due(const struct probe *probe, usec_t now)
{
	return !probe->groups_told || now >= probe->groups_told + GROUPS_PAUSE;
}

static void tell_lost(struct probe *probe)
{
	struct probe_bpf__bss *run = probe->bpf->bss;
	struct lost_event lost = { .records = probe->undecoded };
	usec_t now = clock_now(CLOCK_MONOTONIC);
	bool due = groups_are_due(probe, now);

	probe->undecoded = 0;
	tell_lost_of(probe, 0, &lost);
	for (uint32_t agent = 0; agent < PROBE_AGENTS; agent++) {
		lost = (struct lost_event){
			.records = take_count(&run->lost_records[agent], &run->lost_told[agent]) +
				   mqtt_probe_lost(probe->mqtt, agent),
		};
		if (due)
			lost.groups = take_count(&run->unwatched_cgroups[agent],
						 &run->unwatched_told[agent]);
		if (lost.groups)
			probe->groups_told = now;
		tell_lost_of(probe, agent, &lost);
	}
}

usec_t probe_next_look(const struct probe *probe)
{
	const usec_t looks[] = { probe->lens.next_look, probe_drops_next_look(probe),
				 probe_stalls_next_look(probe), next_look_for_groups(probe) };
	usec_t next = USEC_INFINITY;

	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
		if (looks[i] < next)
			next = looks[i];
	return next;
}

int probe_wait_fd(const struct probe *probe)
{
	return bpf_map__fd(probe->bpf->maps.records);
}

void probe_set_wake_ups(struct probe *probe, bool on)
{
	probe->bpf->bss->wake_ups_off = !on;
}

void probe_remember(struct probe *probe, struct handover_memory *memory)
{
	probe->kept = memory;
	if (probe->taken_over_count > 0)
		probe->recalled = handover_memory_end(memory);
}

void probe_recall(struct probe *probe, event_sink sink, void *userdata)
{
	uint64_t end = handover_memory_end(probe->kept);

	probe->sink = sink;
	probe->userdata = userdata;
	for (uint64_t at = handover_memory_first(probe->kept); at < end; at++) {
		size_t size;
		const void *record = handover_memory_record(probe->kept, at, &size);
		struct event event;

		if (read_record(probe, record, size, &event))
			hand_on(probe, &event);
	}
}

int probe_drain(struct probe *probe, event_sink sink, void *userdata)
{
	int r, sampled = 0;

	probe->sink = sink;
	probe->userdata = userdata;
	probe->events = 0;
	look_for_groups(probe);
	hand_on_sample(probe);
	r = take_records(probe);
	if (r < 0)
		return r;
	r = probe_stalls_follow(probe);
	probe_drops_follow(probe);
	probe_lens_follow(probe, probe->events);
	if (probe->sampling && !probe->bpf->bss->sample_done) {
		probe->sampling = false; /* the ring was full: the sample is taken again */
		sampled = probe_sample(probe);
	}
	tell_lost(probe);
	r = r < 0 ? r : sampled;
	return r < 0 ? r : probe->events;
}

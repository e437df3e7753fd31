/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/probe_drops.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ebpf/drops.skel.h"
#include "ebpf/drops_record.h"
#include "sources/probe_attach.h"
#include "sources/probe_btf.h"
#include "sources/probe_state.h"
#include "support/cleanup.h"
#include "support/clock.h"
#include "support/resident_set.h"

/* How long the program stays attached at least: trouble comes again. */
#define LOOK_AGAIN (10 * USEC_PER_SEC)

/* How long the attempts of an agent are looked at after one has failed: most agents try again
 * within a minute. */
#define ATTEMPTS_PATIENCE (2 * USEC_PER_MINUTE)

#define ASSERT_SAME(probe, core) _Static_assert((int)(probe) == (int)(core), #core)
ASSERT_SAME(DROPPED_BY_NETFILTER, DROP_BY_NETFILTER);
ASSERT_SAME(DROPPED_BY_CGROUP, DROP_BY_CGROUP);
ASSERT_SAME(DROPPED_BY_TC, DROP_BY_TC);
ASSERT_SAME(DROPPED_IN_HOST_NETNS, DROP_IN_HOST_NETNS);
ASSERT_SAME(DROPPED_AS_NEW, DROP_AS_NEW);
ASSERT_SAME(DROPPED_AS_KNOWN, DROP_AS_KNOWN);

/* ---- the program */

struct code {
	uint64_t begin, end;
};

/* Where the kernel drops what a rule of netfilter refuses. Returns false if it does not tell: who
 * asks may lack CAP_SYSLOG. */
static bool find_netfilter(struct code *code)
{
	_cleanup_fclose_ FILE *symbols = fopen("/proc/kallsyms", "re");
	char line[256];

	*code = (struct code){ 0 };
	while (symbols && code->end <= code->begin && fgets(line, sizeof(line), symbols)) {
		if (code->begin)
			code->end = strtoull(line, NULL, 16);
		else if (strstr(line, " nf_hook_slow\n"))
			code->begin = strtoull(line, NULL, 16);
	}
	return code->begin && code->end > code->begin;
}

/* `netfilter`: for kernels that do not say why they drop; else, zeros. */
static struct drops_bpf *load(const struct probe *probe, const struct code *netfilter)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .btf_custom_path = probe_btf_path(&probe->btf));
	struct drops_bpf *bpf = NULL;
	struct stat own;

	if (stat("/proc/self/ns/net", &own) == 0)
		bpf = drops_bpf__open_opts(&options);
	if (!bpf)
		return NULL;
	bpf->rodata->own_netns = (uint32_t)own.st_ino;
	bpf->rodata->netfilter_begin = netfilter->begin;
	bpf->rodata->netfilter_end = netfilter->end;
	if (drops_bpf__load(bpf) < 0) {
		drops_bpf__destroy(bpf);
		return NULL;
	}
	resident_set_drop(bpf_program__insns(bpf->progs.packet_dropped),
			  bpf_program__insn_cnt(bpf->progs.packet_dropped) *
				  sizeof(struct bpf_insn));
	return bpf;
}

static void load_and_attach(struct probe *probe, const struct code *netfilter)
{
	struct probe_drops *drops = &probe->drops;

	drops->bpf = load(probe, netfilter);
	if (drops->bpf)
		drops->link = probe_attach_tracepoint(drops->bpf->progs.packet_dropped);
}

/* Kernels before 5.18 give no reason, and refuse a program that reads one. */
static void attach_first(struct probe *probe)
{
	struct probe_drops *drops = &probe->drops;
	struct code netfilter = { 0 };

	load_and_attach(probe, &netfilter);
	if (drops->link || !find_netfilter(&netfilter))
		return;
	drops_bpf__destroy(drops->bpf);
	drops->netfilter_alone = true;
	load_and_attach(probe, &netfilter);
}

/* Where it cannot be had, it never can. */
static bool is_attached(struct probe *probe)
{
	struct probe_drops *drops = &probe->drops;

	if (!drops->bpf && !drops->refused)
		attach_first(probe);
	else if (drops->bpf && !drops->link)
		drops->link = probe_attach_tracepoint(drops->bpf->progs.packet_dropped);
	drops->refused = !drops->link;
	drops->looked = clock_now(CLOCK_MONOTONIC);
	return drops->link;
}

static int map_of(const struct probe_drops *drops)
{
	return bpf_map__fd(drops->bpf->maps.flows);
}

/* ---- what is looked at */

static struct drop_flow flow_of(const struct endpoint *local, const struct endpoint *peer)
{
	struct drop_flow flow = { .local_port = local->port, .peer_port = peer->port };

	memcpy(flow.local, local->address, sizeof(flow.local));
	memcpy(flow.peer, peer->address, sizeof(flow.peer));
	return flow;
}

/* The entry for all attempts to reach a peer. */
static struct drop_flow attempts_at(const struct endpoint *peer)
{
	static const struct endpoint any = { 0 };

	return flow_of(&any, peer);
}

static void forget_all(struct probe_drops *drops)
{
	struct drop_flow flow;

	while (bpf_map_get_next_key(map_of(drops), NULL, &flow) == 0 &&
	       bpf_map_delete_elem(map_of(drops), &flow) == 0)
		;
	drops->attempts_until = 0;
}

/* The program is attached first, so that it counts all that is sent from then on. */
static void look_at(struct probe *probe, const struct drop_flow *flow,
		    const struct connection_event *connection)
{
	struct drop_counts counts = {
		.netns = connection->netns,
		.retransmits = connection->facts.retransmits,
		.probes = connection->facts.probes,
	};

	if (is_attached(probe))
		bpf_map_update_elem(map_of(&probe->drops), flow, &counts, BPF_NOEXIST);
}

static void forget(const struct probe_drops *drops, const struct drop_flow *flow)
{
	bpf_map_delete_elem(map_of(drops), flow);
}

/* ---- what an event tells */

/* What waits could have gone out, and the kernel keeps trying: it cannot send. */
static bool cannot_send(const struct socket_facts *facts)
{
	return facts->probes > 0 && facts->unacked_bytes > 0 &&
	       facts->unacked_bytes <= facts->send_window;
}

static bool is_trouble(const struct event *event)
{
	return event->type == EVENT_RETRANSMIT ||
	       ((event->type == EVENT_CLOSING || event->type == EVENT_SAMPLED) &&
		cannot_send(&event->connection.facts));
}

static bool is_failed_attempt(const struct event *event)
{
	return event->type == EVENT_ENDED && event->connection.facts.error &&
	       event->connection.facts.state_before == TCP_STATE_SYN_SENT;
}

static bool is_over(const struct event *event)
{
	return event->type == EVENT_HEALED || event->type == EVENT_ENDED ||
	       event->type == EVENT_VANISHED;
}

/* Where it is netfilter's drops alone that are seen, none of them means nothing. */
static void add_counts(const struct probe_drops *drops, struct socket_facts *facts,
		       const struct drop_counts *counts)
{
	uint32_t sent = facts->retransmits - counts->retransmits;

	if (drops->netfilter_alone && !counts->out && !counts->in)
		return;
	if (facts->probes > counts->probes)
		sent += facts->probes - counts->probes;
	facts->drops_sought = true;
	facts->sought_from_first = counts->from_first;
	facts->sent_meanwhile = sent + counts->from_first;
	facts->dropped_out = counts->out;
	facts->dropped_in = counts->in;
	facts->dropped_by = (uint8_t)counts->by;
}

static void note_end(struct probe *probe, const struct event *event, const struct drop_flow *flow)
{
	struct probe_drops *drops = &probe->drops;
	struct drop_flow attempts = attempts_at(&event->connection.peer);

	if (is_over(event) && drops->bpf)
		forget(drops, flow);
	if (event->type == EVENT_ESTABLISHED && drops->bpf) {
		forget(drops, flow); /* what was dropped of its SYN is over */
		forget(drops, &attempts);
	}
	if (is_failed_attempt(event)) {
		look_at(probe, &attempts, &event->connection);
		drops->attempts_until = event->time + ATTEMPTS_PATIENCE;
	}
}

void probe_drops_note(struct probe *probe, struct event *event)
{
	struct probe_drops *drops = &probe->drops;
	struct connection_event *connection = &event->connection;
	struct drop_counts counts;
	struct drop_flow flow;

	if (!event_is_connection(event->type) || !connection->peer.family || drops->refused)
		return;
	flow = flow_of(&connection->local, &connection->peer);
	if (drops->link && bpf_map_lookup_elem(map_of(drops), &flow, &counts) == 0)
		add_counts(drops, &connection->facts, &counts);
	else if (is_trouble(event))
		look_at(probe, &flow, connection);
	note_end(probe, event, &flow);
}

static bool is_anything_looked_at(const struct probe_drops *drops)
{
	struct drop_flow flow;

	return bpf_map_get_next_key(map_of(drops), NULL, &flow) == 0;
}

/* A connection in trouble gets out of it with a record. */
void probe_drops_follow(struct probe *probe)
{
	struct probe_drops *drops = &probe->drops;
	usec_t now = clock_now(CLOCK_MONOTONIC);

	if (!drops->link)
		return;
	if (drops->attempts_until && now >= drops->attempts_until)
		forget_all(drops);
	if (is_anything_looked_at(drops)) {
		drops->next_look = drops->attempts_until ?: USEC_INFINITY;
	} else if (now < drops->looked + LOOK_AGAIN) {
		drops->next_look = drops->looked + LOOK_AGAIN;
	} else {
		bpf_link__destroy(drops->link);
		drops->link = NULL;
	}
}

usec_t probe_drops_next_look(const struct probe *probe)
{
	return probe->drops.link ? probe->drops.next_look : USEC_INFINITY;
}

void probe_drops_close(struct probe *probe)
{
	bpf_link__destroy(probe->drops.link);
	drops_bpf__destroy(probe->drops.bpf);
}

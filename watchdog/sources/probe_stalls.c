/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/probe_stalls.h"

#include <bpf/libbpf.h>

#include "ebpf/probe.skel.h"
#include "sources/probe_attach.h"
#include "sources/probe_iterator.h"
#include "sources/probe_state.h"
#include "sources/probe_visits.h"
#include "support/clock.h"

/* How long the program stays attached at least: a path that loses packets once will do so again,
 * and attaching it anew may take the kernel a grace period of some milliseconds
 * (tp_rcu_cond_sync()). */
#define LOOK_AGAIN (10 * USEC_PER_SEC)

/* The same where there is no such tracepoint, and looking is all there is. */
#define LOOK_SOON (1 * USEC_PER_SEC)

/* Has what healed unseen told. Returns whether anything is still stalled, for all we know. */
static bool look(struct probe *probe)
{
	const struct bpf_map *map = probe->bpf->maps.connections;
	const struct bpf_program *find = probe_iterator_choose(
		probe->bpf->progs.find_healed, probe->bpf->progs.find_healed_by_file, &map);

	probe->healing_looked = clock_now(CLOCK_MONOTONIC);
	probe->bpf->bss->still_stalled = false;
	if (probe_visits_connections(probe))
		return probe_visit_for_stalls(probe) < 0 || probe->bpf->bss->still_stalled;
	return probe_late_load(&probe->late, find) < 0 || probe_iterator_run(find, map) < 0 ||
	       probe->bpf->bss->still_stalled;
}

static usec_t next_look(const struct probe *probe)
{
	return probe->healing_looked + (probe->healing ? LOOK_AGAIN : LOOK_SOON);
}

static bool has_tracepoint(const struct probe *probe)
{
	return bpf_program__autoload(probe->bpf->progs.congestion_state);
}

/* A kernel without BTF shows only now that it lacks the tracepoint. Where the program cannot be
 * loaded, this stall ends as on a kernel without. */
static int begin(struct probe *probe)
{
	const struct bpf_program *program = probe->bpf->progs.congestion_state;
	int r = probe_late_load(&probe->late, program);

	if (r == 0 && has_tracepoint(probe))
		probe->healing = probe_attach_tracepoint(program);
	probe->healing_followed = probe->healing || probe_visits_connections(probe);
	if (probe->healing_followed)
		look(probe);
	else if (r < 0)
		probe->stalled = false;
	return r;
}

static void end(struct probe *probe)
{
	bpf_link__destroy(probe->healing);
	probe->healing = NULL;
	probe->healing_followed = false;
	probe->stalled = false;
}

void probe_stalls_take_over(struct probe *probe)
{
	probe->stalled = true;
	probe->healing_from = clock_now(CLOCK_MONOTONIC) + LOOK_SOON;
}

int probe_stalls_follow(struct probe *probe)
{
	if (!probe->stalled || (!has_tracepoint(probe) && !probe_visits_connections(probe)))
		return 0;
	if (clock_now(CLOCK_MONOTONIC) < probe->healing_from)
		return 0;
	probe->healing_from = 0;
	if (!probe->healing_followed)
		return begin(probe);
	if (clock_now(CLOCK_MONOTONIC) >= next_look(probe) && !look(probe))
		end(probe);
	return 0;
}

usec_t probe_stalls_next_look(const struct probe *probe)
{
	if (probe->healing_from)
		return probe->healing_from;
	return probe->healing_followed && !probe->healing ? next_look(probe) : USEC_INFINITY;
}

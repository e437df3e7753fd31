/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/probe_lens.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ebpf/probe.skel.h"
#include "sources/probe_attach.h"
#include "sources/probe_groups.h"
#include "sources/probe_iterator.h"
#include "sources/probe_state.h"
#include "sources/probe_visits.h"
#include "support/clock.h"

/* How long the lens stays attached at least: a unit that stops mostly starts again, and attaching
 * it anew may take the kernel a grace period of some milliseconds (tp_rcu_cond_sync()). */
#define LOOK_AGAIN (10 * USEC_PER_SEC)

/* How long it stays for a group that went: most units are started again within a minute, and
 * their first connection is seen from its SYN then, however busy the host is. */
#define RESTART_PATIENCE (1 * USEC_PER_MINUTE)

/* How long the lenses of the daemon before us are kept where ours cannot be attached. */
#define LENS_PATIENCE (1 * USEC_PER_MINUTE)

static const struct bpf_program *program_of(const struct probe *probe, unsigned number)
{
	const struct bpf_program *programs[PROBE_HOST_PROGRAMS] = {
		probe->bpf->progs.socket_state,
		probe->bpf->progs.retransmitted,
		probe->bpf->progs.socket_destroyed,
	};

	return programs[number];
}

static void detach(struct probe *probe)
{
	struct probe_lens *lens = &probe->lens;

	for (unsigned i = 0; i < PROBE_HOST_PROGRAMS; i++) {
		bpf_link__destroy(lens->links[i]);
		lens->links[i] = NULL;
	}
	lens->attached = false;
	lens->changes++;
}

/* The links of the daemon before us: by now ours do their work. */
static void drop_old(struct probe_lens *lens)
{
	while (lens->old_count > 0)
		close(lens->old[--lens->old_count]);
}

static int attach(struct probe *probe)
{
	struct probe_lens *lens = &probe->lens;

	for (unsigned i = 0; i < PROBE_HOST_PROGRAMS; i++) {
		lens->links[i] = probe_attach_tracepoint(program_of(probe, i));
		if (!lens->links[i]) {
			int r = -errno;

			detach(probe);
			return r;
		}
	}
	lens->attached = true;
	lens->changes++;
	return 0;
}

static bool groups_may_have_lenses(const struct probe *probe)
{
	return bpf_program__autoload(probe->bpf->progs.group_socket);
}

/* Goes through all connections, and has those of the group that leaves be the host's. Returns
 * whether one of all, for all we know, is seen by the host's lens alone. What is kept by address of
 * sockets that are gone is removed on the way. */
static bool host_holds_some(struct probe *probe)
{
	const struct bpf_map *map = probe->bpf->maps.connections;
	const struct bpf_program *find = probe_iterator_choose(
		probe->bpf->progs.find_host_held, probe->bpf->progs.find_host_held_by_file, &map);
	int r;

	probe->bpf->bss->host_is_needed = false;
	r = probe_visits_connections(probe) ? probe_visit_for_lenses(probe)
					    : probe_iterator_run(find, map);
	return r < 0 || probe->bpf->bss->host_is_needed;
}

static bool awaits_restart(const struct probe *probe, usec_t now)
{
	return now < probe->lens.restart_until && !group_watches_are_there(probe->groups);
}

/* Without a look at the connections. */
static bool is_needed_anyway(const struct probe *probe, usec_t now)
{
	return !groups_may_have_lenses(probe) || probe->bpf->bss->processes_used_by_all > 0 ||
	       !group_watches_have_lenses(probe->groups) || awaits_restart(probe, now);
}

int probe_lens_open(struct probe *probe)
{
	if (groups_may_have_lenses(probe)) {
		group_watches_use(probe->groups, LOOK_AT_SOCKETS, probe->bpf->progs.group_socket,
				  NULL);
		group_watches_use(probe->groups, LOOK_AT_RELEASES, probe->bpf->progs.group_release,
				  NULL);
	}
	probe->lens.opened = clock_now(CLOCK_MONOTONIC);
	probe->lens.next_look = probe->lens.opened + LOOK_AGAIN;
	return attach(probe);
}

void probe_lens_close(struct probe *probe)
{
	if (probe->bpf)
		detach(probe);
	drop_old(&probe->lens);
}

void probe_lens_need(struct probe *probe)
{
	struct probe_lens *lens = &probe->lens;

	lens->next_look = clock_now(CLOCK_MONOTONIC) + LOOK_AGAIN;
	lens->missing = !lens->attached && attach(probe) < 0;
}

void probe_lens_await_restart(struct probe *probe)
{
	probe_lens_need(probe);
	probe->lens.restart_until = clock_now(CLOCK_MONOTONIC) + RESTART_PATIENCE;
}

/* The lens comes first: from the iterator on, the group's does nothing for these connections. */
void probe_lens_leave_group(void *userdata, uint64_t id)
{
	struct probe *probe = userdata;

	if (id)
		probe_lens_need(probe);
	__atomic_store_n(&probe->bpf->bss->leaving_group, id, __ATOMIC_SEQ_CST);
	if (id)
		host_holds_some(probe);
}

/* Some lenses of the daemon before us have no successor yet: it takes systemd to tell the groups.
 */
static bool waits_for_lenses(const struct probe_lens *lens, const struct probe *probe, usec_t now)
{
	return lens->old_count > 0 && now < lens->opened + LENS_PATIENCE &&
	       !group_watches_have_lenses(probe->groups);
}

/* There is something to look for: whether the lens is still needed, or what is left of sockets. */
static bool is_looked_after(const struct probe *probe)
{
	return probe->lens.attached || probe_visits_connections(probe);
}

static void look(struct probe *probe, usec_t now)
{
	struct probe_lens *lens = &probe->lens;
	bool needed;

	lens->next_look = now + LOOK_AGAIN;
	if (waits_for_lenses(lens, probe, now))
		return;
	drop_old(lens);
	/* what else needs it can go only with a record */
	lens->next_look = awaits_restart(probe, now) ? lens->restart_until : USEC_INFINITY;
	if (!is_looked_after(probe))
		return;
	needed = is_needed_anyway(probe, now);
	if (!needed || probe_visits_connections(probe))
		needed = host_holds_some(probe) || needed;
	if (lens->attached && !needed)
		detach(probe);
}

void probe_lens_follow(struct probe *probe, int count)
{
	struct probe_lens *lens = &probe->lens;
	usec_t now = clock_now(CLOCK_MONOTONIC);

	if (lens->missing || lens->calls_lost != probe->bpf->bss->calls_lost)
		probe_lens_need(probe);
	lens->calls_lost = probe->bpf->bss->calls_lost;
	if (now >= lens->next_look)
		look(probe, now);
	else if (lens->next_look == USEC_INFINITY && is_looked_after(probe) && count > 0 &&
		 groups_may_have_lenses(probe))
		lens->next_look = now + LOOK_AGAIN;
}

uint64_t probe_lens_changes(const struct probe *probe)
{
	return probe->lens.changes + group_watches_lens_changes(probe->groups);
}

int probe_lens_descriptors(const struct probe *probe,
			   int descriptors[static PROBE_LENS_DESCRIPTORS_MAX])
{
	const struct probe_lens *lens = &probe->lens;
	unsigned count = group_watches_lenses(probe->groups, descriptors);

	_Static_assert(GROUP_LENSES_MAX + PROBE_HOST_PROGRAMS <= PROBE_LENS_DESCRIPTORS_MAX,
		       "all find room");
	for (unsigned i = 0; i < PROBE_HOST_PROGRAMS && lens->attached; i++)
		descriptors[count++] = bpf_link__fd(lens->links[i]);
	return (int)count;
}

void probe_lens_take_over(struct probe *probe, const int *descriptors, unsigned count)
{
	struct probe_lens *lens = &probe->lens;

	if (count > PROBE_LENS_DESCRIPTORS_MAX)
		count = PROBE_LENS_DESCRIPTORS_MAX;
	memcpy(lens->old, descriptors, count * sizeof(*descriptors));
	lens->old_count = count;
}

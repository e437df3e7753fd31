/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside the probe: who is watched, and whose MQTT is looked at. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/text.h"
#include "ebpf/probe.skel.h"
#include "ebpf/watch_keys.h"
#include "sources/probe_groups.h"
#include "sources/probe_iterator.h"
#include "sources/probe_lens.h"
#include "sources/probe_mqtt.h"
#include "sources/probe_state.h"
#include "sources/probe_visits.h"
#include "support/cgroup_tree.h"
#include "support/cleanup.h"

/* Gives the id of the control group at `path`, which must be of version 2: ids of version 1
 * hierarchies are numbers of another kind. */
static int cgroup_id(const char *path, uint64_t *ret)
{
	struct statfs file_system;
	struct stat status;

	if (statfs(path, &file_system) < 0 || stat(path, &status) < 0)
		return -errno;
	if (file_system.f_type != CGROUP2_SUPER_MAGIC)
		return -EOPNOTSUPP;
	*ret = status.st_ino;
	return 0;
}

/* ---- shares of what all agents use, as ebpf/maps.bpf.h has them */

static void count(struct probe *probe, const struct bpf_map *map, uint32_t agent, int64_t change)
{
	struct probe_bpf__bss *run = probe->bpf->bss;
	__s64 *used = run->processes_used, *used_by_all = &run->processes_used_by_all;

	if (map == probe->bpf->maps.awaited_cgroups)
		return;
	if (map == probe->bpf->maps.watched_cgroups) {
		used = run->cgroups_used;
		used_by_all = &run->cgroups_used_by_all;
	}
	__atomic_fetch_add(&used[agent % PROBE_AGENTS], change, __ATOMIC_RELAXED);
	__atomic_fetch_add(used_by_all, change, __ATOMIC_RELAXED);
}

static bool has_cgroup_share(const struct probe *probe, uint32_t agent)
{
	const struct probe_bpf__bss *run = probe->bpf->bss;

	return probe_has_share(run->cgroups_used[agent % PROBE_AGENTS], run->cgroups_used_by_all,
			       WATCHED_CGROUPS);
}

/* ---- processes */

static int adopt_by_iterator(struct probe *probe, pid_t pid, uint32_t agent)
{
	struct probe_bpf__bss *run = probe->bpf->bss;
	int r;

	run->wanted_pid = (uint32_t)pid;
	run->wanted_agent = agent;
	run->wanted_found = false;
	do {
		run->adopted = 0;
		r = probe_iterator_run(probe->bpf->progs.adopt_processes, NULL);
		if (r < 0)
			return r;
	} while (run->adopted > 0);
	return run->wanted_found ? 0 : -ESRCH;
}

int probe_watch_process(struct probe *probe, pid_t pid, uint32_t agent)
{
	probe_lens_need(probe);
	return probe_visits_connections(probe) ? probe_visit_for_adoption(probe, pid, agent)
					       : adopt_by_iterator(probe, pid, agent);
}

/* ---- control groups */

/* Enters a group that no agent had. Returns 0, -ENOSPC if the agent has its share, or -errno. */
static int enter_cgroup(struct probe *probe, uint64_t id, uint32_t agent)
{
	const struct bpf_map *map = probe->bpf->maps.watched_cgroups;
	int r;

	if (!has_cgroup_share(probe, agent))
		return -ENOSPC;
	r = bpf_map__update_elem(map, &id, sizeof(id), &agent, sizeof(agent), BPF_NOEXIST);
	if (r == 0)
		count(probe, map, agent, 1);
	return r == -E2BIG ? -ENOSPC : r;
}

static int watch_cgroup_id(struct probe *probe, uint64_t id, uint32_t agent)
{
	const struct bpf_map *map = probe->bpf->maps.watched_cgroups;
	uint32_t before;
	int r;

	if (bpf_map__lookup_elem(map, &id, sizeof(id), &before, sizeof(before), 0) < 0) {
		r = enter_cgroup(probe, id, agent);
		return r == -EEXIST ? 0 : r; /* the kernel was faster, with what is above it */
	}
	if (before == agent)
		return 0;
	r = bpf_map__update_elem(map, &id, sizeof(id), &agent, sizeof(agent), BPF_EXIST);
	if (r == -ENOENT) /* gone */
		return 0;
	if (r == 0) {
		count(probe, map, before, -1);
		count(probe, map, agent, 1);
	}
	return r;
}

/* A walk over the control groups of an agent. */
struct group_walk {
	struct probe *probe;
	uint32_t agent;
};

static int visit_cgroup(void *userdata, uint64_t id)
{
	const struct group_walk *walk = userdata;

	return watch_cgroup_id(walk->probe, id, walk->agent);
}

/* A directory is entered into the map before its children are listed: a control group that is made
 * in between inherits its watch, if it is not listed. The walk ends where the agent has its share:
 * it costs no more than that, however many groups there are. */
static int watch_tree(struct probe *probe, const char *path, uint32_t agent)
{
	struct group_walk walk = { probe, agent };
	int r = cgroup_tree_walk(path, visit_cgroup, &walk);

	if (r == -ENOSPC)
		__atomic_fetch_add(&probe->bpf->bss->unwatched_cgroups[agent % PROBE_AGENTS], 1,
				   __ATOMIC_RELAXED);
	return r;
}

int probe_watch_cgroup(struct probe *probe, const char *path, uint32_t agent)
{
	uint64_t id;
	int r;

	r = cgroup_id(path, &id);
	if (r >= 0)
		r = watch_tree(probe, path, agent);
	if (r == 0 || r == -ENOSPC) /* some of it is watched */
		group_watches_add(probe->groups, path, agent, false);
	return r == -ENOSPC ? 0 : r;
}

int probe_watch_cgroup_to_come(struct probe *probe, const char *parent, const char *name,
			       uint32_t agent)
{
	_cleanup_free_ char *path = NULL;
	struct awaited_cgroup key = {};
	uint64_t id = 0;
	int r;

	if (text_copy(key.name, sizeof(key.name), name) < 0)
		return -ENAMETOOLONG;
	r = cgroup_id(parent, &id);
	if (r < 0)
		return r;
	key.parent = id;
	r = bpf_map__update_elem(probe->bpf->maps.awaited_cgroups, &key, sizeof(key), &agent,
				 sizeof(agent), BPF_ANY);
	if (r < 0)
		return r;
	if (asprintf(&path, "%s/%s", parent, name) < 0)
		return -ENOMEM;
	group_watches_add(probe->groups, path, agent, true);
	probe_lens_need(probe); /* until the group is there */
	r = probe_watch_cgroup(probe, path, agent);
	return r == -ENOENT ? 0 : r;
}

/* The kernel removes its own entry when the group goes. */
void probe_forget_cgroup(struct probe *probe, const char *path, uint32_t agent)
{
	group_watches_remove(probe->groups, path, agent);
}

static void forget_entry(struct probe *probe, const struct bpf_map *map, const void *key,
			 uint32_t agent)
{
	size_t size = bpf_map__key_size(map);
	uint32_t value;

	if (bpf_map__lookup_elem(map, key, size, &value, sizeof(value), 0) == 0 && value == agent &&
	    bpf_map__delete_elem(map, key, size, 0) == 0)
		count(probe, map, agent, -1);
}

/* Deletes every entry of `map` whose value is `agent`. The next key is taken before an entry goes:
 * after a key that is gone, the kernel starts over. */
static int forget_in(struct probe *probe, const struct bpf_map *map, uint32_t agent)
{
	size_t size = bpf_map__key_size(map);
	_cleanup_free_ char *key = calloc(1, size), *next = calloc(1, size);
	bool more;

	if (!key || !next)
		return -ENOMEM;
	more = bpf_map__get_next_key(map, NULL, next, size) == 0;
	while (more) {
		memcpy(key, next, size);
		more = bpf_map__get_next_key(map, key, next, size) == 0;
		forget_entry(probe, map, key, agent);
	}
	return 0;
}

int probe_unwatch(struct probe *probe, uint32_t agent)
{
	const struct bpf_map *maps[] = {
		probe->bpf->maps.watched_processes,
		probe->bpf->maps.watched_cgroups,
		probe->bpf->maps.awaited_cgroups,
	};
	int r = 0;

	group_watches_remove_agent(probe->groups, agent);
	probe_inspect_mqtt(probe, agent, 0);
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]) && r == 0; i++)
		r = forget_in(probe, maps[i], agent);
	return r;
}

bool probe_shows_connections(const struct probe *probe)
{
	return bpf_program__autoload(probe->bpf->progs.find_connections) ||
	       probe_visits_connections(probe);
}

int probe_find_connections(struct probe *probe)
{
	if (!probe_shows_connections(probe))
		return -EOPNOTSUPP;
	probe_lens_need(probe); /* no group's lens sees what is found */
	return probe_visits_connections(probe)
		       ? probe_visit_for_sockets(probe)
		       : probe_iterator_run(probe->bpf->progs.find_connections, NULL);
}

/* ---- whose MQTT is looked at */

/* Forgets the TLS sessions of processes that have ended: what is known of them is out of date. */
static int forget_tls_sessions(const struct bpf_map *sessions)
{
	uint64_t cookie;

	while (bpf_map__get_next_key(sessions, NULL, &cookie, sizeof(cookie)) == 0)
		if (bpf_map__delete_elem(sessions, &cookie, sizeof(cookie), 0) < 0)
			return -errno;
	return 0;
}

static int load_mqtt(struct probe *probe)
{
	int r = forget_tls_sessions(probe->bpf->maps.tls_sessions);

	if (r >= 0)
		r = mqtt_probe_open(&probe->mqtt, probe_btf_path(&probe->btf), probe->bpf->obj);
	if (r < 0)
		return r;
	probe->bpf->bss->inspector = (uint32_t)getpid();
	probe->bpf->bss->inspector_is_dead = false;
	group_watches_use(probe->groups, LOOK_AT_MQTT_SENT, mqtt_probe_of_sent(probe->mqtt),
			  probe->inspected);
	group_watches_use(probe->groups, LOOK_AT_MQTT_RECEIVED, mqtt_probe_of_received(probe->mqtt),
			  probe->inspected);
	return 0;
}

int probe_inspect_mqtt(struct probe *probe, uint32_t agent, unsigned what)
{
	const uint32_t value = what & PROBE_INSPECT_TOKENS ? INSPECT_TOKEN : INSPECT_MQTT;
	bool yes = what & PROBE_INSPECT_MQTT;
	int r = yes && !probe->mqtt ? load_mqtt(probe) : 0;

	if (r < 0)
		return r;
	if (yes) {
		probe->bpf->bss->inspection_begun = true;
		r = bpf_map__update_elem(probe->bpf->maps.inspected_agents, &agent, sizeof(agent),
					 &value, sizeof(value), BPF_ANY);
	} else { /* or the entry was not there */
		bpf_map__delete_elem(probe->bpf->maps.inspected_agents, &agent, sizeof(agent), 0);
	}
	if (r < 0)
		return r;
	probe->lookups_hide[agent] = what & PROBE_INSPECT_LOOKUPS;
	if (probe->inspected[agent] && !yes)
		mqtt_probe_leave(probe->mqtt, agent);
	if (probe->inspected[agent] != yes) {
		probe->inspected[agent] = yes;
		group_watches_change_agents(probe->groups);
	}
	return yes && !mqtt_probe_sees_tls(probe->mqtt) ? 1 : 0;
}

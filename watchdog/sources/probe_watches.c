/* Inside the probe: who is watched, and whose MQTT is looked at. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fts.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "ebpf/probe.skel.h"
#include "ebpf/watch_keys.h"
#include "probe_iterator.h"
#include "probe_mqtt.h"
#include "probe_packets.h"
#include "probe_state.h"
#include "support/cleanup.h"

int probe_watch_process(struct probe *probe, pid_t pid, uint32_t agent)
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

/* The id of the control group at `path`, which must be of version 2: ids of the other hierarchies
 * are numbers of their own. */
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

static int watch_cgroup_id(struct probe *probe, uint64_t id, uint32_t agent)
{
	return bpf_map__update_elem(probe->bpf->maps.watched_cgroups, &id, sizeof(id), &agent,
				    sizeof(agent), BPF_ANY);
}

/* A directory is entered into the map before its children are listed, so that a control group
 * which is made meanwhile inherits its watch, if it is not listed. */
static int watch_tree(struct probe *probe, FTS *tree, uint32_t agent)
{
	FTSENT *entry;
	int r;

	while ((entry = fts_read(tree))) {
		if (entry->fts_info != FTS_D)
			continue;
		r = watch_cgroup_id(probe, entry->fts_statp->st_ino, agent);
		if (r < 0)
			return r;
	}
	return 0;
}

int probe_watch_cgroup(struct probe *probe, const char *path, uint32_t agent)
{
	char *paths[] = { (char *)path, NULL };
	uint64_t id;
	FTS *tree;
	int r;

	r = cgroup_id(path, &id);
	if (r < 0)
		return r;
	tree = fts_open(paths, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	if (!tree)
		return -errno;
	r = watch_tree(probe, tree, agent);
	fts_close(tree);
	if (r == 0)
		packet_watches_add(probe->packets, path, agent);
	return r;
}

int probe_watch_cgroup_to_come(struct probe *probe, const char *parent, const char *name,
			       uint32_t agent)
{
	_cleanup_free_ char *path = NULL;
	struct awaited_cgroup key = {};
	uint64_t id;
	int r;

	if (strlen(name) >= sizeof(key.name))
		return -ENAMETOOLONG;
	r = cgroup_id(parent, &id);
	if (r < 0)
		return r;
	key.parent = id;
	strcpy(key.name, name);
	r = bpf_map__update_elem(probe->bpf->maps.awaited_cgroups, &key, sizeof(key), &agent,
				 sizeof(agent), BPF_ANY);
	if (r < 0)
		return r;
	if (asprintf(&path, "%s/%s", parent, name) < 0)
		return -ENOMEM;
	packet_watches_add(probe->packets, path, agent);
	r = probe_watch_cgroup(probe, path, agent);
	return r == -ENOENT ? 0 : r;
}

/* In the map, the kernel has. */
void probe_forget_cgroup(struct probe *probe, const char *path, uint32_t agent)
{
	packet_watches_remove(probe->packets, path, agent);
}

static void forget_entry(const struct bpf_map *map, const void *key, uint32_t agent)
{
	size_t size = bpf_map__key_size(map);
	uint32_t value;

	if (bpf_map__lookup_elem(map, key, size, &value, sizeof(value), 0) == 0 && value == agent)
		bpf_map__delete_elem(map, key, size, 0);
}

/* Deletes every entry of `map` whose value is `agent`. The next key is taken before an entry goes:
 * after a key that is gone, the kernel starts over. */
static int forget_in(const struct bpf_map *map, uint32_t agent)
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
		forget_entry(map, key, agent);
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

	packet_watches_remove_agent(probe->packets, agent);
	probe_inspect_mqtt(probe, agent, false);
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]) && r == 0; i++)
		r = forget_in(maps[i], agent);
	return r;
}

bool probe_shows_connections(const struct probe *probe)
{
	return bpf_program__autoload(probe->bpf->progs.find_connections);
}

int probe_find_connections(struct probe *probe)
{
	if (!probe_shows_connections(probe))
		return -EOPNOTSUPP;
	return probe_iterator_run(probe->bpf->progs.find_connections, NULL);
}

/* ---- whose MQTT is looked at */

/* What was learned by an earlier process has been out of date since it died. */
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
	int r;

	if (!bpf_map__autocreate(probe->bpf->maps.mqtt_sessions))
		return -EOPNOTSUPP;
	r = forget_tls_sessions(probe->bpf->maps.tls_sessions);
	if (r >= 0)
		r = mqtt_probe_open(&probe->mqtt, probe->bpf->obj);
	if (r < 0)
		return r;
	probe->bpf->bss->inspector = (uint32_t)getpid();
	probe->bpf->bss->inspector_is_dead = false;
	packet_watches_use(probe->packets, LOOK_AT_MQTT_SENT, mqtt_probe_of_sent(probe->mqtt),
			   probe->inspected);
	packet_watches_use(probe->packets, LOOK_AT_MQTT_RECEIVED,
			   mqtt_probe_of_received(probe->mqtt), probe->inspected);
	return 0;
}

int probe_inspect_mqtt(struct probe *probe, uint32_t agent, bool yes)
{
	const uint32_t one = 1;
	int r = yes && !probe->mqtt ? load_mqtt(probe) : 0;

	if (r < 0)
		return r;
	if (yes)
		r = bpf_map__update_elem(probe->bpf->maps.inspected_agents, &agent, sizeof(agent),
					 &one, sizeof(one), BPF_ANY);
	else /* or it was not there */
		bpf_map__delete_elem(probe->bpf->maps.inspected_agents, &agent, sizeof(agent), 0);
	if (r < 0)
		return r;
	if (probe->inspected[agent] && !yes)
		mqtt_probe_leave(probe->mqtt, agent);
	if (probe->inspected[agent] != yes) {
		probe->inspected[agent] = yes;
		packet_watches_look_again(probe->packets);
	}
	return yes && !mqtt_probe_sees_tls(probe->mqtt) ? 1 : 0;
}

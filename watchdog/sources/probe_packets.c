/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/probe_packets.h"

#include <bpf/libbpf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/share.h"
#include "base/text.h"
#include "support/cleanup.h"
#include "support/path_table.h"

/* The most descriptors that packet watches take, however many the process may open. */
enum { LINKS_MAX = 2048 };

/* A control group whose packets are looked at as long as it is there. */
struct packet_watch {
	struct path_entry entry; /* its owner is the agent */
	bool awaited;            /* it may be made later, or anew */
	uint64_t id;             /* of the group that `links` are for */
	struct bpf_link
		*links[PACKET_LOOKS]; /* NULL: the group is not there, or this look is not wanted */
	char path[];
};

struct packet_watches {
	struct path_table *all;
	struct share links; /* descriptors */
	struct look {
		struct bpf_program *program; /* NULL: this look is not wanted */
		const bool *agents;          /* NULL: all of them */
	} looks[PACKET_LOOKS];
};

static uint32_t links_at_most(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur / 2 > LINKS_MAX)
		return LINKS_MAX;
	return (uint32_t)limit.rlim_cur / 2;
}

struct packet_watches *packet_watches_new(void)
{
	struct packet_watches *watches = calloc(1, sizeof(*watches));

	if (!watches)
		return NULL;
	watches->links.size = links_at_most();
	if (path_table_new(&watches->all) < 0)
		return packet_watches_free(watches);
	return watches;
}

static void detach(struct packet_watches *watches, struct packet_watch *watch,
		   enum packet_look look)
{
	if (!watch->links[look])
		return;
	bpf_link__destroy(watch->links[look]);
	watch->links[look] = NULL;
	share_give(&watches->links, watch->entry.owner);
}

static void forget(struct packet_watches *watches, struct packet_watch *watch)
{
	for (enum packet_look look = 0; look < PACKET_LOOKS; look++)
		detach(watches, watch, look);
	path_table_remove(&watch->entry);
	free(watch);
}

static struct packet_watch *next_watch(const struct packet_watches *watches,
				       struct packet_watch *watch)
{
	return (struct packet_watch *)path_table_next(watches->all, watch ? &watch->entry : NULL);
}

/* Forgets all, or with an `agent` those of the agent. */
static void forget_all(struct packet_watches *watches, uint32_t agent)
{
	struct packet_watch *watch, *next;

	for (watch = next_watch(watches, NULL); watch; watch = next) {
		next = next_watch(watches, watch);
		if (!agent || watch->entry.owner == agent)
			forget(watches, watch);
	}
}

struct packet_watches *packet_watches_free(struct packet_watches *watches)
{
	if (!watches)
		return NULL;
	if (watches->all)
		forget_all(watches, 0);
	path_table_free(watches->all);
	free(watches);
	return NULL;
}

static void attach(struct packet_watches *watches, struct packet_watch *watch,
		   enum packet_look number, int group)
{
	uint32_t agent = watch->entry.owner;

	if (watch->links[number] || !share_take(&watches->links, agent))
		return;
	watch->links[number] = bpf_program__attach_cgroup(watches->looks[number].program, group);
	if (!watch->links[number])
		share_give(&watches->links, agent);
}

static void attach_or_detach(struct packet_watches *watches, struct packet_watch *watch,
			     enum packet_look number, int group)
{
	const struct look *look = &watches->looks[number];

	if (look->program && (!look->agents || look->agents[watch->entry.owner]))
		attach(watches, watch, number, group);
	else
		detach(watches, watch, number);
}

/* Looks whether the group is there, and still the same: a unit's group is made anew each time the
 * unit starts. */
static void look_for(struct packet_watches *watches, struct packet_watch *watch)
{
	_cleanup_close_ int group = open(watch->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat status;

	if (group < 0 || fstat(group, &status) < 0)
		return;
	for (enum packet_look look = 0; look < PACKET_LOOKS; look++) {
		if (watch->id != status.st_ino)
			detach(watches, watch, look);
		attach_or_detach(watches, watch, look, group);
	}
	watch->id = status.st_ino;
}

static void look_for_all(struct packet_watches *watches, bool awaited_only)
{
	struct packet_watch *watch = NULL;

	while ((watch = next_watch(watches, watch)))
		if (watch->awaited || !awaited_only)
			look_for(watches, watch);
}

void packet_watches_look_again(struct packet_watches *watches)
{
	look_for_all(watches, true);
}

void packet_watches_use(struct packet_watches *watches, enum packet_look look,
			struct bpf_program *program, const bool *agents)
{
	watches->looks[look] = (struct look){ program, agents };
	packet_watches_change_agents(watches);
}

void packet_watches_change_agents(struct packet_watches *watches)
{
	look_for_all(watches, false);
}

static struct packet_watch *find(const struct packet_watches *watches, const char *path,
				 uint32_t agent)
{
	return (struct packet_watch *)path_table_find(watches->all, path, agent);
}

static struct packet_watch *new_watch(struct packet_watches *watches, const char *path,
				      uint32_t agent)
{
	size_t size = strlen(path) + 1;
	struct packet_watch *watch = calloc(1, sizeof(*watch) + size);

	if (!watch)
		return NULL;
	text_copy(watch->path, size, path);
	watch->entry.owner = agent;
	watch->entry.path = watch->path;
	path_table_insert(watches->all, &watch->entry);
	return watch;
}

void packet_watches_add(struct packet_watches *watches, const char *path, uint32_t agent,
			bool awaited)
{
	struct packet_watch *watch = find(watches, path, agent) ?: new_watch(watches, path, agent);

	if (!watch)
		return;
	watch->awaited = watch->awaited || awaited;
	look_for(watches, watch);
}

void packet_watches_remove(struct packet_watches *watches, const char *path, uint32_t agent)
{
	struct packet_watch *watch = find(watches, path, agent);

	if (watch)
		forget(watches, watch);
}

void packet_watches_remove_agent(struct packet_watches *watches, uint32_t agent)
{
	forget_all(watches, agent);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/probe_groups.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/share.h"
#include "base/text.h"
#include "support/cleanup.h"
#include "support/path_table.h"

/* The most descriptors that the watches take, however many the process may open. */
enum { LINKS_MAX = 2048 };

/* A control group that programs look at as long as it is there. */
struct group_watch {
	struct path_entry entry; /* its owner is the agent */
	bool awaited;            /* it may be made later, or anew */
	bool unseen;             /* it may be there: there was no descriptor for it */
	uint64_t id;             /* of the group that `links` are for; 0: it is not there */
	struct bpf_link *links[GROUP_LOOKS]; /* NULL: this look is not wanted, or cannot be had */
	char path[];
};

struct group_watches {
	struct path_table *all;
	void (*leaving)(void *userdata, uint64_t id);
	void *userdata;
	struct share links; /* descriptors */
	unsigned lenses;
	uint64_t lens_changes;
	struct look {
		struct bpf_program *program; /* NULL: this look is not wanted */
		const bool *agents;          /* NULL: all of them */
	} looks[GROUP_LOOKS];
};

static uint32_t links_at_most(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur / 2 > LINKS_MAX)
		return LINKS_MAX;
	return (uint32_t)limit.rlim_cur / 2;
}

struct group_watches *group_watches_new(void (*leaving)(void *userdata, uint64_t id),
					void *userdata)
{
	struct group_watches *watches = calloc(1, sizeof(*watches));

	if (!watches)
		return NULL;
	watches->leaving = leaving;
	watches->userdata = userdata;
	watches->links.size = links_at_most();
	if (path_table_new(&watches->all) < 0)
		return group_watches_free(watches);
	return watches;
}

static void note_lens(struct group_watches *watches, enum group_look look, int change)
{
	if (look != LOOK_AT_SOCKETS)
		return;
	watches->lenses += (unsigned)change;
	watches->lens_changes++;
}

static void detach(struct group_watches *watches, struct group_watch *watch, enum group_look look)
{
	if (!watch->links[look])
		return;
	bpf_link__destroy(watch->links[look]);
	watch->links[look] = NULL;
	note_lens(watches, look, -1);
	share_give(&watches->links, watch->entry.owner);
}

/* The group is gone, or no business of ours any more. */
static void leave(struct group_watches *watches, struct group_watch *watch)
{
	bool told = watch->links[LOOK_AT_SOCKETS] && watches->leaving;

	if (told)
		watches->leaving(watches->userdata, watch->id);
	for (enum group_look look = 0; look < GROUP_LOOKS; look++)
		detach(watches, watch, look);
	if (told)
		watches->leaving(watches->userdata, 0);
	watch->id = 0;
}

static void forget(struct group_watches *watches, struct group_watch *watch)
{
	leave(watches, watch);
	path_table_remove(&watch->entry);
	free(watch);
}

static struct group_watch *next_watch(const struct group_watches *watches,
				      struct group_watch *watch)
{
	return (struct group_watch *)path_table_next(watches->all, watch ? &watch->entry : NULL);
}

/* Forgets all, or with an `agent` those of the agent. */
static void forget_all(struct group_watches *watches, uint32_t agent)
{
	struct group_watch *watch, *next;

	for (watch = next_watch(watches, NULL); watch; watch = next) {
		next = next_watch(watches, watch);
		if (!agent || watch->entry.owner == agent)
			forget(watches, watch);
	}
}

struct group_watches *group_watches_free(struct group_watches *watches)
{
	if (!watches)
		return NULL;
	watches->leaving = NULL;
	if (watches->all)
		forget_all(watches, 0);
	path_table_free(watches->all);
	free(watches);
	return NULL;
}

/* Returns true if a group above `path` has a program that runs for the groups below it only as long
 * as these have none (BPF_F_ALLOW_OVERRIDE): it may be a firewall, and ours would take its place.
 */
static bool would_displace(const char *path, int group, enum bpf_attach_type type)
{
	_cleanup_free_ char *above = NULL;
	uint32_t flags = 0, count = 0;
	char *end;

	/* Most groups have nothing that runs for them, wherever it is attached. */
	if (bpf_prog_query(group, type, BPF_F_QUERY_EFFECTIVE, NULL, NULL, &count) == 0 &&
	    count == 0)
		return false;
	above = strdup(path);
	if (!above)
		return true;
	while ((end = strrchr(above, '/')) && end > above) {
		_cleanup_close_ int upper = -EBADF;

		*end = '\0';
		upper = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (upper < 0)
			return true;
		count = 0;
		if (bpf_prog_query(upper, type, 0, &flags, NULL, &count) < 0)
			break; /* above the root of them all */
		if (count > 0)
			return !(flags & BPF_F_ALLOW_MULTI);
	}
	return false;
}

static void attach(struct group_watches *watches, struct group_watch *watch, enum group_look number,
		   int group)
{
	const struct bpf_program *program = watches->looks[number].program;
	uint32_t agent = watch->entry.owner;

	if (watch->links[number] ||
	    (number == LOOK_AT_SOCKETS && watches->lenses == GROUP_LENSES_MAX) ||
	    would_displace(watch->path, group, bpf_program__expected_attach_type(program)) ||
	    !share_take(&watches->links, agent))
		return;
	watch->links[number] = bpf_program__attach_cgroup(program, group);
	if (watch->links[number])
		note_lens(watches, number, 1);
	else
		share_give(&watches->links, agent);
}

static void attach_or_detach(struct group_watches *watches, struct group_watch *watch,
			     enum group_look number, int group)
{
	const struct look *look = &watches->looks[number];

	if (look->program && (!look->agents || look->agents[watch->entry.owner]))
		attach(watches, watch, number, group);
	else
		detach(watches, watch, number);
}

/* Looks whether the group is there, and still the same: a unit's group is made anew each time the
 * unit starts. Returns true if it was made since the last look. */
static bool look_for(struct group_watches *watches, struct group_watch *watch)
{
	_cleanup_close_ int group = open(watch->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t before = watch->id;
	struct stat status;

	watch->unseen = group < 0 && errno != ENOENT;
	if (watch->unseen)
		return false;
	if (group < 0 || fstat(group, &status) < 0)
		status.st_ino = 0;
	if (before != status.st_ino)
		leave(watches, watch);
	watch->id = status.st_ino;
	for (enum group_look look = 0; look < GROUP_LOOKS && watch->id; look++)
		attach_or_detach(watches, watch, look, group);
	return watch->id && watch->id != before;
}

static bool look_for_all(struct group_watches *watches, bool awaited_only)
{
	struct group_watch *watch = NULL;
	bool made = false;

	while ((watch = next_watch(watches, watch)))
		if (watch->awaited || !awaited_only)
			made = look_for(watches, watch) || made;
	return made;
}

bool group_watches_look_again(struct group_watches *watches)
{
	return look_for_all(watches, true);
}

void group_watches_use(struct group_watches *watches, enum group_look look,
		       struct bpf_program *program, const bool *agents)
{
	watches->looks[look] = (struct look){ program, agents };
	group_watches_change_agents(watches);
}

void group_watches_change_agents(struct group_watches *watches)
{
	look_for_all(watches, false);
}

static struct group_watch *find(const struct group_watches *watches, const char *path,
				uint32_t agent)
{
	return (struct group_watch *)path_table_find(watches->all, path, agent);
}

static struct group_watch *new_watch(struct group_watches *watches, const char *path,
				     uint32_t agent)
{
	size_t size = strlen(path) + 1;
	struct group_watch *watch = calloc(1, sizeof(*watch) + size);

	if (!watch)
		return NULL;
	text_copy(watch->path, size, path);
	watch->entry.owner = agent;
	watch->entry.path = watch->path;
	path_table_insert(watches->all, &watch->entry);
	return watch;
}

void group_watches_add(struct group_watches *watches, const char *path, uint32_t agent,
		       bool awaited)
{
	struct group_watch *watch = find(watches, path, agent) ?: new_watch(watches, path, agent);

	if (!watch)
		return;
	watch->awaited = watch->awaited || awaited;
	look_for(watches, watch);
}

void group_watches_remove(struct group_watches *watches, const char *path, uint32_t agent)
{
	struct group_watch *watch = find(watches, path, agent);

	if (watch)
		forget(watches, watch);
}

void group_watches_remove_agent(struct group_watches *watches, uint32_t agent)
{
	forget_all(watches, agent);
}

/* ---- lenses */

/* A group that is awaited has no connections before it is made. */
static bool wants_lens(const struct group_watch *watch)
{
	return !watch->links[LOOK_AT_SOCKETS] && (watch->id || watch->unseen || !watch->awaited);
}

bool group_watches_have_lenses(const struct group_watches *watches)
{
	struct group_watch *watch = NULL;

	while ((watch = next_watch(watches, watch)))
		if (wants_lens(watch))
			return false;
	return true;
}

bool group_watches_are_there(const struct group_watches *watches)
{
	struct group_watch *watch = NULL;

	while ((watch = next_watch(watches, watch)))
		if (!watch->id)
			return false;
	return true;
}

unsigned group_watches_lenses(const struct group_watches *watches,
			      int descriptors[static GROUP_LENSES_MAX])
{
	struct group_watch *watch = NULL;
	unsigned count = 0;

	while ((watch = next_watch(watches, watch)) && count < GROUP_LENSES_MAX)
		if (watch->links[LOOK_AT_SOCKETS])
			descriptors[count++] = bpf_link__fd(watch->links[LOOK_AT_SOCKETS]);
	return count;
}

uint64_t group_watches_lens_changes(const struct group_watches *watches)
{
	return watches->lens_changes;
}

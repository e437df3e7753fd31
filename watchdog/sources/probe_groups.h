/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside the probe: programs that are attached to the control groups of agents. Those for sockets
 * are the group's lens (ebpf/group_lens.bpf.h); those for packets add evidence, and can be done
 * without. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct bpf_program;

/* Each for one hook and one purpose. */
enum group_look {
	LOOK_AT_SOCKETS, /* a group with it has its lens */
	LOOK_AT_RELEASES,
	LOOK_AT_RECEIVED,
	LOOK_AT_SENT,
	LOOK_AT_MQTT_SENT,
	LOOK_AT_MQTT_RECEIVED,
	GROUP_LOOKS,
};

/* The most groups with a lens: the next daemon gets a descriptor for each (unix(7), SCM_MAX_FD). */
enum { GROUP_LENSES_MAX = 200 };

struct group_watches;

/* `leaving` is called before group `id`, an inode, loses its lens, and with 0 when it has lost it;
 * not by group_watches_free(). Returns NULL without memory. */
struct group_watches *group_watches_new(void (*leaving)(void *userdata, uint64_t id),
					void *userdata);
struct group_watches *group_watches_free(struct group_watches *watches); /* returns NULL */

/* From now on `program` (loaded, borrowed) looks at every watched group; with `agents` (borrowed;
 * by agent number), only at the groups of agents that are true there. */
void group_watches_use(struct group_watches *watches, enum group_look look,
		       struct bpf_program *program, const bool *agents);

/* Watches the control group at `path` for `agent`: now, or, if it is `awaited`, whenever
 * group_watches_look_again() finds that it was made. Looks at nothing of a group for which no
 * descriptor is left: all of them together take half of what the process may open, 2048 at most,
 * and each agent its share of that (base/share.h), so that there are some for actions and for the
 * other agents. */
void group_watches_add(struct group_watches *watches, const char *path, uint32_t agent,
		       bool awaited);

/* Looks which of the groups that are awaited were made or removed. Returns true if one was made. */
bool group_watches_look_again(struct group_watches *watches);

/* To be called when an entry of `agents` has changed. */
void group_watches_change_agents(struct group_watches *watches);

void group_watches_remove(struct group_watches *watches, const char *path, uint32_t agent);
void group_watches_remove_agent(struct group_watches *watches, uint32_t agent);

/* Returns true if every watched group has its lens, but for those that are yet to be made. */
bool group_watches_have_lenses(const struct group_watches *watches);

/* Returns true if every watched group is there. */
bool group_watches_are_there(const struct group_watches *watches);

/* Gives the descriptors that keep the lenses going without us; they stay the watches'. Returns how
 * many there are. */
unsigned group_watches_lenses(const struct group_watches *watches,
			      int descriptors[static GROUP_LENSES_MAX]);

/* Returns how often a lens was attached or detached. */
uint64_t group_watches_lens_changes(const struct group_watches *watches);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside the probe: programs that look at the packets of control groups. They add evidence, and the
 * probe does not depend on them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct bpf_program;

/* Each for one direction and one purpose. */
enum packet_look {
	LOOK_AT_RECEIVED,
	LOOK_AT_SENT,
	LOOK_AT_MQTT_SENT,
	LOOK_AT_MQTT_RECEIVED,
	PACKET_LOOKS,
};

struct packet_watches;

struct packet_watches *packet_watches_new(void);                            /* NULL: no memory */
struct packet_watches *packet_watches_free(struct packet_watches *watches); /* returns NULL */

/* From now on `program` (loaded, borrowed) looks at the packets of every watched group; with
 * `agents` (borrowed; by agent number), only of the groups of agents that are true there. */
void packet_watches_use(struct packet_watches *watches, enum packet_look look,
			struct bpf_program *program, const bool *agents);

/* Watches the control group at `path` for `agent`: now, or, if it is `awaited`, whenever
 * packet_watches_look_again() finds that it was made. Looks at no packets of a group for which no
 * descriptor is left: all of them together take half of what the process may open, 2048 at most,
 * and each agent its share of that (base/share.h), so that there are some for actions and for the
 * other agents. */
void packet_watches_add(struct packet_watches *watches, const char *path, uint32_t agent,
			bool awaited);

/* Looks for the groups that are awaited. */
void packet_watches_look_again(struct packet_watches *watches);

/* To be called when an entry of `agents` has changed. */
void packet_watches_change_agents(struct packet_watches *watches);

void packet_watches_remove(struct packet_watches *watches, const char *path, uint32_t agent);
void packet_watches_remove_agent(struct packet_watches *watches, uint32_t agent);

/* Inside the probe: programs that look at the packets of control groups. What they tell is worth
 * having, but nothing that the probe depends on. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct bpf_program;

/* Each for one direction and one purpose. */
enum packet_look {
	LOOK_AT_TTL,
	LOOK_AT_MQTT_SENT,
	LOOK_AT_MQTT_RECEIVED,
	PACKET_LOOKS,
};

struct packet_watches;

struct packet_watches *packet_watches_new(void);                            /* NULL: no memory */
struct packet_watches *packet_watches_free(struct packet_watches *watches); /* returns NULL */

/* From now on `program` (loaded, borrowed) looks at the packets of every watched group; of those of
 * agents in `agents` only, if that is not NULL (borrowed; one entry a number). */
void packet_watches_use(struct packet_watches *watches, enum packet_look look,
			struct bpf_program *program, const bool *agents);

/* Watches the control group at `path` for `agent`: now, or as soon as packet_watches_look_again()
 * finds it, also when it was made anew. */
void packet_watches_add(struct packet_watches *watches, const char *path, uint32_t agent);
void packet_watches_look_again(struct packet_watches *watches);

void packet_watches_remove(struct packet_watches *watches, const char *path, uint32_t agent);
void packet_watches_remove_agent(struct packet_watches *watches, uint32_t agent);

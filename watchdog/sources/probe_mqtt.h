/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside the probe: the programs that look at MQTT (ebpf/mqtt.bpf.c). They are loaded when the
 * first agent asks for it, and write into maps that the probe reads. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "events/event.h"

struct bpf_object;
struct bpf_program;
struct mqtt_probe;

/* Loads the programs, which share the maps of `probe` (loaded). Returns 0, or -errno of libbpf. */
int mqtt_probe_open(struct mqtt_probe **ret, const char *btf, const struct bpf_object *probe);
struct mqtt_probe *mqtt_probe_close(struct mqtt_probe *mqtt); /* returns NULL */
DEFINE_CLEANUP(struct mqtt_probe *, mqtt_probe_close);

/* Return the programs that look at sent and received packets. Owned by `mqtt`. */
struct bpf_program *mqtt_probe_of_sent(const struct mqtt_probe *mqtt);
struct bpf_program *mqtt_probe_of_received(const struct mqtt_probe *mqtt);

/* Returns true if TLS can be looked at, too: the kernel has uprobes and allows them. */
bool mqtt_probe_sees_tls(const struct mqtt_probe *mqtt);

/* Returns how many records of logins and lookups of `agent` found no room since the last call.
 * `mqtt` may be NULL. */
uint64_t mqtt_probe_lost(struct mqtt_probe *mqtt, uint32_t agent);

/* Takes an event of an agent whose MQTT is looked at: when a process begins, changes its program,
 * connects or ends, puts uprobes into the libssl that it uses or may come to use, and removes them.
 * With `lookups`, into its C library, too: nothing else shows the agent's name lookups. */
void mqtt_probe_take(struct mqtt_probe *mqtt, const struct event *event, bool lookups);

/* Removes the uprobes in the processes of `agent`. */
void mqtt_probe_leave(struct mqtt_probe *mqtt, uint32_t agent);

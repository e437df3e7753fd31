/* Inside the probe: the programs that look at MQTT (ebpf/mqtt.bpf.c). They are loaded when the
 * first agent asks for it, and fill in maps that the probe reads. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "core/event.h"

struct bpf_object;
struct bpf_program;
struct mqtt_probe;

/* Loads them, to share the maps of `probe` (loaded). Returns 0, or -errno of libbpf. */
int mqtt_probe_open(struct mqtt_probe **ret, const struct bpf_object *probe);
struct mqtt_probe *mqtt_probe_close(struct mqtt_probe *mqtt); /* returns NULL */

/* What looks at packets on their way out and in. Owned by `mqtt`. */
struct bpf_program *mqtt_probe_of_sent(const struct mqtt_probe *mqtt);
struct bpf_program *mqtt_probe_of_received(const struct mqtt_probe *mqtt);

/* True if it can look at TLS too: the kernel has uprobes and lets us. */
bool mqtt_probe_sees_tls(const struct mqtt_probe *mqtt);

/* A process of an agent whose MQTT is looked at begins, changes its program, connects, ends: puts
 * uprobes into the libssl that it uses, or may come to use, and removes them. */
void mqtt_probe_take(struct mqtt_probe *mqtt, const struct event *event);

/* Removes those of an agent's processes. */
void mqtt_probe_leave(struct mqtt_probe *mqtt, uint32_t agent);

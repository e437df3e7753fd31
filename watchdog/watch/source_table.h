/* Where the evidence on connections and processes comes from: the eBPF probe or, where that cannot
 * be had, what the kernel tells without eBPF (watch_survey.h). Wiring for watch_loop.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "core/event.h"

struct succession;
struct watch_source;

struct source_options {
	enum mode mode;       /* MODE_INVALID: the probe if it can be had */
	uint32_t connections; /* at once */
	int parcel;           /* what the watchdog before us left (taken over); 0: nothing */
	/* There is something to drain: to call watch_source_drain(), and to return what that does.
	 * Not called before watch_source_begin(). */
	int (*look)(void *userdata);
	void (*notice)(void *userdata, const char *text, int error); /* error: -errno or 0 */
	void *userdata;
};

/* Opens the best source that `options` allow, and the succession that belongs to it (the caller's,
 * to be freed after the source). `event` is referenced. Tells notice() why a better one cannot be
 * had. Returns 0, or -errno after having told why. */
int watch_source_open(struct watch_source **ret, struct succession **succession, sd_event *event,
		      const struct source_options *options);
struct watch_source *watch_source_close(struct watch_source *source); /* returns NULL */

/* MODE_EBPF or MODE_SOCK_DIAG. */
enum mode watch_source_mode(const struct watch_source *source);

void watch_source_begin(struct watch_source *source);

/* Hands what has happened to `sink`. Returns 0 or more (records of the probe), or -errno. */
int watch_source_drain(struct watch_source *source, event_sink sink, void *userdata);

/* As their namesakes in sources/probe.h. A kernel that cannot do what is asked gives -EOPNOTSUPP.
 */
int watch_source_sample(struct watch_source *source);
int watch_source_find_connections(struct watch_source *source);
bool watch_source_shows_connections(const struct watch_source *source);
int watch_source_process(struct watch_source *source, pid_t pid, uint32_t agent);
int watch_source_cgroup(struct watch_source *source, const char *path, uint32_t agent);
int watch_source_cgroup_to_come(struct watch_source *source, const char *parent, const char *name,
				uint32_t agent);
void watch_source_forget_cgroup(struct watch_source *source, const char *path, uint32_t agent);
int watch_source_inspect_mqtt(struct watch_source *source, uint32_t agent, bool yes);
void watch_source_unwatch(struct watch_source *source, uint32_t agent);

/* Hands on again what the watchdog before us had kept: see probe_recall(). */
void watch_source_recall(struct watch_source *source, event_sink sink, void *userdata);

/* See succession_prepare(). Returns a descriptor, or -EOPNOTSUPP in the mode sock-diag: what is
 * seen then is seen by us. */
int watch_source_parcel(struct watch_source *source, struct succession *succession);

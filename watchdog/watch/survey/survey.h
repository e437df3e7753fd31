/* Evidence without eBPF, the mode sock-diag: the agents' sockets are looked at once in a while, and
 * once more when they are destroyed; their processes are told of by the kernel. It speaks in the
 * same events as sources/probe, and is used in the same way. Wiring of sources/socket_diag and
 * watch_processes.
 *
 * What comes and goes between two looks is not seen. */
#pragma once

#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "core/event.h"

struct watch_survey;

struct survey_listener {
	void (*ready)(void *userdata); /* there is something to drain */
	void (*notice)(void *userdata, const char *text, int error); /* error: -errno or 0 */
	void *userdata;
};

/* How often is looked, as long as an agent is watched. */
#define SURVEY_INTERVAL (1 * USEC_PER_SEC)

/* For up to `connections` at once, and as many processes. `event` is referenced, `listener` copied.
 * Returns 0, or -errno with a sentence for the operator in `*complaint` (static text). */
int watch_survey_new(struct watch_survey **ret, sd_event *event, uint32_t connections,
		     const struct survey_listener *listener, const char **complaint);
struct watch_survey *watch_survey_free(struct watch_survey *survey); /* returns NULL */

/* Hands what has happened to `sink`. Returns 0 or -errno. */
int watch_survey_drain(struct watch_survey *survey, event_sink sink, void *userdata);

/* As their namesakes in sources/probe.h, without that of what a control group is to be made in. */
int watch_survey_process(struct watch_survey *survey, pid_t pid, uint32_t agent);
int watch_survey_cgroup(struct watch_survey *survey, const char *path, uint32_t agent);
void watch_survey_forget_cgroup(struct watch_survey *survey, const char *path, uint32_t agent);
void watch_survey_unwatch(struct watch_survey *survey, uint32_t agent);

/* Looks as soon as possible; with `sample`, the next drain that can also hands on an EVENT_SAMPLED
 * of each connection and an EVENT_SAMPLE_DONE. */
void watch_survey_look(struct watch_survey *survey, bool sample);

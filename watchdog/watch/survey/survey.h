/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The mode sock-diag: the agents' connections and processes without eBPF. The agents' sockets are
 * looked at once a second, and once more when the kernel destroys them; the kernel also tells of
 * their processes. What comes and goes between two looks is not seen. The events are the probe's.
 * Wiring of the other files of this folder for observer.c. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "sources/source.h"

struct watch_survey;

/* From one look to the next while an agent is watched. */
#define SURVEY_INTERVAL (1 * USEC_PER_SEC)

/* Makes a survey of up to `connections` at once, and as many processes. `listener` is copied.
 * Returns 0, or -errno with a sentence for the operator in `*complaint` (static text). */
int watch_survey_new(struct watch_survey **ret, uint32_t connections,
		     const struct source_listener *listener, const char **complaint);
struct watch_survey *watch_survey_free(struct watch_survey *survey); /* returns NULL */
DEFINE_CLEANUP(struct watch_survey *, watch_survey_free);

/* The descriptor of all it listens to: as source->descriptor(). */
int watch_survey_fd(const struct watch_survey *survey);

/* The contract is that of source->wait(). */
void watch_survey_wait(const struct watch_survey *survey, struct source_wait *wait);

/* The contract is that of source->take(). */
int watch_survey_take(struct watch_survey *survey);

/* The contracts are those of the same names in sources/probe.h; there is no counterpart of
 * probe_watch_cgroup_to_come(). */
int watch_survey_process(struct watch_survey *survey, pid_t pid, uint32_t agent);
int watch_survey_cgroup(struct watch_survey *survey, const char *path, uint32_t agent);
void watch_survey_forget_cgroup(struct watch_survey *survey, const char *path, uint32_t agent);
void watch_survey_unwatch(struct watch_survey *survey, uint32_t agent);

/* Has the next watch_survey_take() look at everything, and asks for that at once. With `sample`, an
 * EVENT_SAMPLED of each connection and an EVENT_SAMPLE_DONE follow the first look that tells what
 * became of every connection. */
void watch_survey_look(struct watch_survey *survey, bool sample);

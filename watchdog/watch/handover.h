/* How one watchdog follows another without missing anything: the probe goes on by itself, and what
 * it takes to understand its records lies in shared memory. Both hang on one descriptor, the
 * parcel, that somebody else keeps (systemd's file descriptor store, sd_notify(3)). Wiring only. */
#pragma once

#include <stdbool.h>

#include "core/event.h"
#include "core/record.h"

struct probe;
struct succession;

/* Opens the probe: the one that `parcel` (taken over; 0: there is none) holds, unless that is of
 * another version, else a new one. Returns 0 and the probe in `*probe`, to be closed before the
 * succession is freed; or -errno with a sentence in `*complaint`, as probe_open(). */
int succession_open(struct succession **ret, struct probe **probe, int parcel,
		    const char **complaint);

/* Without a probe: nothing is left to who comes after us. Returns 0 or -errno. */
int succession_open_alone(struct succession **ret);

struct succession *succession_free(struct succession *succession); /* returns NULL */

/* True if there is a watchdog that we follow. */
bool succession_inherits(const struct succession *succession);

/* Makes the parcel that lets another one follow us; must be called before the first record is
 * drained. Returns its descriptor, to be closed by the caller; or -errno. */
int succession_prepare(struct succession *succession, struct probe *probe);

/* Agents keep their numbers: the probe knows them by nothing else. Returns the number of agent
 * `name`, up to `max`; 0 if there is none left. */
uint32_t succession_number(struct succession *succession, const char *name, uint32_t max);
bool succession_has_number(const struct succession *succession, uint32_t number);
void succession_free_number(struct succession *succession, uint32_t number);

/* True for what the one before us has reported the end of: it must not be told again. */
bool succession_is_old_news(struct succession *succession, const struct event *event);

/* To be called with each connection whose end the journal tells in this boot, before any event: the
 * one before us may have died just when it wrote that. */
void succession_confirm(struct succession *succession, uint64_t cookie);

/* To be called before and after each record is written. */
void succession_writing(struct succession *succession, const struct record *record);
void succession_written(struct succession *succession, const struct record *record);

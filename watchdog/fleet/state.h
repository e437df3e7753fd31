/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state that the parts of the fleet's analysis share: the tables, and the look-ups in them.
 *
 * Each part calls only what stands before it: state, rates, scan, clocks, account, judge, fleet.
 * census.c needs state alone. */
#pragma once

#include "base/keyed_table.h"
#include "fleet/fleet.h"
#include "past/timeline.h"

enum {
	NAMES_MAX = 4096, /* names of agents */
	BURSTS_MAX = 8192,
	OUTAGES_MAX = 1024,
	TROUBLES_MAX = 4096,
	RELATIONS_MAX = 256,
	BLOCKS = 16384, /* of 5 minutes, 56 days in all; longer ones if that does not reach */
	DOUBTS = 4,     /* the last ones of a device */
	SKEWS = 4,      /* candidates of a device */
	AGE_BUCKETS = 256,
	CRASHES = 3, /* that make a loop */
	LAST_TIMES = 5,
};

#define REFRACTORY  (5 * USEC_PER_MINUTE) /* a device counts once in this; the widest window */
#define CLOCK_SLACK (5 * USEC_PER_SEC)    /* clocks with NTP and journals differ by up to this */
#define SKEW_MAX    (10 * USEC_PER_MINUTE)
#define SKEW_SLACK  (10 * USEC_PER_SEC)

/* A span in which a device's clock was wrong. */
struct doubt {
	usec_t from, until;
};

/* A candidate for a device's skew: how far its ends lie from outages. */
struct skew {
	int64_t offset;
	unsigned outages, last_outage; /* how many agree, and the number of the last */
};

/* What a device has to do with one peer or service. */
struct place_use {
	uint16_t place;          /* number; 0: none */
	usec_t counted;          /* a service: its last end that counted; 0: none */
	unsigned last_outage;    /* number + 1 of the last there that it was part of; 0: none */
	unsigned last_recovered; /* number + 1 of the last there that it recovered from; 0: none */
};

struct device_entry {
	struct fleet_device report; /* what the findings show of it */
	/* census */
	uint32_t boot;
	usec_t first;   /* its earliest record */
	uint64_t named; /* a hash of the device that its last record named */
	unsigned agents;
	int64_t offset; /* of CLOCK_REALTIME from CLOCK_MONOTONIC */
	bool stepped;   /* its clock was set in this boot */
	usec_t boot_first,
		last; /* the first record of the boot, or since a step; the last of all */
	struct doubt doubts[DOUBTS];
	unsigned doubt_count;
	struct place_use uses[FLEET_PLACES_OF_DEVICE];
	uint16_t known_values[FLEET_FIELDS_MAX][FLEET_VALUES_OF_DEVICE]; /* numbers; 0: none */
	/* passes */
	usec_t herd; /* the last second in which it came back */
	uint16_t values[FLEET_FIELDS_MAX];
	uint64_t causes[FLEET_FIELDS_MAX][FLEET_VALUES_OF_DEVICE]; /* a bit each */
	struct skew skews[SKEWS];
};

/* The outage of an agent that its last end began or belonged to. */
struct own_outage {
	uint32_t id;     /* as in struct fleet_event */
	unsigned common; /* number + 1 of the common one that it began in; 0: none */
	enum cause cause;
	unsigned attempts;
	usec_t down; /* that its cause was charged with */
};

struct agent_entry {
	struct device_entry *device;
	uint16_t name;
	bool restarted;   /* by connwatchd, since its last end */
	uint8_t presence; /* enum presence, by its last record of an end or a return */
	uint8_t cause;    /* of its last end */
	unsigned outage;  /* number + 1 of the common one it is not back from; 0: none */
	struct own_outage own;
	struct timeline timeline;
	usec_t crashes[CRASHES]; /* times of the last ones, the oldest first; 0: none */
	bool crash_loop;
	unsigned crash_count;
	unsigned causes[CAUSE_MAX]; /* of ends outside of common outages */
};

/* Half of a window: the first and the last end in it, and how many. */
struct half_window {
	usec_t first, last;
	unsigned count;
};

/* Windows in a row with more ends than chance explains. */
struct burst {
	uint16_t place;
	uint8_t width; /* index of the windows' width */
	usec_t from, until;
	unsigned count; /* of devices, some of them twice; 0: no burst */
	double chance;  /* of its most unlikely window: logarithm to base 10 */
};

struct window {
	uint64_t slot; /* half windows since 1970 */
	struct half_window before, now;
	struct burst burst; /* that this window may go on with */
};

struct place_entry {
	struct fleet_place report; /* what the findings show of it */
	bool crowded;              /* a service: ends count for it whose peers found no room */
	double usual;              /* ends in a block, over the whole time */
	struct window windows[FLEET_WIDTHS];
};

/* The facts for the judgement on a common outage that struct fleet_outage lacks. */
struct outage_detail {
	unsigned ages[AGE_BUCKETS]; /* of the sessions that ended, by REFRACTORY, modulo */
	struct fleet_cost by_cause[CAUSE_MAX];
	usec_t second; /* since 1970, in which devices come back now */
	unsigned in_second;
};

struct fleet {
	struct fleet_settings settings;
	struct fleet_findings found;
	enum fleet_pass pass;
	struct keyed_table device_table, agent_table, place_table, value_table, name_table;
	/* census */
	usec_t last_times[LAST_TIMES];
	usec_t newest;
	/* rates */
	usec_t block;         /* length of a block */
	uint32_t *block_ends; /* [place][block] */
	uint32_t *sorted;     /* [block], scratch */
	/* scan */
	double threshold; /* a window less likely than this is part of a burst: base 10 */
	struct burst *bursts;
	unsigned burst_count;
	/* clocks, account */
	struct fleet_outage *outages;  /* found.outage_count of them */
	struct outage_detail *details; /* [outage] */
	unsigned first_outage;         /* those before it are over */
	uint32_t *hit;                 /* [outage][value]: devices */
	struct agent_entry *agent;     /* whose timeline is fed */
	struct past_record past;       /* what it is fed with */
	struct fleet_herd herd;        /* the second that is counted now */
	/* judge */
	struct fleet_trouble *troubles;
	struct fleet_relation *relations;
};

/* Entries of the tables by number, from 1 on; 0 stands for none and has no entry. */
static inline void *fleet_entry(const struct keyed_table *table, uint32_t number)
{
	return table->entries + (size_t)(number - 1) * table->entry_size;
}

static inline uint32_t fleet_number(const struct keyed_table *table, const void *entry)
{
	size_t offset = (size_t)((const unsigned char *)entry - table->entries);

	return (uint32_t)(offset / table->entry_size) + 1;
}

/* The number of the service that a place belongs to, or that it is. */
uint16_t fleet_service_of(const struct fleet *fleet, uint16_t place);

/* What the device has to do with that place; NULL: nothing. */
struct place_use *fleet_use_of(struct device_entry *device, uint16_t place);

/* True for an end that its own device does not explain: its cause says no more than what the socket
 * saw, or lies outside of the device and is only suspected. Common outages are made of these. */
bool fleet_event_is_open(const struct fleet_event *event);

/* True if the device's clock was wrong at `time`, which is by that clock. */
bool fleet_clock_is_doubted(const struct device_entry *device, usec_t time);

/* True if the outage was at that peer, or at the service that the peer belongs to. */
bool fleet_outage_is_at(const struct fleet *fleet, const struct fleet_outage *outage,
			uint16_t peer);

/* The number + 1 of the outage that an open end was part of; 0: of none. `event->peer` is not 0.
 * Asked in the order of time, within a pass that began with fleet->first_outage = 0: forgets the
 * outages that are over. */
unsigned fleet_outage_of(struct fleet *fleet, const struct fleet_event *event);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The analysis of many devices' records: outages that they share, and troubles that one of them has
 * alone.
 *
 * 1. fleet_take() takes every record, in the order of the journals, and makes an event of it.
 * 2. The caller sorts the events (fleet_event_compare()) and drops those that came twice
 *    (fleet_event_is_same()).
 * 3. All events in the order of time, once for each pass:
 *      FLEET_MEASURE  how often connections end without a cause of their own device's
 *      FLEET_SCAN     where more of them end together than that explains: common outages
 *      FLEET_CLOCKS   which clocks are off, measured at these outages
 *      FLEET_ACCOUNT  who was hit, troubles of single agents, availability, herds
 * 4. fleet_findings().
 *
 * The time of the findings is that of most devices: a few that claim to have been there long before
 * all others do not stretch it.
 *
 * Memory depends on the number of devices, peers and outages, never on the number of records.
 *
 * The test of a common outage. Without one, devices lose their connections independently, at the
 * rate of this fleet around that time or over all the time, whichever is higher. Time is cut into
 * half overlapping windows of 10 s, 1 min and 5 min, for each peer and each service (all peers with
 * one port). A device counts once in 5 minutes. A window is part of an outage if chance alone
 * (Poisson; quasi-Poisson where the hours vary more than Poisson allows) would give so many devices
 * with a probability below FLEET_ERROR / number of windows (Bonferroni). So the report on a fleet
 * without an outage has a false one with a probability of at most FLEET_ERROR. */
#pragma once

#include "base/cleanup.h"
#include "record/parse.h"

#define FLEET_ERROR 0.01

enum {
	FLEET_FIELDS_MAX = 4,  /* that the operator may name */
	FLEET_NAME_SIZE = 65,  /* HOST_NAME_MAX + 1 */
	FLEET_VALUE_SIZE = 64, /* of a field; longer ones are cut */
	FLEET_DEVICES_MIN = 3, /* fewer make no outage, herd or group */
	FLEET_HERDS_MAX = 8,
	FLEET_WIDTHS = 3, /* of windows */
	FLEET_BINS = 240, /* of the picture of all the time */
	FLEET_NAMED = 12, /* devices of a common outage */
};

/* Quotas. What one device may bring into the tables that all share: beyond, its records are not
 * used, or count for less, and the findings say so. One that lies can then be wrong about itself
 * alone: it is one device in every count, and cannot take the room of others. */
enum {
	FLEET_AGENTS_OF_DEVICE = 64, /* as many as connwatchd watches */
	FLEET_PLACES_OF_DEVICE = 8,  /* peers and services; more peers count for their service */
	FLEET_VALUES_OF_DEVICE = 4,  /* of each field; more are in no group */
};

/* The part of a record that the passes need; written to a file, so it is small. */
struct fleet_event {
	usec_t time;                       /* since 1970, by the device's own clock */
	uint64_t identity;                 /* a hash; equal for a record that came twice */
	usec_t span;                       /* ended: age; recovered: time without a connection */
	uint32_t agent;                    /* number */
	uint32_t boot;                     /* a hash of the boot ID, never 0 */
	uint32_t outage;                   /* the agent's own: a hash of its ID; 0: none */
	uint32_t attempts;                 /* that failed in it so far */
	uint16_t peer;                     /* number; of its service if it has no own; 0: none */
	uint16_t values[FLEET_FIELDS_MAX]; /* numbers; 0: not in the record */
	uint8_t kind, cause, ended_by;
	int8_t confidence;
	int8_t outage_cause; /* what began it, where this record knows; else CAUSE_INVALID */
	bool restart;        /* connwatchd begins an action on the agent */
};

struct fleet_device {
	char hostname[FLEET_NAME_SIZE];
	char machine[BOOT_ID_SIZE]; /* machine ID */
	bool proven;                /* the transport says who it is; otherwise its records do */
	uint64_t renamed;           /* how often its records named another device than before */
	uint64_t over_quota;        /* records that name more than one device may: see quotas */
	int64_t skew;               /* how far its clock is ahead; 0: not known */
	unsigned skew_outages;      /* that agree on it */
};

/* A peer (an address and a port), or a service: all peers with one port, address family 0. */
struct fleet_place {
	struct endpoint endpoint;
	uint16_t service; /* number of the place that a peer belongs to; 0: it is a service */
	unsigned peers;   /* of a service */
	unsigned devices; /* that use it */
	double spread;    /* variance of the ends in an hour, by their mean; 1 by chance alone */
};

struct fleet_value {
	char text[FLEET_VALUE_SIZE];
	unsigned field;           /* 0: the first that was named */
	unsigned devices;         /* a device counts once for each value that it had */
	unsigned with[CAUSE_MAX]; /* devices that had ends of this cause, common outages aside */
	usec_t up, down;          /* down includes stalled */
};

/* Whom a common outage hit. */
enum fleet_extent {
	FLEET_EXTENT_SERVICE, /* devices of all kinds: the service ended them, as far as is known */
	FLEET_EXTENT_GROUP,   /* devices with one value of a field */
	FLEET_EXTENT_TOGETHER, /* sessions that began together: a limit to their age may end them */
	FLEET_EXTENT_MAX,
	FLEET_EXTENT_INVALID = -1,
};
DECLARE_NAMES(fleet_extent);

struct fleet_outage {
	usec_t from, until;           /* the first and the last end */
	uint16_t place;               /* number */
	usec_t width;                 /* of the windows that found it */
	double chance;                /* of its most unlikely window: logarithm to base 10 */
	unsigned devices;             /* that lost a connection in it */
	uint32_t agents[FLEET_NAMED]; /* of the first of them: numbers */
	unsigned ends[ENDED_BY_MAX];
	enum fleet_extent extent;
	enum cause cause; /* CAUSE_SERVICE_TRANSIENT; CAUSE_UNKNOWN: any other extent */
	enum confidence confidence;
	uint16_t value;                /* FLEET_EXTENT_GROUP: number */
	unsigned recovered, restarted; /* devices; those that connwatchd had restarted */
	unsigned peak;                 /* the most that came back in one second */
	usec_t downtime_max;
};

enum fleet_trouble_kind {
	FLEET_TROUBLE_CRASH_LOOP,   /* 3 crashes, kills by the OOM killer or exits in an hour */
	FLEET_TROUBLE_TOKEN_RHYTHM, /* the hub closed 3 sessions at the age of their token */
	FLEET_TROUBLE_BAD_LINK,     /* it loses its network more often than the fleet does */
	FLEET_TROUBLE_REJECTED,     /* 3 sessions were rejected or taken over */
	FLEET_TROUBLE_HANG,         /* it hung or did not reconnect 3 times */
	FLEET_TROUBLE_MAX,
	FLEET_TROUBLE_INVALID = -1,
};
DECLARE_NAMES(fleet_trouble_kind);

struct fleet_trouble {
	uint32_t agent; /* number */
	enum fleet_trouble_kind kind;
	unsigned count;  /* of ends that make it */
	double expected; /* FLEET_TROUBLE_BAD_LINK: ends of the average agent of this fleet */
};

/* Devices with one value of a field have ends by a cause more often than the other devices. */
struct fleet_relation {
	uint16_t value; /* number */
	enum cause cause;
	unsigned with, of;               /* devices with the value */
	unsigned others_with, others_of; /* the other devices with a value of that field */
	double chance;                   /* logarithm to base 10 */
};

/* Devices that connected again in the same second. */
struct fleet_herd {
	usec_t time;
	unsigned devices, restarted;
};

/* The outages of agents that began in one part of the time, without those that are expected. */
struct fleet_bin {
	unsigned ends[SIDE_MAX]; /* by the side that the device's verdict names */
	unsigned common;         /* in common outages; these are not counted above */
};

/* What a cause cost. An outage is an agent's own: from the end of a session to the next one that is
 * up, by the cause that the record that knew most gives. An end without CONNWATCH_OUTAGE_ID (of an
 * older version, or where the agent has another connection) counts as one. */
struct fleet_cost {
	unsigned outages;
	uint64_t attempts; /* to connect that failed in them */
	usec_t down;       /* and stalled */
};

struct fleet_findings {
	usec_t since, until;               /* times of the first record and the last */
	struct fleet_bin bins[FLEET_BINS]; /* equal parts of that time */
	unsigned devices, agents, places, values;
	const struct fleet_outage *outages; /* in the order of time */
	unsigned outage_count;
	const struct fleet_trouble *troubles; /* by kind, the worst first */
	unsigned trouble_count;
	const struct fleet_relation *relations; /* the surest first */
	unsigned relation_count;
	struct fleet_herd herds[FLEET_HERDS_MAX]; /* the largest first */
	unsigned herd_count;
	/* availability */
	usec_t up, down, stalled;
	struct fleet_cost by_cause[CAUSE_MAX];
	uint64_t expected; /* outages that are: see fleet_is_expected() */
	/* the records themselves */
	uint64_t records; /* of connwatch, in the time asked for */
	uint64_t duplicates;
	uint64_t late;         /* more than a minute older than those that came before them */
	uint64_t out_of_order; /* older than the one before them of the same device */
	uint64_t undated;      /* from the future, or by a clock that was never set: not used */
	uint64_t unproven;     /* of devices that are known by their own word alone */
	uint64_t outlying;     /* from far outside of the time of all others: not used */
	uint64_t over_quota;   /* that name more agents, peers or values than one device may */
	uint64_t no_room;      /* of devices or agents that found no room: not used */
	uint64_t no_peer;      /* with a peer that found no room: they count for its port alone */
	uint64_t no_group;     /* with a value that found no room: in no group */
	uint64_t missing;      /* returns of agents whose end before is not recorded */
	uint64_t lost_events;  /* that connwatchd lost on the devices */
	unsigned reboots;
	unsigned clock_steps;  /* a clock was set, or a device slept */
	unsigned skewed;       /* devices with a skew that is known */
	unsigned more_outages; /* that found no room */
	double windows;        /* that were tested */
};

struct fleet_settings {
	uint32_t devices;    /* room for devices, and for as many agents */
	uint16_t places;     /* room for peers and services */
	uint16_t values;     /* room for values of all fields */
	unsigned fields;     /* that the operator named */
	usec_t since, until; /* records outside of this are skipped; USEC_INFINITY: no end */
	usec_t now;          /* a record that is dated much later is not used */
};

/* The device that a record comes from. Borrowed texts, printable UTF-8; "": not known.
 *
 * All fields of a record are the device's own word: it sends the export of its journal, times
 * included, and may write into it what it likes. `source` is what the collecting host knows by the
 * device's certificate: records of one source are of one device, whatever they say. */
struct fleet_origin {
	const char *source; /* NULL or "": not known, then machine ID and host name stand for it */
	const char *source_name; /* what people call the source; set if the source is */
	const char *machine, *hostname;
	const char *values[FLEET_FIELDS_MAX];
};

struct fleet;

/* Returns 0 and a fleet in `*fleet`, to be freed with fleet_free(); or -ENOMEM. */
int fleet_new(struct fleet **fleet, const struct fleet_settings *settings);
void fleet_free(struct fleet *fleet);
DEFINE_CLEANUP(struct fleet *, fleet_free);

/* Before the first record of another journal: what is late is late in its own journal. */
void fleet_begin_journal(struct fleet *fleet);

/* Takes a record, whose `realtime`, `record.time` (CLOCK_MONOTONIC) and `boot_id` are set. Returns
 * true if `*event` is filled in and belongs into the passes. */
bool fleet_take(struct fleet *fleet, const struct past_record *past,
		const struct fleet_origin *origin, struct fleet_event *event);

/* For qsort(3), of struct fleet_event: by time; a record that came twice side by side. */
int fleet_event_compare(const void *a, const void *b);

/* True if both are the same record. */
bool fleet_event_is_same(const struct fleet_event *a, const struct fleet_event *b);

/* Sets how many events were dropped because they came twice. */
void fleet_count_duplicates(struct fleet *fleet, uint64_t duplicates);

enum fleet_pass { FLEET_MEASURE, FLEET_SCAN, FLEET_CLOCKS, FLEET_ACCOUNT, FLEET_PASSES };

/* One pass: begin, every event in the order of fleet_event_compare(), end. The passes follow each
 * other in the order of their values. */
void fleet_pass_begin(struct fleet *fleet, enum fleet_pass pass);
void fleet_pass_add(struct fleet *fleet, const struct fleet_event *event);
void fleet_pass_end(struct fleet *fleet);

/* Complete after the last pass. Owned by the fleet. */
const struct fleet_findings *fleet_findings(const struct fleet *fleet);

/* By the numbers in the findings, which are never 0. Owned by the fleet. */
const struct fleet_device *fleet_device_of(const struct fleet *fleet, uint32_t agent);
const char *fleet_agent_name(const struct fleet *fleet, uint32_t agent);
const struct fleet_place *fleet_place(const struct fleet *fleet, uint16_t place);
const struct fleet_value *fleet_value(const struct fleet *fleet, uint16_t value);

/* The device number `number`, from 0 on; NULL past the last one. Owned by the fleet. */
const struct fleet_device *fleet_device(const struct fleet *fleet, uint32_t number);

/* How many of `devices` devices come back in the busiest second if each waits a random time of at
 * most `delay` microseconds: a number that 99 of 100 such herds do not exceed. */
unsigned fleet_spread_peak(unsigned devices, usec_t delay);

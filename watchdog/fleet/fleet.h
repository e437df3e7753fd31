/* What the records of many devices tell together.
 *
 * 1. fleet_take() with every record, in the order of the journals: who is there, and an event.
 * 2. The caller sorts the events (fleet_event_compare) and drops those that came twice
 *    (fleet_event_is_same).
 * 3. All events in their order, once for each pass:
 *      FLEET_MEASURE  how often connections end without a cause of their own device's
 *      FLEET_SCAN     where they end together more often than that explains
 *      FLEET_CLOCKS   whose clock is off, as seen by these
 *      FLEET_ACCOUNT  who was hit, troubles of single devices, availability, herds
 * 4. fleet_findings().
 *
 * Memory depends on how many devices, peers and outages there are, never on how many records.
 *
 * The test of a common outage: devices are taken to lose their connections independently, at the
 * rate of this fleet around that time or over all, whichever is higher. Time is cut into half
 * overlapping windows of 10 s, 1 min and 5 min, for each peer and each service (peers with one
 * port). A device counts once in 5 minutes. A window is an outage if chance alone (Poisson; spread
 * wider if the hours are: quasi-Poisson) would give so many devices with a probability below
 * FLEET_ERROR / number of windows (Bonferroni). So a fleet without any outage gets a false one in
 * its report with a probability of at most FLEET_ERROR. */
#pragma once

#include "record_parse.h"

#define FLEET_ERROR 0.01

enum {
	FLEET_FIELDS_MAX = 4,  /* that the operator may name */
	FLEET_NAME_SIZE = 65,  /* HOST_NAME_MAX + 1 */
	FLEET_VALUE_SIZE = 64, /* of a field; longer ones are cut */
	FLEET_DEVICES_MIN = 3, /* fewer are never "together" */
	FLEET_HERDS_MAX = 8,
	FLEET_WIDTHS = 3, /* of windows */
	FLEET_BINS = 240, /* of the picture */
};

/* One record, as small as the passes need it. */
struct fleet_event {
	usec_t time;                       /* since 1970, by the device's own clock */
	uint64_t identity;                 /* the same for a record that came twice */
	usec_t span;                       /* ended: age; recovered: time without a connection */
	uint32_t agent;                    /* number */
	uint32_t boot;                     /* changes with a reboot */
	uint16_t peer;                     /* number; 0: none */
	uint16_t values[FLEET_FIELDS_MAX]; /* numbers; 0: not in the record */
	uint8_t kind, cause, ended_by;
	int8_t confidence;
	bool restart; /* an action of connwatchd's begins */
};

struct fleet_device {
	char hostname[FLEET_NAME_SIZE];
	char machine[BOOT_ID_SIZE]; /* machine ID */
	int64_t skew;               /* what its clock shows too much; 0: not known */
	unsigned skew_outages;      /* that tell so */
};

/* A peer (an address and a port), or a service: all peers with one port, address family 0. */
struct fleet_place {
	struct endpoint endpoint;
	uint16_t service; /* number of the place that a peer belongs to; 0: it is a service */
	unsigned peers;   /* of a service */
	unsigned devices; /* that use it */
	double spread;    /* how much wider its hours vary than by chance; 1: not wider */
};

struct fleet_value {
	char text[FLEET_VALUE_SIZE];
	unsigned field;           /* 0: the first that was named */
	unsigned devices;         /* a device counts for each value that it had */
	unsigned with[CAUSE_MAX]; /* devices that had ends of this cause, common outages aside */
	usec_t up, down;          /* down: stalled as well */
};

/* What a common outage is. */
enum fleet_extent {
	FLEET_EXTENT_SERVICE,  /* the service's doing, as far as it is known */
	FLEET_EXTENT_GROUP,    /* of devices with one value of a field alone */
	FLEET_EXTENT_TOGETHER, /* sessions that had begun together: a limit to their age as well */
	FLEET_EXTENT_MAX,
	FLEET_EXTENT_INVALID = -1,
};
DECLARE_NAMES(fleet_extent);

struct fleet_outage {
	usec_t from, until; /* the first and the last end */
	uint16_t place;     /* number */
	usec_t width;       /* of the windows that found it */
	double chance;      /* of its most unlikely window: logarithm to base 10 */
	unsigned devices;   /* that lost a connection in it */
	unsigned ends[ENDED_BY_MAX];
	enum fleet_extent extent;
	enum cause
		cause; /* CAUSE_SERVICE_TRANSIENT; CAUSE_UNKNOWN: not the service for all we know */
	enum confidence confidence;
	uint16_t value;                /* FLEET_EXTENT_GROUP: number */
	unsigned recovered, restarted; /* devices; those that connwatchd had restarted */
	unsigned peak;                 /* the most that came back in one second */
	usec_t downtime_max;
};

enum fleet_trouble_kind {
	FLEET_TROUBLE_CRASH_LOOP,   /* 3 crashes or exits within an hour */
	FLEET_TROUBLE_TOKEN_RHYTHM, /* 3 times the hub closed at the age of its token */
	FLEET_TROUBLE_BAD_LINK,     /* more often without its network than the fleet is */
	FLEET_TROUBLE_REJECTED,     /* 3 sessions rejected or taken over */
	FLEET_TROUBLE_HANG,         /* 3 times it hung or did not reconnect */
	FLEET_TROUBLE_MAX,
	FLEET_TROUBLE_INVALID = -1,
};
DECLARE_NAMES(fleet_trouble_kind);

struct fleet_trouble {
	uint32_t agent; /* number */
	enum fleet_trouble_kind kind;
	unsigned count;  /* of ends that make it */
	double expected; /* FLEET_TROUBLE_BAD_LINK: of any agent of this fleet */
};

/* Devices with one value of a field have ends of a cause more often than the others. */
struct fleet_relation {
	uint16_t value; /* number */
	enum cause cause;
	unsigned with, of;               /* devices with the value */
	unsigned others_with, others_of; /* the other devices with a value of that field */
	double chance;                   /* logarithm to base 10 */
};

/* Devices that came back in the same second. */
struct fleet_herd {
	usec_t time;
	unsigned devices, restarted;
};

/* Ends in a part of the time. */
struct fleet_bin {
	unsigned ends[SIDE_MAX]; /* by their device's word */
	unsigned common;         /* in common outages, not among those */
};

struct fleet_findings {
	usec_t since, until;               /* of the first record, and of the last */
	struct fleet_bin bins[FLEET_BINS]; /* that time in equal parts */
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
	usec_t down_by[CAUSE_MAX]; /* down and stalled */
	unsigned ends_by[CAUSE_MAX];
	/* the records themselves */
	uint64_t records; /* of connwatch, in the time asked for */
	uint64_t duplicates;
	uint64_t late;         /* more than a minute older than those that came before them */
	uint64_t out_of_order; /* older than the one before them of the same device */
	uint64_t undated;      /* by a clock that was never set, or of the future: not used */
	uint64_t doubted;      /* of before the clock was set: not used for outages */
	uint64_t no_room;      /* of more devices or peers than there is room for: not used */
	uint64_t no_group;     /* with more values than there is room for: in no group */
	uint64_t missing;      /* agents came back of whose end there is no record */
	uint64_t lost_events;  /* that the devices' own kernels dropped */
	unsigned reboots;
	unsigned clock_steps;  /* clocks that were set, or devices that slept */
	unsigned skewed;       /* devices with a skew that is known */
	unsigned more_outages; /* than there is room for */
	double windows;        /* that were tested */
};

struct fleet_settings {
	uint32_t devices;    /* room for so many, and for as many agents */
	uint16_t places;     /* room for so many peers and services */
	uint16_t values;     /* room for so many values of all fields */
	unsigned fields;     /* that the operator named */
	usec_t since, until; /* records of another time are passed over; USEC_INFINITY: no end */
	usec_t now;          /* what is dated later is not believed */
};

/* Where a record comes from. The texts are printable UTF-8, "" if not known. */
struct fleet_origin {
	const char *machine, *hostname;
	const char *values[FLEET_FIELDS_MAX];
};

struct fleet;

/* Returns 0 or -ENOMEM. */
int fleet_new(struct fleet **fleet, const struct fleet_settings *settings);
void fleet_free(struct fleet *fleet);

/* Takes a record; its `realtime`, `record.time` (CLOCK_MONOTONIC) and `boot_id` count. True if
 * `event` is filled in and belongs into the passes. */
bool fleet_take(struct fleet *fleet, const struct past_record *past,
		const struct fleet_origin *origin, struct fleet_event *event);

/* Compares two struct fleet_event for qsort(3): by time, the same record side by side. */
int fleet_event_compare(const void *a, const void *b);
bool fleet_event_is_same(const struct fleet_event *a, const struct fleet_event *b);

/* `duplicates`: how many events were dropped because they came twice. */
void fleet_count_duplicates(struct fleet *fleet, uint64_t duplicates);

enum fleet_pass { FLEET_MEASURE, FLEET_SCAN, FLEET_CLOCKS, FLEET_ACCOUNT, FLEET_PASSES };

void fleet_pass_begin(struct fleet *fleet, enum fleet_pass pass);
void fleet_pass_add(struct fleet *fleet, const struct fleet_event *event);
void fleet_pass_end(struct fleet *fleet);

/* After the last pass; lives as long as the fleet. */
const struct fleet_findings *fleet_findings(const struct fleet *fleet);

/* By the numbers that the findings have. */
const struct fleet_device *fleet_device_of(const struct fleet *fleet, uint32_t agent);
const char *fleet_agent_name(const struct fleet *fleet, uint32_t agent);
const struct fleet_place *fleet_place(const struct fleet *fleet, uint16_t place);
const struct fleet_value *fleet_value(const struct fleet *fleet, uint16_t value);

/* The device numbered from 0 on; NULL past the last one. */
const struct fleet_device *fleet_device(const struct fleet *fleet, uint32_t number);

/* How many of `devices` come back in the busiest second if each waits a random time of at most
 * `delay`: what is not exceeded in 99 of 100 herds. */
unsigned fleet_spread_peak(unsigned devices, usec_t delay);

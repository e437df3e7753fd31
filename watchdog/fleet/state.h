/* What the parts of the fleet's analysis share: fleet.c, fleet_census.c, fleet_scan.c,
 * fleet_clocks.c, fleet_account.c, fleet_judge.c. */
#pragma once

#include "fleet.h"
#include "keyed_table.h"
#include "timeline.h"

enum {
	NAMES_MAX = 4096,
	BURSTS_MAX = 8192,
	OUTAGES_MAX = 1024,
	TROUBLES_MAX = 4096,
	RELATIONS_MAX = 256,
	BLOCKS = 16384, /* 5 minutes each, 56 days; longer ones if that does not reach */
	DOUBTS = 4,     /* times of a device, the last ones */
	PLACES_OF_DEVICE = 4,
	SKEWS = 4,
	AGE_BUCKETS = 256,
	CRASHES = 3,
	LAST_TIMES = 5,
};

#define REFRACTORY  (5 * USEC_PER_MINUTE) /* so long a device counts once; the widest window */
#define CLOCK_SLACK (5 * USEC_PER_SEC)    /* by so much clocks with NTP and journals may differ */
#define SKEW_MAX    (10 * USEC_PER_MINUTE)
#define SKEW_SLACK  (10 * USEC_PER_SEC)

/* A time at which a device's clock was wrong. */
struct doubt {
	usec_t from, until;
};

/* How far off the outages the ends of a device lie. */
struct skew {
	int64_t offset;
	unsigned outages, last_outage;
};

struct device {
	struct fleet_device told;
	/* census */
	uint32_t boot;
	int64_t offset; /* of CLOCK_REALTIME from CLOCK_MONOTONIC */
	bool stepped;   /* in this boot */
	usec_t boot_first, last;
	struct doubt doubts[DOUBTS];
	unsigned doubt_count;
	uint16_t places[PLACES_OF_DEVICE];
	/* passes */
	usec_t counted; /* its last end that counted */
	uint16_t counted_service;
	unsigned last_outage;    /* number + 1 */
	unsigned last_recovered; /* number + 1 */
	uint16_t values[FLEET_FIELDS_MAX];
	uint64_t causes[FLEET_FIELDS_MAX]; /* a bit each, since it has that value */
	struct skew skews[SKEWS];
};

enum told { TOLD_NOTHING, TOLD_UP, TOLD_DOWN };

struct agent {
	struct device *device;
	uint16_t name;
	bool restarted;  /* by connwatchd, since its last end */
	uint8_t told;    /* enum told */
	uint8_t cause;   /* of its last end */
	unsigned outage; /* number + 1 of the one that its last end was part of */
	struct timeline timeline;
	usec_t crashes[CRASHES]; /* the last ones */
	bool crash_loop;
	unsigned crash_count;
	unsigned causes[CAUSE_MAX]; /* of ends outside of common outages */
};

/* Half of a window. */
struct half {
	usec_t first, last;
	unsigned count;
};

struct burst {
	uint16_t place;
	uint8_t width;
	usec_t from, until;
	unsigned count; /* of devices, some of them twice */
	double chance;
};

struct window {
	uint64_t slot; /* half windows since 1970 */
	struct half before, now;
	struct burst burst; /* count 0: none is open */
};

struct place {
	struct fleet_place told;
	double usual; /* ends in a block, over all the time */
	struct window windows[FLEET_WIDTHS];
};

/* Of a common outage, what its judgement needs. */
struct outage_detail {
	unsigned ages[AGE_BUCKETS]; /* of the sessions that ended: buckets of REFRACTORY, modulo */
	usec_t down_by[CAUSE_MAX];
	unsigned ends_by[CAUSE_MAX];
	usec_t second; /* the one in which devices come back now */
	unsigned in_second;
};

struct fleet {
	struct fleet_settings settings;
	struct fleet_findings found;
	enum fleet_pass pass;
	struct keyed_table device_table, agent_table, place_table, value_table, name_table;
	usec_t last_times[LAST_TIMES];
	usec_t newest;
	/* rates */
	usec_t block;         /* length */
	uint32_t *block_ends; /* [place][block] */
	uint32_t *sorted;     /* [block] */
	double threshold;
	/* outages */
	struct burst *bursts;
	unsigned burst_count;
	struct fleet_outage *outages; /* found.outage_count */
	struct outage_detail *details;
	unsigned first_outage; /* those before are over */
	uint32_t *hit;         /* [outage][value]: devices */
	struct agent *agent;   /* whose timeline is being told */
	struct past_record past;
	struct fleet_herd herd; /* the second that is being counted */
	uint64_t recoveries;
	struct fleet_trouble *troubles;
	struct fleet_relation *relations;
};

/* Entries of the tables by number, from 1 on; 0 stands for none. */
static inline void *fleet_entry(const struct keyed_table *table, uint32_t number)
{
	return table->entries + (size_t)(number - 1) * table->entry_size;
}

static inline uint32_t fleet_number(const struct keyed_table *table, const void *entry)
{
	return (uint32_t)(((const unsigned char *)entry - table->entries) / table->entry_size) + 1;
}

/* True of an end that its own device does not explain: by a cause that says no more than what was
 * seen, or one that is only suspected. Common outages are made of these. */
bool fleet_event_is_open(const struct fleet_event *event);

/* True if the device's clock is not to be believed at that time. */
bool fleet_clock_is_doubted(const struct device *device, usec_t time);

/* How many ends a stretch of `length` at `time` has at that place if nothing is wrong. */
double fleet_expected_ends(struct fleet *fleet, uint16_t place, usec_t time, usec_t length);

/* The number + 1 of the outage that an open end was part of; 0: of none. To be asked in the order
 * of time, within a pass that began with fleet->first_outage = 0. */
unsigned fleet_outage_of(struct fleet *fleet, const struct fleet_event *event);

/* The parts of each pass. */
void fleet_measure_begin(struct fleet *fleet);
void fleet_measure_add(struct fleet *fleet, const struct fleet_event *event);
void fleet_measure_end(struct fleet *fleet);
void fleet_scan_begin(struct fleet *fleet);
void fleet_scan_add(struct fleet *fleet, const struct fleet_event *event);
void fleet_scan_end(struct fleet *fleet);
void fleet_clocks_begin(struct fleet *fleet);
void fleet_clocks_add(struct fleet *fleet, const struct fleet_event *event);
void fleet_clocks_end(struct fleet *fleet);
void fleet_account_begin(struct fleet *fleet);
void fleet_account_add(struct fleet *fleet, const struct fleet_event *event);
void fleet_account_end(struct fleet *fleet);

/* After the account: what the outages are, whose trouble is its own, what goes with what. */
void fleet_judge(struct fleet *fleet);

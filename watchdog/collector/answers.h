/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers the lines of hubs by the records of devices, in an amount of memory that depends on the
 * number of devices alone: both sides are sorted in a file, then joined device by device
 * (hub/join.h). */
#pragma once

#include "collector/devices.h"
#include "hub/join.h"
#include "record/parse.h"

/* A line of a hub. */
struct hub_line {
	uint64_t session, identity; /* as in struct hub_event */
	uint64_t line;              /* from 1 on, in the file number `file`, from 0 on */
	uint32_t file;
	enum hub_symptom symptom;
	char code[HUB_CODE_SIZE];
};

/* What is kept of a record. */
struct device_record {
	uint64_t identity; /* a hash; equal for a record that came twice */
	usec_t age;
	uint32_t boot; /* a hash */
	unsigned attempts;
	enum record_kind kind;
	enum cause cause, outage_cause; /* the second: recovered; CAUSE_INVALID: not known */
	enum ended_by ended_by;
	enum confidence confidence;
	bool is_claim;  /* only its agent's DeviceId= says that it is of this device */
	bool is_proven; /* by the sender of its journal: who sent it */
	char agent[AGENT_NAME_SIZE];
	char outage_id[OUTAGE_ID_SIZE];
	uint16_t values[FLEET_FIELDS_MAX]; /* of the fields of --by: numbers; 0: it has none */
};

/* Why a line has no cause, beyond what the join says. */
enum no_cause {
	NO_CAUSE_NONE,      /* it has one, or `result` says why not */
	NO_CAUSE_AMBIGUOUS, /* several devices have its name */
	NO_CAUSE_IN_OUTAGE, /* the device had no connection then: an attempt without a record */
	NO_CAUSE_RECORDS,   /* after the records of this device that were used: it has too many */
	NO_CAUSE_MAX,
	NO_CAUSE_INVALID = -1,
};
DECLARE_NAMES(no_cause);

struct answer {
	usec_t time; /* by the hub's clock */
	const struct hub_line *line;
	const char *hub_id, *device; /* the same, unless the operator says otherwise */
	enum join_result result;
	enum no_cause no_cause;
	const struct device_record *record; /* NULL: no cause; else that of the end */
	usec_t record_time;                 /* by the device's clock */
	usec_t ended;                       /* the same by the hub's clock, as far as is known */
	enum confidence confidence; /* of the cause: at most suspected if the pair is not sure */
	bool sure;                  /* the pair */
	enum join_contradiction contradiction;
	/* NO_CAUSE_IN_OUTAGE */
	const char *outage_id;
	enum cause outage_cause;          /* CAUSE_INVALID: not known */
	unsigned attempts;                /* that failed in it; 0: not known */
	uint64_t sender;                  /* of the device's records: a hash; 0: it has none */
	const struct device_owner *claim; /* who says by DeviceId= that it is the device; or NULL */
	/* Of the fields of --by: as the operator says, or by the record, or else by the last record
	 * of the device. */
	const uint16_t *values;
};

struct answers;

/* `devices` must live as long. Returns 0, and answers to be freed with answers_free(); or -errno:
 * there may be no room for a temporary file. */
int answers_new(struct answers **answers, struct devices *devices);
void answers_free(struct answers *answers);
DEFINE_CLEANUP(struct answers *, answers_free);

/* Adds a line of the hub. Returns 0, -ENOSPC if there is no room for its device, or another
 * -errno. */
int answers_add_event(struct answers *answers, const struct hub_event *event, uint32_t file,
		      uint64_t line);

/* Adds a record of `device`, after all lines of the hub; one of a device that no line is about is
 * passed over. Of `origin`, is_claim, is_proven and values count. Returns 0 or -errno. */
int answers_add_record(struct answers *answers, struct device *device,
		       const struct past_record *past, const struct device_record *origin);

/* Calls `tell` for each line of the hub, connects and duplicates included: device by device, in the
 * order of time. To be called once, at the end. Returns 0 or -errno. */
int answers_tell(struct answers *answers, void (*tell)(void *userdata, const struct answer *answer),
		 void *userdata);

/* Returns the short name of why there is no cause, static. */
const char *answer_reason(const struct answer *answer);

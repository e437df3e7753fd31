/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whose records belong to which name of the hub: the same name, or one that the operator gives.
 *
 * A device is called as the journal of its sender is (collector/journals.h); where that says
 * nothing, as the host name in its records does. A name that two senders or two machines have is
 * ambiguous: it has no records at all.
 *
 * An agent may also say itself what the hub calls it (DeviceId=). That counts where nothing else
 * does: a device cannot say that it is one that has records of its own, or that the operator
 * mapped. If two senders or machines say it, the name is ambiguous, too.
 *
 * What a sender's journal proves goes before what records say of themselves: a record that came by
 * a way that all share makes no name ambiguous that a sender has. */
#pragma once

#include "base/cleanup.h"
#include "fleet/fleet.h"
#include "hub/hub.h"
#include "settings/settings.h"

/* Who has a name. */
struct device_owner {
	bool known;      /* the others are set */
	bool proven;     /* by the sender of a journal; otherwise by what the records say */
	bool contested;  /* by several senders or machines */
	uint64_t source; /* a hash of the sender or the machine */
	char name[FLEET_NAME_SIZE], other[FLEET_NAME_SIZE]; /* of a claim: the device that says so,
							       and another one that does */
};

struct device {
	char name[HUB_ID_SIZE];
	uint32_t number;  /* from 1 on */
	uint32_t records; /* the number of the device whose records are this one's; often its own */
	bool mapped;      /* the operator says so */
	char agent[AGENT_NAME_SIZE]; /* whose records they are; "": of any agent */
	bool wanted;                 /* a line of the hub is about its records */
	struct device_owner own;
	struct device_owner claim; /* by DeviceId= of agents whose device has another name */
	bool named;                /* by a line of the hub */
	unsigned hub_names;        /* how many names the hub has for it */
	usec_t first;              /* of the lines of the hub about it */
	uint16_t values[FLEET_FIELDS_MAX]; /* of the fields of --by, as the operator says: numbers;
					      0: not said (collector/groups.h) */
};

struct devices;

/* Returns 0, and devices to be freed with devices_free(); or -ENOMEM. */
int devices_new(struct devices **devices);
void devices_free(struct devices *devices);
DEFINE_CLEANUP(struct devices *, devices_free);

/* Returns the device of that name; NULL if there is none. */
struct device *devices_find(struct devices *devices, const char *name);

/* Likewise, but adds it. Returns NULL if there is no room. */
struct device *devices_add(struct devices *devices, const char *name);

/* By a number that a device has. */
struct device *devices_at(struct devices *devices, uint32_t number);

/* The lines of the hub about `hub_id` belong to the records of `name`: of a device, or, as
 * "DEVICE/AGENT", of one of its agents. Returns 0, -ENOSPC, -EEXIST
 * if `hub_id` belongs to another one already, or -EINVAL if a name is empty or too long. */
int devices_map(struct devices *devices, const char *hub_id, const char *name);

/* Whose a record is of the device `name`, with DeviceId= `id`, or "". Returns NULL if no line of
 * the hub is about it. */
struct device *devices_of_record(struct devices *devices, const char *name, const char *id);

/* Returns who counts: the device itself, or else who claims to be it. */
const struct device_owner *device_owner(const struct device *device);

/* True if the device has no record that is surely its own. */
bool device_is_ambiguous(const struct device *device);

/* Returns a hash of who sent a record: of `source`, or of the machine of that ID where the source
 * is
 * "". */
uint64_t device_source(const char *source, const char *machine);

/* Notes that a record of a device came from `source`, or from the machine of that ID where the
 * source is "", of the device that is called `name`. */
void device_note(struct device_owner *owner, const char *source, const char *machine,
		 const char *name);

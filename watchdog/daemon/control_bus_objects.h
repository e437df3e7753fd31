/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The objects of org.connwatch1 and their state, shared by control_bus.c (the connection) and
 * control_bus_objects.c (the properties and methods). */
#pragma once

#include <systemd/sd-bus.h>

#include "base/keyed_table.h"
#include "daemon/bus_budget.h"
#include "daemon/control_bus.h"

#define BUS_NAME          "org.connwatch1"
#define BUS_PATH          "/org/connwatch1"
#define AGENT_PATH        BUS_PATH "/agent"
#define MANAGER_INTERFACE BUS_NAME ".Manager"
#define AGENT_INTERFACE   BUS_NAME ".Agent"

/* The last known state of an agent, with the types that sd-bus reads itself
 * (sd_bus_add_object_vtable(3)): a boolean is an int, a text a pointer. */
struct bus_agent {
	struct control_bus *bus;
	uint32_t number; /* 0: this slot is free */
	const char *name;
	const char *unit;
	uint32_t connections;
	uint32_t attempts;
	usec_t down_since;
	const char *failed_at; /* a name of enum rung, static; "": none */
	usec_t failed_since;
	const char *unit_state; /* static */
	uint32_t limit_burst;
	usec_t limit_interval;
	usec_t next_action; /* CLOCK_MONOTONIC; 0: now; USEC_INFINITY: never */
	int connected;
	int actions_held;
	int absent;
	uint64_t records; /* in its tally */
	char name_text[AGENT_NAME_SIZE];
	char unit_text[UNIT_NAME_SIZE];
};

struct control_bus {
	struct watch_loop *loop;
	const struct tallies *tallies;
	int (*reload)(void *userdata);
	void *userdata;
	sd_bus *bus;             /* NULL: not connected */
	sd_event_source *look;   /* compares the properties */
	sd_event_source *rejoin; /* reconnects a while after the bus was lost */
	struct bus_budget budget;
	sd_event_source *answered;  /* notes what the last call cost */
	sd_event_source *resume;    /* takes calls again after a pause */
	usec_t sampled_at;          /* CLOCK_MONOTONIC; 0: never */
	struct keyed_table sampled; /* the kernel's answer then: struct socket_facts by cookie */
	bool refused;               /* the bus refused our name, and we have logged that */
	uint64_t lost_events;       /* as last announced */
	struct bus_agent agents[TALLIES_MAX + 1]; /* by number */
};

extern const sd_bus_vtable manager_objects[];
extern const sd_bus_vtable agent_objects[];

/* For sd_bus_add_fallback_vtable(): finds the struct bus_agent of a path. */
int agent_object_find(sd_bus *sd_bus, const char *path, const char *interface, void *userdata,
		      void **found, sd_bus_error *error);

/* For sd_bus_add_node_enumerator(): lists the paths of all agents. */
int agent_objects_list(sd_bus *sd_bus, const char *prefix, void *userdata, char ***paths,
		       sd_bus_error *error);

/* Returns the object path of an agent, which the caller frees; NULL without memory. */
char *agent_object_path(const char *name);

/* The objects of org.connwatch1 and what is in them. Shared by control_bus.c, which keeps the bus,
 * and control_bus_objects.c. */
#pragma once

#include <systemd/sd-bus.h>

#include "control_bus.h"

#define BUS_NAME          "org.connwatch1"
#define BUS_PATH          "/org/connwatch1"
#define AGENT_PATH        BUS_PATH "/agent"
#define MANAGER_INTERFACE BUS_NAME ".Manager"
#define AGENT_INTERFACE   BUS_NAME ".Agent"

/* An agent as it was last looked at; of the types that sd-bus reads by itself
 * (sd_bus_add_object_vtable(3)): a boolean is an int, a text a pointer. */
struct bus_agent {
	struct control_bus *bus;
	uint32_t number; /* 0: there is none here */
	const char *name;
	const char *unit;
	uint32_t connections;
	uint32_t attempts;
	usec_t down_since;
	int connected;
	int actions_held;
	uint64_t records; /* in its tally */
	char name_text[AGENT_NAME_SIZE];
	char unit_text[UNIT_NAME_SIZE];
};

struct control_bus {
	struct watch_loop *loop;
	const struct tallies *tallies;
	int (*reload)(void *userdata);
	void *userdata;
	sd_bus *bus;                              /* NULL: there is none */
	sd_event_source *look;                    /* at what has changed */
	sd_event_source *rejoin;                  /* a while after the bus was lost */
	bool refused;                             /* our name, and the operator was told so */
	uint64_t lost_events;                     /* as last told */
	struct bus_agent agents[TALLIES_MAX + 1]; /* by number */
};

extern const sd_bus_vtable manager_objects[];
extern const sd_bus_vtable agent_objects[];

/* For sd_bus_add_fallback_vtable(): finds the struct bus_agent of a path. */
int agent_object_find(sd_bus *sd_bus, const char *path, const char *interface, void *userdata,
		      void **found, sd_bus_error *error);

/* For sd_bus_add_node_enumerator(): the paths of all agents. */
int agent_objects_list(sd_bus *sd_bus, const char *prefix, void *userdata, char ***paths,
		       sd_bus_error *error);

/* The object path of an agent, to be freed; NULL: no memory. */
char *agent_object_path(const char *name);

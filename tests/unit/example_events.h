/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Events of one agent as the sources send them, for the tests of what takes events: its process,
 * its connection to the hub, its unit, the path between. What a test is about it changes in the
 * event that it gets; `time` and `agent` are whoever feeds it to an engine's to set. */
#pragma once

#include "events/event.h"

enum {
	PID = 4711, /* the agent's process, unless of_process() says another */
	NETNS = 77, /* where the connection and the path are */
};

struct endpoint hub_endpoint(void); /* 192.0.2.7:8883 */
struct endpoint own_endpoint(void); /* 10.0.0.5, on interface 2 */

/* A live process of the agent's. */
struct task agent_task(uint32_t pid);

/* ---- the connection `cookie` to the hub; its owner is the current task */

struct event connection_event(enum event_type type, uint64_t cookie, enum tcp_state before,
			      enum tcp_state state);
struct event opened(uint64_t cookie);
struct event established(uint64_t cookie);

/* The same where a control group is watched: the packets of the handshake of TCP were seen. */
struct event established_in_view(uint64_t cookie);

/* The first FIN of an established connection: the agent's, by close(2). */
struct event local_fin(uint64_t cookie);

/* The same, because the process exits with `exit_code`, as wait(2) encodes it. */
struct event dying_fin(uint64_t cookie, uint32_t exit_code);

/* The first FIN of an established connection of that age: the hub's. */
struct event peer_fin(uint64_t cookie, usec_t age);

/* The hub answers the SYN of the connection with a RST. */
struct event refused(uint64_t cookie);

/* ---- names: what a server at 192.0.2.53 is asked, or answers */

struct event lookup(enum lookup_answer answer);

/* ---- the process */

struct event exited(uint32_t exit_code);

/* From the process `sender`, which is none of the agent's. */
struct event signaled(int signal, uint32_t sender);

/* The event as if another process of the agent's had been in it: as the owner and the current task
 * of the connection, or as the process. */
struct event of_process(uint32_t pid, struct event event);

/* ---- the unit, agent.service */

/* `main_pid` 0: there is none. */
struct event unit_is(enum unit_state state, uint32_t main_pid);

/* ---- the path in NETNS: interface 2, named eth0, with own_endpoint()/24 and a default route */

struct event link_is(bool up);
struct event radio_is(enum radio radio, uint16_t reason);
struct event device_is(enum device_state state, uint16_t reason);
struct event address_is(bool up);
struct event default_route_is(bool up);

/* Whether all of the path is told: false before one looks at it, true afterwards. */
struct event path_is_known(bool known);

/* The event as what is there when one looks at the path: it is no news. */
struct event as_found(struct event event);

/* Hands all of the path to `take` as found when one begins to look, the default route only if
 * `online`. */
void path_found(bool online, event_sink take, void *userdata);

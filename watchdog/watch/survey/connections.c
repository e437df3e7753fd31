/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch/survey/connections.h"

#include <errno.h>
#include <stdlib.h>

#include "base/keyed_table.h"
#include "events/socket_look.h"
#include "support/clock.h"

/* How long to wait for the last look at a socket that is gone from the tables and not destroyed: a
 * file still holds it. It died of an error, and the agent has not closed it yet. */
#define DESTRUCTION_TIMEOUT (2 * USEC_PER_SEC)

/* The levels at which the probe tells EVENT_RETRANSMIT: time-outs in a row. */
enum { TIMEOUTS_FIRST = 1, TIMEOUTS_MANY = 3 };

struct followed_connection {
	uint64_t netns;
	uint32_t agent;
	struct task owner;
	struct endpoint local;
	struct endpoint peer;
	struct socket_look last; /* the last look with counters */
	usec_t looked;           /* when that was */
	struct socket_look final;
	bool up;
	bool closing;   /* EVENT_CLOSING is told */
	bool present;   /* in the look under way */
	bool destroyed; /* `final` is there */
	bool time_wait; /* a TIME_WAIT took its place after that */
	uint32_t timeouts_told;
	usec_t missing_since; /* 0: it is there */
};

struct watch_connections {
	struct keyed_table followed; /* struct followed_connection by cookie */
	bool full; /* there was no room for the last connection, and that is told */
	/* during a look */
	event_sink sink;
	void *userdata;
};

/* ---- telling */

static void tell_connection(struct watch_connections *connections, enum event_type type,
			    uint64_t cookie, const struct followed_connection *followed,
			    const struct socket_facts *facts)
{
	struct event event = {
		.type = type,
		.time = clock_now(CLOCK_MONOTONIC),
		.agent = followed->agent,
		.connection = {
			.cookie = cookie,
			.netns = followed->netns,
			.local = followed->local,
			.peer = followed->peer,
			.owner = followed->owner,
			.facts = *facts,
		},
	};

	connections->sink(connections->userdata, &event);
}

static void tell_look(struct watch_connections *connections, enum event_type type,
		      const struct followed_connection *followed)
{
	struct socket_facts facts = socket_look_facts(&followed->last);

	tell_connection(connections, type, followed->last.cookie, followed, &facts);
}

/* ---- one connection, from its first look to its last */

static bool is_open(enum tcp_state state)
{
	return state == TCP_STATE_ESTABLISHED || state == TCP_STATE_SYN_SENT;
}

/* Returns -ENOBUFS if there is no room, and there was for the connection before. */
static int begin_connection(struct watch_connections *connections, uint64_t netns,
			    const struct socket_look *look, const struct socket_holder *holder)
{
	struct followed_connection *followed =
		keyed_table_add(&connections->followed, look->cookie);
	bool had_room = !connections->full;

	connections->full = !followed;
	if (!followed)
		return had_room ? -ENOBUFS : 0;
	*followed = (struct followed_connection){
		.netns = netns,
		.agent = holder->agent,
		.owner = holder->task,
		.local = look->local,
		.peer = look->peer,
		.last = *look,
		.looked = clock_now(CLOCK_MONOTONIC),
		.up = look->state == TCP_STATE_ESTABLISHED,
		.present = true,
	};
	tell_look(connections, followed->up ? EVENT_FOUND : EVENT_OPENED, followed);
	return 0;
}

static void come_up(struct watch_connections *connections, struct followed_connection *followed)
{
	struct socket_facts facts = socket_look_facts(&followed->last);

	if (followed->up)
		return;
	followed->up = true;
	facts.state = TCP_STATE_ESTABLISHED;
	tell_connection(connections, EVENT_ESTABLISHED, followed->last.cookie, followed, &facts);
}

static void note_timeouts(struct watch_connections *connections,
			  struct followed_connection *followed)
{
	uint32_t timeouts = followed->last.retransmit_timeouts;
	uint32_t level = timeouts >= TIMEOUTS_MANY ? TIMEOUTS_MANY : timeouts ? TIMEOUTS_FIRST : 0;

	if (level > followed->timeouts_told)
		tell_look(connections, EVENT_RETRANSMIT, followed);
	else if (!level && followed->timeouts_told)
		tell_look(connections, EVENT_HEALED, followed);
	else
		return;
	followed->timeouts_told = level;
}

static void note_closing(struct watch_connections *connections,
			 struct followed_connection *followed, const struct socket_look *look)
{
	struct socket_facts facts;

	if (followed->closing || !socket_look_closing(look, &facts))
		return;
	come_up(connections, followed);
	followed->closing = true;
	tell_connection(connections, EVENT_CLOSING, look->cookie, followed, &facts);
}

/* A TIME_WAIT has the cookie of the socket in whose place it is, and no counters. */
static void look_again(struct watch_connections *connections, struct followed_connection *followed,
		       const struct socket_look *look)
{
	followed->present = true;
	followed->missing_since = 0;
	if (followed->destroyed) {
		followed->time_wait = true;
		return;
	}
	if (look->counted) {
		followed->last = *look;
		followed->looked = clock_now(CLOCK_MONOTONIC);
	}
	if (look->state == TCP_STATE_ESTABLISHED)
		come_up(connections, followed);
	if (is_open(look->state))
		note_timeouts(connections, followed);
	else
		note_closing(connections, followed, look);
}

static void end_connection(struct watch_connections *connections,
			   struct followed_connection *followed, const struct socket_look *final)
{
	usec_t since = clock_now(CLOCK_MONOTONIC) - followed->looked;
	struct socket_facts facts =
		socket_look_ended(&followed->last, final, followed->time_wait, since);

	if (final && final->bytes_acked > 0) /* at least our SYN was acknowledged */
		come_up(connections, followed);
	tell_connection(connections, EVENT_ENDED, followed->last.cookie, followed, &facts);
	keyed_table_remove(&connections->followed, followed);
}

/* Returns true if another connection uses the socket: only disconnect() allows that. */
static bool is_used_again(const struct followed_connection *followed,
			  const struct socket_look *look)
{
	return look->local.port != followed->local.port || look->peer.port != followed->peer.port;
}

/* ---- a look at everything */

void watch_connections_begin_look(struct watch_connections *connections, event_sink sink,
				  void *userdata)
{
	struct followed_connection *followed = NULL;

	connections->sink = sink;
	connections->userdata = userdata;
	while ((followed = keyed_table_next(&connections->followed, followed)))
		followed->present = false;
}

int watch_connections_take_look(struct watch_connections *connections, uint64_t netns,
				const struct socket_look *look, const struct socket_holder *holder)
{
	static const struct socket_look disconnected;
	struct followed_connection *followed =
		keyed_table_find(&connections->followed, look->cookie);

	if (followed && !followed->destroyed && is_used_again(followed, look)) {
		end_connection(connections, followed, &disconnected);
		followed = NULL;
	}
	if (followed)
		look_again(connections, followed, look);
	else if (holder && is_open(look->state))
		return begin_connection(connections, netns, look, holder);
	return 0;
}

bool watch_connections_take_destroyed(struct watch_connections *connections,
				      const struct socket_look *look)
{
	struct followed_connection *followed =
		keyed_table_find(&connections->followed, look->cookie);

	if (!followed)
		return false;
	followed->final = *look;
	followed->destroyed = true;
	return true;
}

bool watch_connections_end_look(struct watch_connections *connections)
{
	usec_t now = clock_now(CLOCK_MONOTONIC);
	struct followed_connection *followed = NULL;
	bool complete = true;

	while ((followed = keyed_table_next(&connections->followed, followed))) {
		if (followed->destroyed) {
			end_connection(connections, followed, &followed->final);
		} else if (!followed->present && !followed->missing_since) {
			followed->missing_since = now;
			complete = false;
		} else if (!followed->present &&
			   now >= followed->missing_since + DESTRUCTION_TIMEOUT) {
			end_connection(connections, followed, NULL);
		} else {
			complete = complete && followed->present;
		}
	}
	return complete;
}

void watch_connections_sample(struct watch_connections *connections)
{
	const struct event done = { .type = EVENT_SAMPLE_DONE, .time = clock_now(CLOCK_MONOTONIC) };
	struct followed_connection *followed = NULL;

	while ((followed = keyed_table_next(&connections->followed, followed)))
		if (!followed->closing)
			tell_look(connections, EVENT_SAMPLED, followed);
	connections->sink(connections->userdata, &done);
}

/* ---- all of them */

bool watch_connections_none(const struct watch_connections *connections)
{
	return connections->followed.count == 0;
}

bool watch_connections_in(const struct watch_connections *connections, uint64_t netns)
{
	const struct followed_connection *followed = NULL;

	while ((followed = keyed_table_next(&connections->followed, followed)))
		if (followed->netns == netns)
			return true;
	return false;
}

void watch_connections_forget_agent(struct watch_connections *connections, uint32_t agent)
{
	struct followed_connection *followed = NULL;

	while ((followed = keyed_table_next(&connections->followed, followed)))
		if (followed->agent == agent)
			keyed_table_remove(&connections->followed, followed);
}

struct watch_connections *watch_connections_new(uint32_t max)
{
	struct watch_connections *connections = calloc(1, sizeof(*connections));

	if (connections &&
	    keyed_table_init(&connections->followed, max, sizeof(struct followed_connection)) < 0)
		return watch_connections_free(connections);
	return connections;
}

struct watch_connections *watch_connections_free(struct watch_connections *connections)
{
	if (!connections)
		return NULL;
	keyed_table_release(&connections->followed);
	free(connections);
	return NULL;
}

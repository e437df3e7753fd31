/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/attempts.h"

#include <string.h>
#include <sys/socket.h>

/* Between two lookups of one attempt (search domains, a second server), and from the last one to
 * the SYN, there is no more time than this: what is later belongs to another attempt. */
#define LOOKUP_PAUSE (2 * USEC_PER_SEC)

static bool is_new_lookup(const struct attempt *attempt, usec_t time)
{
	return !attempt->asked || (attempt->unfound && time > attempt->unfound + LOOKUP_PAUSE);
}

static void note_found(struct attempt *attempt, usec_t time)
{
	if (!attempt->asked)
		return; /* the second answer, or the question was not reported */
	attempt->found = time;
	attempt->looked_up = time - attempt->asked;
	attempt->asked = attempt->unfound = 0;
}

void attempts_take_lookup(struct agent *agent, const struct event *event)
{
	struct attempt *attempt = &agent->attempt;

	if (event->lookup.answer == LOOKUP_FOUND) {
		note_found(attempt, event->time);
	} else if (event->lookup.answer == LOOKUP_UNCLEAR) {
		return; /* it may have found something, or not */
	} else if (event->lookup.answer != LOOKUP_ASKED) {
		attempt->unfound = event->time;
	} else if (is_new_lookup(attempt, event->time)) {
		attempt->asked = event->time;
		attempt->unfound = 0;
	}
}

void attempts_begin(struct agent *agent, uint64_t cookie, usec_t time)
{
	struct attempt *attempt = &agent->attempt;

	attempt->cookie = cookie;
	memset(attempt->took, 0, sizeof(attempt->took));
	if (attempt->found && time <= attempt->found + LOOKUP_PAUSE)
		attempt->took[RUNG_NAME] = attempt->looked_up;
	attempt->asked = attempt->unfound = attempt->found = 0;
}

void attempts_climbed(struct agent *agent, uint64_t cookie, enum rung rung, usec_t took)
{
	if (agent->attempt.cookie == cookie)
		agent->attempt.took[rung] = took;
}

const usec_t *attempts_took(const struct agent *agent, uint64_t cookie)
{
	return agent->attempt.cookie == cookie ? agent->attempt.took : NULL;
}

void attempts_failed(struct agent *agent, enum rung rung, usec_t time)
{
	struct attempt *attempt = &agent->attempt;

	if (rung == RUNG_NONE || agent->connections_up > 0)
		return;
	if (attempt->failed != rung)
		attempt->failed_since = time;
	attempt->failed = rung;
}

void attempts_succeeded(struct agent *agent)
{
	agent->attempt.failed = RUNG_NONE;
}

/* ---- by address family */

static unsigned family_of(const struct connection *connection)
{
	return connection->peer.family == AF_INET6 ? FAMILY_IPV6 : FAMILY_IPV4;
}

static unsigned other_family(const struct connection *connection)
{
	return family_of(connection) == FAMILY_IPV6 ? FAMILY_IPV4 : FAMILY_IPV6;
}

void attempts_came_up(struct agent *agent, const struct connection *connection, usec_t time)
{
	agent->tries[family_of(connection)] = (struct family_tries){
		.came_up = time,
		.port = connection->peer.port,
	};
}

/* Refused or unreachable: that is an answer. */
void attempts_ended(struct agent *agent, const struct connection *connection,
		    enum ended_by ended_by)
{
	struct family_tries *tries = &agent->tries[family_of(connection)];

	if (ended_by == ENDED_BY_CONNECT_TIMEOUT)
		tries->unanswered++;
	else
		tries->unanswered = 0;
}

struct family_way attempts_way(const struct agent *agent, const struct connection *connection)
{
	const struct family_tries *other = &agent->tries[other_family(connection)];

	return (struct family_way){
		.is_ipv6 = family_of(connection) == FAMILY_IPV6,
		.unanswered = agent->tries[family_of(connection)].unanswered,
		.other_came_up = connection->opened && other->came_up >= connection->opened &&
				 other->port == connection->peer.port,
	};
}

bool attempts_other_unanswered(const struct agent *agent, const struct connection *connection)
{
	return agent->tries[other_family(connection)].unanswered > 0;
}

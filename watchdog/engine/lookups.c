/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/lookups.h"

#include "engine/attempts.h"
#include "engine/outage.h"
#include "engine/outcomes.h"
#include "engine/policy/policy.h"
#include "verdict/names.h"

/* A resolver asks for IPv4 and for IPv6, and tries the name in each search domain
 * (resolv.conf(5)): an answer that found something may follow within this time. */
#define LOOKUP_SETTLES (2 * USEC_PER_SEC)

/* A resolver that gives up after so long has waited for a server (timeout: in resolv.conf(5), and
 * musl's); one that fails at once was told so. */
#define SERVER_PATIENCE (5 * USEC_PER_SEC)

/* Returns when the next deadline is; USEC_INFINITY: there is none. */
static usec_t next_deadline(const struct lookups *lookups)
{
	usec_t silence = lookups->asked ? lookups->asked + NAME_SERVER_SILENCE : USEC_INFINITY;
	usec_t settled = USEC_INFINITY;

	if (lookups->facts.failed)
		settled = lookups->settled ? lookups->last_failed + LOOKUP_LIFETIME
					   : lookups->facts.failing_since + LOOKUP_SETTLES;
	return silence < settled ? silence : settled;
}

static void set_deadline(struct engine *engine, struct agent *agent)
{
	usec_t next = next_deadline(&agent->lookups);

	if (next == USEC_INFINITY)
		deadline_clear(&engine->deadlines, &agent->lookups.deadline);
	else
		deadline_set(&engine->deadlines, &agent->lookups.deadline,
			     usec_later(next, engine->now));
}

/* ---- what failed, and what did not */

static void forget_failures(struct engine *engine, struct agent *agent)
{
	struct lookups *lookups = &agent->lookups;
	bool failing = lookups->settled;

	lookups->facts.failed = 0;
	lookups->settled = false;
	lookups->asked = lookups->questions = 0;
	set_deadline(engine, agent);
	if (failing)
		policy_take_path(engine);
}

/* `since`: when the lookup was asked, or answered. */
static void note_failure(struct agent *agent, enum lookup_answer answer, unsigned count,
			 usec_t since, usec_t time)
{
	struct lookups *lookups = &agent->lookups;

	if (!lookups->facts.failed)
		lookups->facts.failing_since = since;
	lookups->facts.failed += count;
	lookups->facts.answer = answer;
	lookups->last_failed = time;
	lookups->asked = lookups->questions = 0;
	agent->last_tried = usec_later(agent->last_tried, time);
}

static bool is_failure(enum lookup_answer answer)
{
	return answer == LOOKUP_EMPTY || answer == LOOKUP_NOT_FOUND || answer == LOOKUP_FAILED ||
	       answer == LOOKUP_REFUSED;
}

/* Packets and the agent's C library may tell of one lookup, which counts once: packets know more.
 */
static bool is_told_twice(struct lookups *lookups, const struct event *event)
{
	if (event->lookup.by_library)
		return lookups->on_wire && event->time < lookups->on_wire + NAME_SERVER_SILENCE;
	if (!lookups->on_wire)
		lookups->asked = lookups->questions = 0;
	lookups->on_wire = event->time;
	return false;
}

static void note_found(struct engine *engine, struct agent *agent, const struct event *event)
{
	struct lookups *lookups = &agent->lookups;

	lookups->facts.some_found = true;
	lookups->facts.server_found = lookups->facts.server_found || !event->lookup.by_library;
	lookups->found = event->time;
	forget_failures(engine, agent);
}

static void note_answer(struct agent *agent, const struct event *event)
{
	const struct lookups *lookups = &agent->lookups;
	usec_t time = event->time;

	if (lookups->found && time <= lookups->found + LOOKUP_SETTLES)
		return;
	if (event->lookup.by_library && event->lookup.answer == LOOKUP_FAILED && lookups->asked &&
	    time >= lookups->asked + SERVER_PATIENCE)
		note_failure(agent, LOOKUP_ASKED, 1, lookups->asked, time);
	else
		note_failure(agent, event->lookup.answer, 1, time, time);
}

/* The server is not silent; the agent tries, and whether it found something is not known. */
static void note_unclear(struct agent *agent, usec_t time)
{
	agent->lookups.asked = agent->lookups.questions = 0;
	agent->last_tried = usec_later(agent->last_tried, time);
}

void lookups_take(struct engine *engine, const struct event *event)
{
	struct agent *agent = state_agent(engine, event->agent);
	enum lookup_answer answer = event->lookup.answer;
	struct lookups *lookups;

	if (!agent)
		return;
	agent->lookups_seen = true;
	agent->lookups_seen_inside = agent->lookups_seen_inside || event->lookup.by_library;
	outcomes_agent_is_there(engine, agent, event->time);
	attempts_take_lookup(agent, event);
	lookups = &agent->lookups;
	if (agent->connections_up > 0 || is_told_twice(lookups, event))
		return;
	lookups->facts.server = event->lookup.server;
	lookups->facts.by_library = event->lookup.by_library;
	if (answer == LOOKUP_FOUND) {
		note_found(engine, agent, event);
	} else if (answer == LOOKUP_ASKED) {
		lookups->asked = lookups->asked ?: event->time;
		lookups->questions++;
	} else if (is_failure(answer)) {
		note_answer(agent, event);
	} else if (answer == LOOKUP_UNCLEAR) {
		note_unclear(agent, event->time);
	}
	set_deadline(engine, agent);
}

void lookups_succeeded(struct engine *engine, struct agent *agent, bool up)
{
	struct lookups *lookups = &agent->lookups;

	forget_failures(engine, agent);
	if (!up)
		return;
	lookups->found = lookups->on_wire = 0;
	lookups->facts.some_found = lookups->facts.server_found = false;
	lookups->reported = CAUSE_UNKNOWN;
	if (agent->connections_up > 0)
		return;
	if (!agent->lookups_seen)
		agent->came_up_by_lookup = 0;
	else if (agent->lookups_seen_inside)
		agent->came_up_by_lookup = LOOKUPS_TRUSTED;
	else if (agent->came_up_by_lookup < LOOKUPS_TRUSTED)
		agent->came_up_by_lookup++;
	agent->lookups_seen = agent->lookups_seen_inside = false;
}

bool lookups_may_hide(const struct agent *agent)
{
	return agent->lookups_hide && !agent->lookups_seen &&
	       agent->came_up_by_lookup < LOOKUPS_TRUSTED;
}

/* ---- what is reported */

/* The path to the last peer; to the name server if the agent has not had a peer yet. */
static struct path_view path_of(const struct engine *engine, const struct agent *agent)
{
	static const struct endpoint any;
	const struct endpoint *far =
		agent->last_peer.family ? &agent->last_peer : &agent->lookups.facts.server;
	struct path_view view;

	path_look(&engine->path, agent->last_netns, &any, far, agent->lookups.facts.failing_since,
		  engine->now, &view);
	return view;
}

/* Lookups that fail are reported once an outage for each cause: the next cause is a change. */
static void report(struct engine *engine, struct agent *agent)
{
	const struct circumstances given = {
		.settings = agent->settings,
		.mode = agent->mode,
		.time = engine->now,
		.no_connection = true,
		.lookups = &agent->lookups.facts,
		.path = path_of(engine, agent),
	};
	struct record record;

	outcomes_begin_record(agent, RECORD_STALLED, engine->now, &record);
	record.peer = agent->last_peer;
	record.netns = agent->last_netns;
	record.downtime = agent->down_since ? engine->now - agent->down_since : 0;
	verdict_on_lookups(&given, &record.verdict);
	if (record.verdict.cause == agent->lookups.reported)
		return;
	agent->lookups.reported = record.verdict.cause;
	outage_begin(engine, agent, agent->lookups.facts.failing_since);
	outage_take_verdict(agent, &record);
	outcomes_send_record(engine, &record);
	policy_apply(engine, agent, &record);
}

void lookups_due(struct engine *engine, struct agent *agent)
{
	struct lookups *lookups = &agent->lookups;

	if (lookups->asked && engine->now >= lookups->asked + NAME_SERVER_SILENCE)
		note_failure(agent, LOOKUP_ASKED, lookups->questions, lookups->asked, engine->now);
	if (lookups->facts.failed && engine->now >= lookups->last_failed + LOOKUP_LIFETIME) {
		forget_failures(engine, agent);
		return;
	}
	if (lookups->facts.failed && engine->now >= lookups->facts.failing_since + LOOKUP_SETTLES) {
		lookups->settled = true;
		attempts_failed(agent, RUNG_NAME, lookups->facts.failing_since);
		report(engine, agent);
	}
	set_deadline(engine, agent);
}

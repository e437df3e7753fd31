/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/state.h"

#include <signal.h>
#include <string.h>

#include "verdict/rules_process.h"

/* ---- tables that agents share */

/* NULL for a single agent, which has all to itself. */
static struct share *share_of(struct engine *engine, const struct keyed_table *table)
{
	if (engine->limits.agents == 1)
		return NULL;
	return table == &engine->connections ? &engine->connections_share
					     : &engine->processes_share;
}

void *state_add(struct engine *engine, struct keyed_table *table, uint64_t key, uint32_t number)
{
	struct share *share = share_of(engine, table);
	void *entry;

	if (share && !share_take(share, number))
		return NULL;
	entry = keyed_table_add(table, key);
	if (!entry && share)
		share_give(share, number);
	return entry;
}

void state_remove(struct engine *engine, struct keyed_table *table, void *entry, uint32_t number)
{
	struct share *share = share_of(engine, table);

	if (share)
		share_give(share, number);
	keyed_table_remove(table, entry);
}

/* ---- agents */

struct agent *state_agent(const struct engine *engine, uint32_t number)
{
	if (number == 0 || number > engine->limits.agents || !engine->agents[number].settings)
		return NULL;
	return &engine->agents[number];
}

uint32_t state_agent_number(const struct engine *engine, const struct agent *agent)
{
	return (uint32_t)(agent - engine->agents);
}

bool state_agent_lives(const struct engine *engine, uint32_t number)
{
	const struct tracked_process *process = NULL;

	while ((process = keyed_table_next(&engine->processes, process)))
		if (process->facts.agent == number && !process->facts.exited)
			return true;
	return false;
}

/* ---- processes */

struct tracked_process *state_process(const struct engine *engine, uint32_t pid)
{
	return pid ? keyed_table_find(&engine->processes, pid) : NULL;
}

struct task state_owner(const struct connection *connection)
{
	const struct owner *owner = &connection->owner;
	struct task task = {
		.pid = owner->pid,
		.in_agent = owner->in_agent,
		.started = owner->started,
	};

	memcpy(task.comm, owner->comm, sizeof(task.comm));
	return task;
}

/* NULL: the owner is not tracked. */
static const struct process *owner_of(const struct engine *engine,
				      const struct connection *connection)
{
	const struct tracked_process *process = state_process(engine, connection->owner.pid);

	return process ? &process->facts : NULL;
}

/* So many processes of an agent may hand a request on to one another: an init, a shell, a launcher.
 */
enum { HANDED_ON_MOST = 8 };

/* What asked `process` to end: a service manager sends SIGHUP right behind SIGTERM (SendSIGHUP= of
 * systemd.kill(5)), and that alone might mean no more than a reload. */
static const struct signal_facts *stop_of(const struct process *process,
					  const struct circumstances *circumstances)
{
	const struct signal_facts *stop = process_stop_by(process, circumstances->time);
	const struct signal_facts *before = &process->stop_before;

	if (stop && stop->number == SIGHUP && stop != before && before->number) {
		struct circumstances with_before = *circumstances;

		with_before.stop = before;
		if (asks_to_end(&with_before))
			return before;
	}
	return stop ?: &process->fatal;
}

static bool another_had_exited(const struct engine *engine, const struct process *process)
{
	const struct tracked_process *other;
	usec_t killed = process ? process->fatal.time : 0;

	TAILQ_FOREACH(other, &engine->exited, in_exited)
	if (killed && &other->facts != process && other->facts.agent == process->agent &&
	    other->facts.exited_at <= killed && killed <= other->facts.exited_at + VERDICT_WAIT)
		return true;
	return false;
}

void state_find_stop(const struct engine *engine, struct circumstances *circumstances)
{
	const struct process *process = circumstances->process;

	circumstances->another_had_exited = another_had_exited(engine, process);
	for (unsigned i = 0; process && i < HANDED_ON_MOST; i++) {
		const struct signal_facts *stop = stop_of(process, circumstances);
		const struct tracked_process *sender;

		if (!stop->number || (stop == &process->fatal && !stop->sender.in_agent))
			return;
		if (!stop->sender.in_agent) {
			circumstances->stop = stop;
			circumstances->stop_was_handed_on = i > 0;
			return;
		}
		sender = state_process(engine, stop->sender.pid);
		process = sender && &sender->facts != process ? &sender->facts : NULL;
	}
}

/* ---- connections */

struct connection *state_connection(const struct engine *engine, uint64_t cookie)
{
	return keyed_table_find(&engine->connections, cookie);
}

bool state_has_open_connection(const struct engine *engine, uint32_t pid)
{
	const struct connection *connection = NULL;

	while ((connection = keyed_table_next(&engine->connections, connection)))
		if (!connection->ended && connection->owner.pid == pid)
			return true;
	return false;
}

bool state_is_orphan(const struct engine *engine, const struct connection *connection)
{
	const struct process *owner = owner_of(engine, connection);

	return owner && owner->exited && !state_agent_lives(engine, connection->agent);
}

bool state_orphans_open(const struct engine *engine)
{
	const struct connection *connection = NULL;

	while ((connection = keyed_table_next(&engine->connections, connection)))
		if (!connection->ended && state_is_orphan(engine, connection))
			return true;
	return false;
}

/* ---- the path */

/* The peer was last heard of when its last data came, or when it had acknowledged all that was
 * sent. */
struct path_view state_path(const struct engine *engine, const struct connection *connection,
			    const struct socket_facts *socket, usec_t time)
{
	usec_t unheard = connection->up ? socket->idle_rx : socket->age;
	struct path_view view;

	if (connection->up && socket->unacked_bytes == 0 && socket->idle_tx < unheard)
		unheard = socket->idle_tx;
	path_look(&engine->path, connection->netns, &connection->local, &connection->peer,
		  time - (unheard < time ? unheard : time), time, &view);
	return view;
}

/* From whatever local address: that of a container has no meaning there. */
static bool host_path_stayed(const struct engine *engine, const struct connection *connection,
			     const struct socket_facts *socket, usec_t time)
{
	usec_t unheard = socket->idle_rx < time ? socket->idle_rx : time;
	struct path_view view;

	if (!(socket->tracking & TRACKING_NAT))
		return false;
	path_look(&engine->path, engine->own_netns, &(struct endpoint){ 0 }, &connection->peer,
		  time - unheard, time, &view);
	return view.known && view.covered && view.routes_known && path_part_stayed(&view.route) &&
	       *view.interface && path_part_stayed(&view.link) && path_part_stayed(&view.radio);
}

/* What the connection showed, and the host's clock at `time`. */
static struct certificate_facts certificate_of(const struct agent *agent,
					       const struct connection *connection, usec_t time)
{
	struct certificate_facts facts = agent->certificate.facts;

	if (agent->certificate.cookie != connection->cookie)
		return (struct certificate_facts){ 0 };
	if (time > agent->certificate.seen)
		facts.now += (time - agent->certificate.seen) / USEC_PER_SEC;
	return facts;
}

struct circumstances state_circumstances(const struct engine *engine,
					 const struct connection *connection,
					 const struct socket_facts *socket, usec_t time)
{
	static const struct mqtt_facts no_mqtt = { 0 };
	static const struct tls_facts no_tls = { 0 };
	static const struct login_facts no_login = { 0 };
	/* A connection never outlives its agent: connections_forget_agent(). */
	const struct agent *agent = &engine->agents[connection->agent];

	return (struct circumstances){
		.settings = agent->settings,
		.mode = agent->mode,
		.socket = socket,
		.mqtt = &no_mqtt,
		.tls = &no_tls,
		.login = &no_login,
		.time = time,
		.came_up = connection->up,
		.token_ends = agent->token.cookie == connection->cookie ? agent->token.ends : 0,
		.certificate = certificate_of(agent, connection, time),
		.x509_error = agent->verified.cookie == connection->cookie
				      ? agent->verified.x509_error
				      : 0,
		.process = owner_of(engine, connection),
		.unit = agent->has_unit ? &agent->unit : NULL,
		.past_sessions = &agent->past_sessions,
		.stalled = connection->stalled,
		.may_have_starved = connection->may_starve,
		.kept_alive = connection->kept_alive,
		.icmp_error_came = socket->soft_error || connection->icmp_error,
		.path = state_path(engine, connection, socket, time),
		.host_path_stayed = host_path_stayed(engine, connection, socket, time),
	};
}

/* From whatever local address. */
static struct path_view path_at(const struct engine *engine, uint64_t netns,
				const struct endpoint *peer, usec_t time)
{
	struct path_view path;

	path_look(&engine->path, netns, &(struct endpoint){ 0 }, peer, time, time, &path);
	return path;
}

struct path_view state_path_now(const struct engine *engine, uint64_t netns,
				const struct endpoint *peer)
{
	return path_at(engine, netns, peer, engine->now);
}

bool state_is_offline(const struct engine *engine, uint64_t netns, const struct endpoint *peer,
		      usec_t time)
{
	const struct path_view path = path_at(engine, netns, peer, time);

	return path.known && path.routes_known &&
	       (!path.route.there || (*path.interface && !(path.link.there && path.radio.there)));
}

bool state_route_is_missing(const struct engine *engine, uint64_t netns,
			    const struct endpoint *peer, usec_t time)
{
	const struct path_view path = path_at(engine, netns, peer, time);

	return path.known && path.routes_known && !path.route.there && !path.route.doubtful;
}

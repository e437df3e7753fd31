#include <string.h>

#include "engine_state.h"

/* The unit's name is known before systemd has told anything about it. */
static void name_unit(struct agent *agent)
{
	const struct agent_settings *settings = agent->settings;

	for (unsigned i = 0; i < settings->match_count && !agent->has_unit; i++)
		if (settings->matches[i].type == MATCH_UNIT)
			memcpy(agent->unit.unit, settings->matches[i].value,
			       sizeof(agent->unit.unit));
}

static void take_watching(struct engine *engine, const struct event *event)
{
	struct agent *agent;
	struct record record;
	bool news;

	if (event->agent == 0 || event->agent > engine->limits.agents)
		return;
	agent = &engine->agents[event->agent];
	news = !agent->settings;
	agent->deadline.kind = DEADLINE_OF_AGENT;
	agent->settings = event->watching.settings;
	agent->mode = engine->mode = event->watching.mode;
	agent->actions_held = event->watching.actions_held;
	name_unit(agent);
	if (!news)
		return;
	agent->caught_up = !event->watching.catching_up;
	engine_record_begin(agent, RECORD_WATCHING, event->time, &record);
	engine_record_out(engine, &record);
}

static void take_unit(struct engine *engine, const struct event *event)
{
	struct agent *agent = engine_agent(engine, event->agent);

	if (!agent)
		return;
	agent->has_unit = event->unit.state != UNIT_UNKNOWN;
	agent->unit = event->unit;
	endings_reconsider_agent(engine, event->agent);
	policy_take_unit(engine, agent);
}

static void take_gone(struct engine *engine, uint32_t number)
{
	if (!engine_agent(engine, number))
		return;
	deadline_clear(&engine->deadlines, &engine->agents[number].deadline);
	deadline_clear(&engine->deadlines, &engine->agents[number].plan.deadline);
	connections_forget_agent(engine, number);
	processes_forget_agent(engine, number);
	engine->agents[number] = (struct agent){ 0 };
}

static bool not_reconnecting_is_dealt_with(const struct agent *agent)
{
	bool nothing_to_do = agent->settings->policy[CAUSE_AGENT_NOT_RECONNECTING].count == 0;

	return agent->not_reconnecting_done || (agent->not_reconnecting_told && nothing_to_do);
}

static void expect_reconnect(struct engine *engine, struct agent *agent)
{
	usec_t timeout = agent->settings->reconnect_timeout;

	if (timeout != USEC_INFINITY)
		deadline_set(&engine->deadlines, &agent->deadline, agent->down_since + timeout);
}

/* Without sight of what is open, it cannot be told whether the agent is without a connection. */
static void take_caught_up(struct engine *engine, const struct event *event)
{
	struct agent *agent = engine_agent(engine, event->agent);

	if (!agent)
		return;
	agent->caught_up = true;
	agent->blind = event->blind;
	if (agent->blind)
		agent->down_since = agent->attempts = 0;
	if (agent->down_since && !not_reconnecting_is_dealt_with(agent))
		expect_reconnect(engine, agent);
	policy_go_on(engine, agent);
}

void agents_take(struct engine *engine, const struct event *event)
{
	switch (event->type) {
	case EVENT_AGENT:
		take_watching(engine, event);
		break;
	case EVENT_AGENT_GONE:
		take_gone(engine, event->agent);
		break;
	case EVENT_UNIT:
		take_unit(engine, event);
		break;
	case EVENT_CAUGHT_UP:
		take_caught_up(engine, event);
		break;
	default:
		break;
	}
}

void agents_connection_up(struct engine *engine, struct agent *agent,
			  const struct connection *connection, usec_t time)
{
	const struct action *action = policy_recovered(engine, agent, time);
	struct record record;

	deadline_clear(&engine->deadlines, &agent->deadline);
	if (time < agent->down_since) /* another one ended then, this one did not */
		agent->down_since = agent->attempts = 0;
	if (agent->connections_up++ > 0 || !agent->down_since)
		return;
	engine_record_begin(agent, RECORD_RECOVERED, time, &record);
	connections_describe(connection, &record);
	record.downtime = time - agent->down_since;
	record.attempts = agent->attempts + 1;
	if (action) {
		record.action = *action;
		record.action_result = action_outcome_to_string(ACTION_HELPED);
	}
	agent->down_since = 0;
	agent->attempts = 0;
	engine_record_out(engine, &record);
}

static bool is_alive(struct engine *engine, const struct agent *agent)
{
	if (!agent->has_unit)
		return engine_agent_alive(engine, agent - engine->agents);
	return agent->unit.state == UNIT_ACTIVE && strcmp(agent->unit.job, "stop") != 0;
}

static usec_t later(usec_t a, usec_t b)
{
	return a > b ? a : b;
}

/* When the agent last tried to connect, or began to live. One that is dead may be alive in a
 * second. */
static usec_t silent_since(struct engine *engine, const struct agent *agent)
{
	const struct tracked_process *main = processes_find(engine, agent->unit.main_pid);
	usec_t lives_since = main ? main->facts.execed : agent->command_since;

	if (!is_alive(engine, agent))
		return engine->now + USEC_PER_SEC;
	return later(later(agent->last_tried, lives_since), agent->down_since);
}

/* Without a route it may have had its reasons not to try. */
static void describe_not_reconnecting(struct engine *engine, const struct agent *agent,
				      struct record *record)
{
	struct verdict *verdict = &record->verdict;

	record->peer = agent->last_peer;
	record->netns = agent->last_netns;
	record->downtime = engine->now - agent->down_since;
	verdict->cause = CAUSE_AGENT_NOT_RECONNECTING;
	verdict->confidence = CONFIDENCE_PROVED;
	tokens_add(&verdict->evidence, "down_sec=%llu",
		   (unsigned long long)(record->downtime / USEC_PER_SEC));
	tokens_add(&verdict->evidence, "attempts=%u", agent->attempts);
	if (engine_route_is_missing(engine, record->netns, &record->peer, engine->now)) {
		tokens_add(&verdict->evidence, "route=none-to-the-last-peer");
		verdict->confidence = CONFIDENCE_LIKELY;
	}
	if (agent->mode == MODE_SOCK_DIAG) /* attempts may have failed between two looks */
		verdict->confidence = CONFIDENCE_SUSPECTED;
}

/* Alive, and without a connection for longer than it should take to come back: it forgot to try, or
 * cannot any more. Whoever does try is told of by each attempt's own verdict, as long as it does;
 * whoever is dead may come to life. While something is being done about another trouble, it is told
 * and has to wait: see agents_plan_ended(). */
void agents_due(struct engine *engine, struct agent *agent)
{
	usec_t due = silent_since(engine, agent) + agent->settings->reconnect_timeout;
	struct record record;

	if (!agent->down_since || agent->settings->reconnect_timeout == USEC_INFINITY)
		return;
	if (due > engine->now) {
		deadline_set(&engine->deadlines, &agent->deadline, due);
		return;
	}
	engine_record_begin(agent, RECORD_STALLED, engine->now, &record);
	describe_not_reconnecting(engine, agent, &record);
	tokens_add(&record.verdict.ruled_out, "agent-exit=process-lives");
	if (!agent->not_reconnecting_told)
		engine_record_out(engine, &record);
	agent->not_reconnecting_told = true;
	policy_apply(engine, agent, &record);
}

void agents_plan_ended(struct engine *engine, struct agent *agent)
{
	if (agent->caught_up && agent->down_since && agent->not_reconnecting_told &&
	    !not_reconnecting_is_dealt_with(agent))
		deadline_set(&engine->deadlines, &agent->deadline, engine->now);
}

void agents_take_command(struct engine *engine, const struct event *event)
{
	struct agent *agent = engine_agent(engine, event->agent);

	if (!agent)
		return;
	agent->command = event->process.task.pid;
	agent->command_since = event->time;
}

/* The policy for its end holds whether or not it had a connection. One that is still open will be
 * closed, and its verdict tells. */
void agents_take_exit(struct engine *engine, const struct process *process)
{
	struct agent *agent = engine_agent(engine, process->agent);
	struct record record;

	if (!agent || process->task.pid != agent->command ||
	    connections_has_open(engine, agent->command))
		return;
	engine_record_begin(agent, RECORD_ACTION, process->exited_at, &record);
	record.process = process->task;
	record.peer = agent->last_peer;
	record.netns = agent->last_netns;
	verdict_on_exit(&(struct circumstances){ .settings = agent->settings,
						 .mode = agent->mode,
						 .time = process->exited_at,
						 .process = process,
						 .agent_stop = &agent->stop },
			&record.verdict, &record.exit);
	policy_take_exit(engine, agent, &record);
}

void agents_connection_opened(struct agent *agent, usec_t time)
{
	agent->last_opened = agent->last_tried = time;
	history_reopen(&agent->history, time);
}

void agents_connection_down(struct engine *engine, struct agent *agent,
			    const struct connection *connection, usec_t time)
{
	if (!connection->up) {
		agent->attempts++;
		return;
	}
	if (--agent->connections_up > 0)
		return;
	agent->down_since = time;
	agent->not_reconnecting_told = agent->not_reconnecting_done = false;
	expect_reconnect(engine, agent);
}

void agents_recall_end(struct agent *agent, const struct history_trouble_event *past, usec_t time)
{
	if (!past->came_up) {
		agent->attempts++;
		return;
	}
	agent->down_since = time;
	agent->attempts = past->attempts;
	agent->not_reconnecting_told = agent->not_reconnecting_done = false;
}

void agents_recall_not_reconnecting(struct agent *agent)
{
	agent->not_reconnecting_told = true;
}

/* No restart storm is possible: a million random events, and after each the promises of the policy
 * are checked on what came out. The seed is fixed; POLICY_SEED= and POLICY_EVENTS= change the run.
 */
#include "core/engine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

enum { AGENTS = 3, COOKIES = 12, PIDS = 6, NETNS = 77, ORDERS_KEPT = 256, RENEWAL_AGE = 2880 };

struct world {
	struct engine *engine;
	struct agent_settings settings[AGENTS + 1];
	usec_t now;
	uint64_t random;
	bool offline;
	uint32_t awaited[AGENTS + 1]; /* order whose result is due */
	/* what came out */
	usec_t ordered[AGENTS + 1][ORDERS_KEPT];
	unsigned orders[AGENTS + 1];
	bool announced; /* the last outcome was the record of an action that starts */
	enum action_type announced_type;
	unsigned broken_promises;
	const char *broken;
};

static void promise(struct world *world, bool kept, const char *what)
{
	if (kept)
		return;
	world->broken_promises++;
	world->broken = what;
}

/* xorshift64*: the same stream on every machine. */
static uint32_t any(struct world *world, uint32_t below)
{
	world->random ^= world->random >> 12;
	world->random ^= world->random << 25;
	world->random ^= world->random >> 27;
	return (uint32_t)((world->random * UINT64_C(0x2545F4914F6CDD1D)) >> 33) % below;
}

static void check_limit(struct world *world, uint32_t agent)
{
	const struct agent_settings *settings = &world->settings[agent];
	unsigned in_interval = 0;

	for (unsigned i = 0; i < ORDERS_KEPT && i < world->orders[agent]; i++)
		if (world->now - world->ordered[agent][i] <= settings->limit_interval)
			in_interval++;
	promise(world, in_interval <= settings->limit_burst, "at most Burst in any Interval");
}

static void take_order(struct world *world, const struct order *order)
{
	promise(world, world->announced && world->announced_type == order->action.type,
		"the record comes before the effect");
	promise(world, !world->offline, "none while offline");
	promise(world, order->cause != CAUSE_AGENT_STOPPED, "none for a planned stop");
	promise(world, order->cause != CAUSE_TOKEN_RENEWAL, "none for a token's renewal");
	promise(world, !world->awaited[order->agent], "one at a time");
	world->awaited[order->agent] = order->number;
	world->ordered[order->agent][world->orders[order->agent]++ % ORDERS_KEPT] = world->now;
	check_limit(world, order->agent);
}

static void take_record(struct world *world, const struct record *record)
{
	world->announced = record->kind == RECORD_ACTION && record->action_result &&
			   strcmp(record->action_result, "starting") == 0;
	world->announced_type = record->action.type;
}

static void take(void *userdata, const struct outcome *outcome)
{
	struct world *world = userdata;

	switch (outcome->type) {
	case OUTCOME_RECORD:
		take_record(world, outcome->record);
		break;
	case OUTCOME_ORDER:
		take_order(world, &outcome->order);
		world->announced = false;
		break;
	case OUTCOME_SAMPLE:
		break;
	}
}

/* ---- random events */

static struct task any_task(struct world *world, uint32_t agent)
{
	struct task task = { .pid = agent * 100 + any(world, PIDS) + 1, .in_agent = true };

	task.exiting = any(world, 6) == 0;
	task.exit_code = any(world, 2) ? any(world, 32) : any(world, 4) << 8;
	strcpy(task.comm, "agent");
	return task;
}

static void any_connection(struct world *world, struct event *event)
{
	static const enum event_type types[] = {
		EVENT_OPENED, EVENT_ESTABLISHED, EVENT_ESTABLISHED, EVENT_CLOSING, EVENT_ENDED,
		EVENT_ENDED,  EVENT_RETRANSMIT,  EVENT_HEALED,      EVENT_SAMPLED
	};
	static const uint16_t errors[] = {
		0, 0, ECONNRESET, ETIMEDOUT, ECONNREFUSED, EHOSTUNREACH, ECONNABORTED
	};
	struct connection_event *connection = &event->connection;
	struct socket_facts *facts = &connection->facts;

	event->type = types[any(world, sizeof(types) / sizeof(*types))];
	connection->cookie = 1 + any(world, COOKIES / AGENTS) * AGENTS + (event->agent - 1);
	connection->netns = NETNS;
	connection->peer =
		(struct endpoint){ .family = AF_INET, .port = 8883, .address = { 192, 0, 2, 7 } };
	connection->owner = any_task(world, event->agent);
	connection->current = any_task(world, event->agent);
	facts->state_before = any(world, 3) ? TCP_STATE_ESTABLISHED : TCP_STATE_SYN_SENT;
	facts->state = event->type == EVENT_CLOSING
			       ? (any(world, 2) ? TCP_STATE_FIN_WAIT1 : TCP_STATE_CLOSE_WAIT)
			       : TCP_STATE_CLOSE;
	facts->error = errors[any(world, sizeof(errors) / sizeof(*errors))];
	facts->reset_received = any(world, 2);
	facts->shutdown = any(world, 4);
	facts->retransmit_timeouts = any(world, 5);
	facts->unacked_bytes = any(world, 2) * 10;
	facts->unread_bytes = any(world, 2) * 10;
	facts->bytes_received = 100;
	facts->age = (any(world, 4) ? RENEWAL_AGE : any(world, 7200)) * USEC_PER_SEC;
	facts->idle_rx = any(world, 300) * USEC_PER_SEC;
	facts->idle_tx = any(world, 300) * USEC_PER_SEC;
}

static void any_process(struct world *world, struct event *event)
{
	static const int signals[] = { SIGTERM, SIGKILL, SIGSEGV, SIGSTOP, SIGCONT };

	event->type = EVENT_STARTED + any(world, EVENT_EXITED - EVENT_STARTED + 1);
	event->process.task = any_task(world, event->agent);
	event->process.signal = signals[any(world, sizeof(signals) / sizeof(*signals))];
	event->process.sender.pid = any(world, 3);
	event->process.oom = any(world, 20) == 0;
}

static void any_unit(struct world *world, struct event *event)
{
	static const char *const results[] = { "success", "signal", "timeout", "watchdog",
					       "start-limit-hit" };

	event->type = EVENT_UNIT;
	strcpy(event->unit.unit, "agent.service");
	event->unit.state = any(world, 2) ? UNIT_ACTIVE : any(world, UNIT_STATE_MAX);
	strcpy(event->unit.result, results[any(world, any(world, 3) ? 1 : 5)]);
	event->unit.main_pid = any_task(world, event->agent).pid;
}

static void any_result(struct world *world, struct event *event)
{
	event->type = EVENT_ACTION_RESULT;
	event->action_result.order = any(world, 4) ? world->awaited[event->agent] : any(world, 9);
	event->action_result.error = any(world, 3) ? 0 : -EPERM;
	if (event->action_result.order == world->awaited[event->agent])
		world->awaited[event->agent] = 0;
}

/* The default route comes and goes. */
static void any_route(struct world *world, struct event *event)
{
	world->offline = !world->offline;
	event->agent = 0;
	event->type = EVENT_ROUTE;
	event->path = (struct path_event){
		.netns = NETNS,
		.interface = 2,
		.up = !world->offline,
		.address = { .family = AF_INET },
		.gateway = { .family = AF_INET, .address = { 10, 0, 0, 1 } },
		.table = 254, /* RT_TABLE_MAIN */
	};
}

static void any_event(struct world *world, struct event *event)
{
	event->agent = 1 + any(world, AGENTS);
	switch (any(world, 16)) {
	case 0:
	case 1:
		any_process(world, event);
		break;
	case 2:
		any_unit(world, event);
		break;
	case 3:
	case 4:
	case 5:
		any_result(world, event);
		break;
	case 6:
		any_route(world, event);
		break;
	case 7:
		event->type = EVENT_TIME;
		break;
	default:
		any_connection(world, event);
		break;
	}
}

/* ---- the run */

static void step(struct world *world, struct event *event)
{
	event->time = world->now;
	engine_step(world->engine, event, take, world);
}

static void tell_path(struct world *world, enum event_type type, bool up)
{
	struct event event = { .type = type,
			       .path = { .netns = NETNS,
					 .interface = 2,
					 .up = up,
					 .initial = true,
					 .interface_name = "eth0" } };

	step(world, &event);
}

static void begin(struct world *world, uint64_t seed)
{
	struct engine_limits limits = {
		.agents = AGENTS, .connections = 64, .processes = 64, .namespaces = 4
	};

	*world = (struct world){ .now = USEC_PER_HOUR, .random = seed, .offline = true };
	CU_ASSERT_EQUAL_FATAL(engine_new(&world->engine, &limits), 0);
	tell_path(world, EVENT_NAMESPACE, false);
	tell_path(world, EVENT_LINK, true);
	tell_path(world, EVENT_NAMESPACE, true);
	for (uint32_t agent = 1; agent <= AGENTS; agent++) {
		struct agent_settings *settings = &world->settings[agent];
		struct event event = { .type = EVENT_AGENT, .agent = agent };

		agent_settings_defaults(settings, "agent");
		settings->name[0] += agent;
		settings->limit_burst = agent;
		settings->limit_interval = 10 * USEC_PER_MINUTE;
		settings->token_lifetime = USEC_PER_HOUR;
		settings->escalate_after = 20 * USEC_PER_SEC;
		for (enum cause cause = 0; cause < CAUSE_MAX; cause++)
			settings->policy[cause] = (struct policy_steps){
				.steps = { { .type = ACTION_ABORT_CONNECTION + agent % 2 },
					   { .type = ACTION_RESTART } },
				.count = 2,
			};
		event.watching.settings = settings;
		step(world, &event);
	}
}

static unsigned long from_environment(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 10) : otherwise;
}

static void test_promises(void)
{
	unsigned long events = from_environment("POLICY_EVENTS", 100000);
	struct world world;
	unsigned orders = 0;

	begin(&world, from_environment("POLICY_SEED", 1) | 1);
	for (unsigned long i = 0; i < events && !world.broken_promises; i++) {
		struct event event = { 0 };

		/* What is due happens when it is due, as the daemon's timer sees to. */
		world.now += any(&world, 2) ? any(&world, 2000) : any(&world, 2000000);
		while (engine_deadline(world.engine) <= world.now) {
			struct event due = { .type = EVENT_TIME };
			usec_t now = world.now;

			world.now = engine_deadline(world.engine);
			step(&world, &due);
			world.now = now;
		}
		any_event(&world, &event);
		step(&world, &event);
	}
	CHECK(world.broken_promises == 0, world.broken ?: "");
	for (uint32_t agent = 1; agent <= AGENTS; agent++)
		orders += world.orders[agent];
	CHECK(orders > 100, "the run acted at all");
	engine_free(world.engine);
}

SUITE("policy_property", { "no promise is broken", test_promises })

/* The operator holds an agent's actions, and lets go again. */
#include "core/engine.h"
#include "core/verdict.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "suite.h"

struct seen {
	unsigned held;
	unsigned orders;
};

static void look(void *userdata, const struct outcome *outcome)
{
	struct seen *seen = userdata;

	if (outcome->type == OUTCOME_ORDER)
		seen->orders++;
	else if (outcome->type == OUTCOME_RECORD && outcome->record->action_held_by &&
		 strcmp(outcome->record->action_held_by, "operator") == 0)
		seen->held++;
}

/* The peer refuses a connection. */
static void refuse(struct engine *engine, uint64_t cookie, usec_t time, struct seen *seen)
{
	struct event event = {
		.type = EVENT_OPENED,
		.time = time,
		.agent = 1,
		.connection = {
			.cookie = cookie,
			.peer = { .family = AF_INET, .port = 8883, .address = { 192, 0, 2, 7 } },
			.facts = { .state = TCP_STATE_SYN_SENT },
		},
	};

	engine_step(engine, &event, look, seen);
	event.type = EVENT_ENDED;
	event.connection.facts = (struct socket_facts){ .state_before = TCP_STATE_SYN_SENT,
							.state = TCP_STATE_CLOSE,
							.error = ECONNREFUSED,
							.reset_received = true };
	engine_step(engine, &event, look, seen);
	event = (struct event){ .type = EVENT_TIME, .time = time + 2 * VERDICT_WAIT };
	engine_step(engine, &event, look, seen);
}

static void test_hold(void)
{
	struct engine_limits limits = {
		.agents = 1, .connections = 4, .processes = 4, .namespaces = 4
	};
	struct agent_settings settings;
	struct event agent = { .type = EVENT_AGENT, .agent = 1 };
	struct engine *engine;
	struct seen seen = { 0 };

	CU_ASSERT_EQUAL_FATAL(engine_new(&engine, &limits), 0);
	agent_settings_defaults(&settings, "agent");
	settings.randomized_delay = 0;
	settings.policy[CAUSE_CONNECT_REFUSED].steps[0].type = ACTION_RESTART;
	settings.policy[CAUSE_CONNECT_REFUSED].count = 1;
	agent.watching.settings = &settings;

	agent.watching.actions_held = true;
	engine_step(engine, &agent, look, &seen);
	refuse(engine, 1, USEC_PER_SEC, &seen);
	CU_ASSERT_EQUAL(seen.held, 1);
	CU_ASSERT_EQUAL(seen.orders, 0);

	agent.watching.actions_held = false;
	agent.time = USEC_PER_MINUTE;
	engine_step(engine, &agent, look, &seen);
	refuse(engine, 2, USEC_PER_MINUTE, &seen);
	CU_ASSERT_EQUAL(seen.held, 1);
	CU_ASSERT_EQUAL(seen.orders, 1);
	engine_free(engine);
}

SUITE("hold", { "held, then taken", test_hold })

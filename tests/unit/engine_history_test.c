/* An engine that goes on where another one stopped. */
#include "core/engine.h"
#include "core/verdict.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "suite.h"

struct bench {
	struct engine *engine;
	struct agent_settings settings;
	unsigned orders;
	char held_by[32];
	struct record ended; /* the last one */
};

static void look(void *userdata, const struct outcome *outcome)
{
	struct bench *bench = userdata;
	const struct record *record = outcome->record;

	if (outcome->type == OUTCOME_ORDER)
		bench->orders++;
	if (outcome->type != OUTCOME_RECORD)
		return;
	if (record->kind == RECORD_ENDED)
		bench->ended = *record;
	if (record->action_held_by)
		strcpy(bench->held_by, record->action_held_by);
}

static void step(struct bench *bench, const struct event *event)
{
	engine_step(bench->engine, event, look, bench);
}

static void begin(struct bench *bench)
{
	struct engine_limits limits = {
		.agents = 1, .connections = 4, .processes = 4, .namespaces = 4
	};
	struct event agent = { .type = EVENT_AGENT, .time = USEC_PER_HOUR, .agent = 1 };

	*bench = (struct bench){ 0 };
	CU_ASSERT_EQUAL_FATAL(engine_new(&bench->engine, &limits), 0);
	agent_settings_defaults(&bench->settings, "agent");
	bench->settings.randomized_delay = 0;
	bench->settings.limit_burst = 2;
	bench->settings.policy[CAUSE_PEER_CLOSE].steps[0].type = ACTION_RESTART;
	bench->settings.policy[CAUSE_PEER_CLOSE].count = 1;
	agent.watching.settings = &bench->settings;
	step(bench, &agent);
}

/* The peer closes a connection that this engine has never heard of, after a silence. */
static void peer_closes_after(struct bench *bench, usec_t age, usec_t silence)
{
	struct event event = {
		.type = EVENT_CLOSING,
		.time = USEC_PER_HOUR + USEC_PER_SEC,
		.agent = 1,
		.connection = {
			.cookie = 7,
			.peer = { .family = AF_INET, .port = 8883, .address = { 192, 0, 2, 7 } },
			.facts = { .state_before = TCP_STATE_ESTABLISHED,
				   .state = TCP_STATE_CLOSE_WAIT,
				   .fin_received = true,
				   .age = age,
				   .idle_rx = silence,
				   .idle_tx = silence },
		},
	};

	step(bench, &event);
	step(bench, &(struct event){ .type = EVENT_TIME, .time = event.time + 2 * VERDICT_WAIT });
}

static void peer_closes(struct bench *bench, usec_t age)
{
	peer_closes_after(bench, age, 0);
}

static void past_action(struct bench *bench, usec_t ago, enum action_outcome outcome)
{
	struct event event = {
		.type = EVENT_HISTORY_ACTION,
		.time = USEC_PER_HOUR,
		.agent = 1,
		.history_action = { .verdict = { .ago = ago, .cause = CAUSE_PEER_CLOSE },
				    .action = ACTION_RESTART,
				    .outcome = outcome },
	};

	step(bench, &event);
}

static void past_session(struct bench *bench, usec_t ago, usec_t age, usec_t silence)
{
	struct event event = {
		.type = EVENT_HISTORY_SESSION,
		.time = USEC_PER_HOUR,
		.agent = 1,
		.history_session = { .ago = ago,
				     .age = age,
				     .idle_rx = silence,
				     .idle_tx = silence,
				     .reopened_after = USEC_PER_SEC,
				     .ended_by = ENDED_BY_PEER_FIN,
				     .cause = CAUSE_PEER_CLOSE },
	};

	step(bench, &event);
}

static void the_end_of_an_unknown_connection_is_told(void)
{
	struct bench bench;

	begin(&bench);
	peer_closes(&bench, USEC_PER_MINUTE);
	CU_ASSERT_EQUAL(bench.ended.cookie, 7);
	CU_ASSERT_EQUAL(bench.ended.verdict.ended_by, ENDED_BY_PEER_FIN);
	CU_ASSERT_EQUAL(bench.ended.verdict.cause, CAUSE_PEER_CLOSE);
	CU_ASSERT_EQUAL(bench.orders, 1);
	engine_free(bench.engine);
}

static void past_actions_use_up_the_limit(void)
{
	struct bench bench;

	begin(&bench);
	past_action(&bench, 20 * USEC_PER_MINUTE, ACTION_STARTED);
	past_action(&bench, 10 * USEC_PER_MINUTE, ACTION_STARTED);
	peer_closes(&bench, USEC_PER_MINUTE);
	CU_ASSERT_EQUAL(bench.orders, 0);
	CU_ASSERT_STRING_EQUAL(bench.held_by, "limit");
	engine_free(bench.engine);
}

static void actions_older_than_the_boot_count_with_care(void)
{
	struct bench bench;

	begin(&bench);
	past_action(&bench, 20 * USEC_PER_HOUR, ACTION_STARTED);
	past_action(&bench, 10 * USEC_PER_HOUR, ACTION_STARTED);
	peer_closes(&bench, USEC_PER_MINUTE);
	CU_ASSERT_EQUAL(bench.orders, 1); /* the clock itself is older than the interval */
	engine_free(bench.engine);
}

static void what_did_not_help_twice_is_not_tried_again(void)
{
	struct bench bench;

	begin(&bench);
	bench.settings.limit_burst = 10;
	past_action(&bench, 20 * USEC_PER_MINUTE, ACTION_DID_NOT_HELP);
	past_action(&bench, 10 * USEC_PER_MINUTE, ACTION_DID_NOT_HELP);
	peer_closes(&bench, USEC_PER_MINUTE);
	CU_ASSERT_EQUAL(bench.orders, 0);
	CU_ASSERT_STRING_EQUAL(bench.held_by, "did-not-help");
	engine_free(bench.engine);
}

/* Of five ends by the peer at one age, each after one silence. */
static const struct {
	const char *name;
	usec_t age;
	usec_t silence;
	enum cause cause;
	enum confidence confidence;
} rhythms[] = {
	{ "busy lives", 10 * USEC_PER_MINUTE, 0, CAUSE_TOKEN_EXPIRED, CONFIDENCE_LIKELY },
	{ "a like silence, but a short one", 10 * USEC_PER_MINUTE, USEC_PER_MINUTE,
	  CAUSE_TOKEN_EXPIRED, CONFIDENCE_LIKELY },
	{ "silent lives", 10 * USEC_PER_MINUTE, 9 * USEC_PER_MINUTE, CAUSE_TOKEN_EXPIRED,
	  CONFIDENCE_SUSPECTED },
	{ "as short as a rival's pause", 2 * USEC_PER_MINUTE, 0, CAUSE_PEER_CLOSE,
	  CONFIDENCE_PROVED },
};

static void a_rhythm_goes_on(void)
{
	for (size_t i = 0; i < sizeof(rhythms) / sizeof(rhythms[0]); i++) {
		const struct verdict *verdict;
		struct bench bench;

		begin(&bench);
		for (usec_t back = 4; back > 0; back--)
			past_session(&bench, back * rhythms[i].age, rhythms[i].age,
				     rhythms[i].silence);
		peer_closes_after(&bench, rhythms[i].age, rhythms[i].silence);
		verdict = &bench.ended.verdict;
		CHECK(verdict->cause == rhythms[i].cause, rhythms[i].name);
		CHECK(verdict->confidence == rhythms[i].confidence, rhythms[i].name);
		CHECK(verdict->period_count == (verdict->cause == CAUSE_TOKEN_EXPIRED ? 5 : 0),
		      rhythms[i].name);
		engine_free(bench.engine);
	}
}

SUITE("engine_history",
      { "the end of an unknown connection is told", the_end_of_an_unknown_connection_is_told },
      { "past actions use up the limit", past_actions_use_up_the_limit },
      { "actions older than the boot count with care",
	actions_older_than_the_boot_count_with_care },
      { "what did not help twice is not tried again", what_did_not_help_twice_is_not_tried_again },
      { "a rhythm goes on", a_rhythm_goes_on })

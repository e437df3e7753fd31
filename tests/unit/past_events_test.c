#include "core/past_events.h"

#include <string.h>

#include "suite.h"

#define NOW      (10 * USEC_PER_SEC)
#define REALTIME (1000 * USEC_PER_HOUR)

static struct past_events past_events;

static void begin(void)
{
	past_events_begin(&past_events, 3, NOW, REALTIME);
}

/* Takes a record of `ago`; what is not given is not in it. */
static bool take(usec_t ago, const char *const *fields)
{
	static struct past_record past;

	record_parse_begin(&past);
	for (; *fields; fields++)
		record_parse_field(&past, *fields, strlen(*fields));
	CU_ASSERT_TRUE(record_parse_end(&past));
	past.realtime = REALTIME - ago;
	return past_events_take(&past_events, &past);
}

#define TAKE(ago, ...) take(ago, (const char *const[]){ __VA_ARGS__, NULL })
#define ENDED          "CONNWATCH_KIND=ended", "CONNWATCH_CAUSE=peer-close"
#define ACTION         "CONNWATCH_KIND=action", "CONNWATCH_ACTION=restart", "CONNWATCH_CAUSE=agent-crash"

static void a_session_knows_when_the_next_began(void)
{
	const struct history_session_event *session = &past_events.events[1].history_session;

	begin();
	TAKE(5, ENDED, "CONNWATCH_ENDED_BY=peer-fin");
	TAKE(20, "CONNWATCH_KIND=recovered");
	TAKE(30, ENDED, "CONNWATCH_ENDED_BY=connect-refused");
	TAKE(50, ENDED, "CONNWATCH_ENDED_BY=peer-reset", "CONNWATCH_AGE_USEC=7",
	     "CONNWATCH_IDLE_RX_USEC=8", "CONNWATCH_IDLE_TX_USEC=9", "CONNWATCH_UNACKED_BYTES=10");
	CU_ASSERT_EQUAL(past_events.count, 2);
	CU_ASSERT_EQUAL(past_events.events[0].history_session.reopened_after, 0);
	CU_ASSERT_EQUAL(past_events.events[1].type, EVENT_HISTORY_SESSION);
	CU_ASSERT_EQUAL(past_events.events[1].agent, 3);
	CU_ASSERT_EQUAL(past_events.events[1].time, NOW);
	CU_ASSERT(session->ago == 50 && session->age == 7 && session->reopened_after == 30);
	CU_ASSERT(session->idle_rx == 8 && session->idle_tx == 9 && session->unacked_bytes == 10);
	CU_ASSERT_EQUAL(session->ended_by, ENDED_BY_PEER_RESET);
	CU_ASSERT_EQUAL(session->cause, CAUSE_PEER_CLOSE);
}

static void a_connection_that_works_again_is_not_a_new_one(void)
{
	begin();
	TAKE(20, "CONNWATCH_KIND=recovered", "CONNWATCH_CAUSE=path-silent");
	TAKE(50, ENDED, "CONNWATCH_ENDED_BY=peer-fin");
	CU_ASSERT_EQUAL(past_events.events[0].history_session.reopened_after, 0);
}

static void an_action_without_its_end_was_interrupted(void)
{
	begin();
	TAKE(1, ACTION, "CONNWATCH_ACTION_RESULT=held");
	TAKE(2, ACTION, "CONNWATCH_ACTION_RESULT=starting");
	TAKE(3, ACTION, "CONNWATCH_ACTION_RESULT=done");
	TAKE(4, ACTION, "CONNWATCH_ACTION_RESULT=starting");
	CU_ASSERT_EQUAL_FATAL(past_events.count, 2);
	CU_ASSERT_TRUE(past_events.events[0].history_action.interrupted);
	CU_ASSERT_FALSE(past_events.events[1].history_action.interrupted);
	CU_ASSERT_EQUAL(past_events.events[1].history_action.ago, 4);
	CU_ASSERT_EQUAL(past_events.events[1].history_action.action, ACTION_RESTART);
	CU_ASSERT_EQUAL(past_events.events[1].history_action.cause, CAUSE_AGENT_CRASH);
}

static void an_action_did_not_help_until_all_was_well(void)
{
	begin();
	TAKE(1, ACTION, "CONNWATCH_ACTION_RESULT=did-not-help");
	TAKE(2, ACTION, "CONNWATCH_ACTION_RESULT=done");
	TAKE(3, ACTION, "CONNWATCH_ACTION_RESULT=starting");
	TAKE(4, "CONNWATCH_KIND=recovered");
	TAKE(5, ACTION, "CONNWATCH_ACTION_RESULT=did-not-help");
	TAKE(6, ACTION, "CONNWATCH_ACTION_RESULT=starting");
	CU_ASSERT_EQUAL_FATAL(past_events.count, 2);
	CU_ASSERT_TRUE(past_events.events[0].history_action.unhelpful);
	CU_ASSERT_FALSE(past_events.events[1].history_action.unhelpful);
}

static void the_past_has_an_end(void)
{
	begin();
	CU_ASSERT_FALSE(TAKE(25 * USEC_PER_HOUR, ENDED, "CONNWATCH_ENDED_BY=peer-fin"));
	for (unsigned i = 0; i < PAST_EVENTS_MAX; i++)
		CU_ASSERT_TRUE(TAKE(i, ENDED, "CONNWATCH_ENDED_BY=peer-fin"));
	CU_ASSERT_FALSE(TAKE(PAST_EVENTS_MAX, ENDED, "CONNWATCH_ENDED_BY=peer-fin"));
	CU_ASSERT_EQUAL(past_events.count, PAST_EVENTS_MAX);
}

static void a_clock_that_was_put_back_makes_no_negative_time(void)
{
	begin();
	TAKE((usec_t)-5, ENDED, "CONNWATCH_ENDED_BY=peer-fin");
	CU_ASSERT_EQUAL(past_events.events[0].history_session.ago, 0);
}

SUITE("past_events", { "a session knows when the next began", a_session_knows_when_the_next_began },
      { "a connection that works again is not a new one",
	a_connection_that_works_again_is_not_a_new_one },
      { "an action without its end was interrupted", an_action_without_its_end_was_interrupted },
      { "an action did not help until all was well", an_action_did_not_help_until_all_was_well },
      { "the past has an end", the_past_has_an_end },
      { "a clock that was put back makes no negative time",
	a_clock_that_was_put_back_makes_no_negative_time })

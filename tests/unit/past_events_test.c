/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/past_events.h"

#include <arpa/inet.h>
#include <string.h>

#include "suite.h"

#define NOW      (10 * USEC_PER_SEC)
#define REALTIME (1000 * USEC_PER_HOUR)
#define BOOT     "0123456789abcdef0123456789abcdef"

static struct past_events past_events;

static void begin(void)
{
	past_events_begin(&past_events, 3, USEC_PER_HOUR, NOW, REALTIME, BOOT);
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
#define THIS_BOOT      "_BOOT_ID=" BOOT
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

static const struct history_action_event *action(unsigned number)
{
	CU_ASSERT_EQUAL(past_events.events[number].type, EVENT_HISTORY_ACTION);
	return &past_events.events[number].history_action;
}

static void an_action_is_told_word_for_word(void)
{
	begin();
	TAKE(1, ACTION, THIS_BOOT, "CONNWATCH_ACTION_RESULT=held",
	     "CONNWATCH_ACTION_HELD_BY=offline");
	TAKE(3, ACTION, THIS_BOOT, "CONNWATCH_ACTION_RESULT=done");
	TAKE(4, ACTION, THIS_BOOT, "CONNWATCH_ACTION_RESULT=starting", "INVOCATION_ID=abc");
	CU_ASSERT_EQUAL_FATAL(past_events.count, 3);
	CU_ASSERT_EQUAL(action(0)->outcome, ACTION_HELD);
	CU_ASSERT_STRING_EQUAL(action(0)->held_by, "offline");
	CU_ASSERT_EQUAL(action(1)->outcome, ACTION_DONE);
	CU_ASSERT_EQUAL(action(2)->outcome, ACTION_STARTED);
	CU_ASSERT_EQUAL(action(2)->verdict.ago, 4);
	CU_ASSERT_EQUAL(action(2)->action, ACTION_RESTART);
	CU_ASSERT_EQUAL(action(2)->verdict.cause, CAUSE_AGENT_CRASH);
	CU_ASSERT_STRING_EQUAL(action(2)->verdict.invocation_id, "abc");
}

static void what_was_interrupted_did_not_happen(void)
{
	begin();
	TAKE(1, ACTION, THIS_BOOT, "CONNWATCH_ACTION_RESULT=starting");
	TAKE(2, ACTION, THIS_BOOT, "CONNWATCH_ACTION_RESULT=interrupted");
	TAKE(3, ACTION, THIS_BOOT, "CONNWATCH_ACTION_RESULT=starting");
	CU_ASSERT_EQUAL_FATAL(past_events.count, 1);
	CU_ASSERT_EQUAL(action(0)->verdict.ago, 1);
}

static void of_what_is_over_only_the_limit_is_of_use(void)
{
	begin();
	TAKE(1, "CONNWATCH_KIND=recovered");
	TAKE(2, "CONNWATCH_KIND=stalled", "CONNWATCH_CAUSE=agent-hang", THIS_BOOT);
	TAKE(3, ACTION, THIS_BOOT, "CONNWATCH_ACTION_RESULT=did-not-help");
	TAKE(4, ACTION, THIS_BOOT, "CONNWATCH_ACTION_RESULT=done");
	TAKE(5, ACTION, THIS_BOOT, "CONNWATCH_ACTION_RESULT=starting");
	CU_ASSERT_EQUAL_FATAL(past_events.count, 1);
	CU_ASSERT_EQUAL(action(0)->outcome, ACTION_STARTED);
}

static void a_boot_ends_all_trouble(void)
{
	begin();
	TAKE(1, "CONNWATCH_KIND=stalled", "CONNWATCH_CAUSE=agent-hang");
	TAKE(2, ACTION, "CONNWATCH_ACTION_RESULT=held");
	TAKE(3, ACTION, "CONNWATCH_ACTION_RESULT=did-not-help");
	TAKE(4, ACTION, "CONNWATCH_ACTION_RESULT=starting");
	CU_ASSERT_EQUAL_FATAL(past_events.count, 2);
	CU_ASSERT_EQUAL(action(0)->outcome, ACTION_DID_NOT_HELP);
	CU_ASSERT_EQUAL(action(1)->outcome, ACTION_STARTED);
}

/* Only the newest: one that came before it has ended, or another one stands for it. */
static void an_open_session_is_told_once(void)
{
	begin();
	TAKE(1, "CONNWATCH_KIND=connected", "CONNWATCH_SOCKET_COOKIE=7", THIS_BOOT);
	TAKE(2, "CONNWATCH_KIND=recovered", "CONNWATCH_SOCKET_COOKIE=6", THIS_BOOT);
	CU_ASSERT_EQUAL_FATAL(past_events.count, 1);
	CU_ASSERT_EQUAL(past_events.events[0].type, EVENT_HISTORY_OPEN);
	CU_ASSERT_EQUAL(past_events.events[0].history_open.verdict.cookie, 7);
	CU_ASSERT_FALSE(past_events.events[0].history_open.host_went_down);
	begin();
	TAKE(1, "CONNWATCH_KIND=connected", "CONNWATCH_SOCKET_COOKIE=7");
	CU_ASSERT_EQUAL(past_events.count, 0);
}

/* No session of this boot, and only a trouble of it if it began an outage. */
static void a_host_that_went_down_began_an_outage(void)
{
	begin();
	TAKE(1, "CONNWATCH_KIND=ended", "CONNWATCH_CAUSE=unknown", "CONNWATCH_EVIDENCE=boot=x",
	     THIS_BOOT);
	CU_ASSERT_EQUAL(past_events.count, 0);
	TAKE(1, "CONNWATCH_KIND=ended", "CONNWATCH_CAUSE=power-lost", "CONNWATCH_EVIDENCE=boot=x",
	     "CONNWATCH_OUTAGE_ID=y", "CONNWATCH_DOWNTIME_USEC=5", THIS_BOOT);
	CU_ASSERT_EQUAL_FATAL(past_events.count, 1);
	CU_ASSERT_EQUAL(past_events.events[0].type, EVENT_HISTORY_TROUBLE);
	CU_ASSERT_EQUAL(past_events.events[0].history_trouble.down, 5);
}

static void trouble_is_told_with_all_that_names_it(void)
{
	const struct history_trouble_event *trouble = &past_events.events[0].history_trouble;

	begin();
	TAKE(1, "CONNWATCH_KIND=stalled", "CONNWATCH_CAUSE=path-silent", THIS_BOOT,
	     "CONNWATCH_CONFIDENCE=likely", "CONNWATCH_SOCKET_COOKIE=7", "CONNWATCH_NETNS=8",
	     "CONNWATCH_PID=9", "CONNWATCH_COMM=edge", "CONNWATCH_PEER_ADDRESS=192.0.2.7",
	     "CONNWATCH_TIME_USEC=9999950");
	CU_ASSERT_EQUAL_FATAL(past_events.count, 1);
	CU_ASSERT_EQUAL(past_events.events[0].type, EVENT_HISTORY_TROUBLE);
	CU_ASSERT_TRUE(trouble->open);
	CU_ASSERT_EQUAL(trouble->verdict.ago, 50); /* when it was, not when it was written */
	CU_ASSERT_EQUAL(trouble->verdict.cause, CAUSE_PATH_SILENT);
	CU_ASSERT_EQUAL(trouble->verdict.confidence, CONFIDENCE_LIKELY);
	CU_ASSERT_EQUAL(trouble->verdict.cookie, 7);
	CU_ASSERT_EQUAL(trouble->verdict.netns, 8);
	CU_ASSERT_EQUAL(trouble->verdict.pid, 9);
	CU_ASSERT_EQUAL(trouble->verdict.peer.family, AF_INET);
	CU_ASSERT_STRING_EQUAL(trouble->verdict.comm, "edge");
}

static void an_attempt_is_trouble_but_no_session(void)
{
	begin();
	TAKE(1, ENDED, THIS_BOOT, "CONNWATCH_ENDED_BY=connect-refused");
	TAKE(2, ENDED, THIS_BOOT, "CONNWATCH_ENDED_BY=peer-fin");
	CU_ASSERT_EQUAL_FATAL(past_events.count, 3);
	CU_ASSERT_EQUAL(past_events.events[0].type, EVENT_HISTORY_TROUBLE);
	CU_ASSERT_FALSE(past_events.events[0].history_trouble.came_up);
	CU_ASSERT_EQUAL(past_events.events[1].type, EVENT_HISTORY_TROUBLE);
	CU_ASSERT_TRUE(past_events.events[1].history_trouble.came_up);
	CU_ASSERT_EQUAL(past_events.events[2].type, EVENT_HISTORY_SESSION);
}

static void the_past_has_an_end(void)
{
	begin();
	CU_ASSERT_FALSE(TAKE(25 * USEC_PER_HOUR, ENDED, "CONNWATCH_ENDED_BY=peer-fin"));
	for (unsigned i = 0; i < 2 * PAST_SESSIONS_MAX; i++)
		CU_ASSERT_TRUE(TAKE(i, ENDED, "CONNWATCH_ENDED_BY=peer-fin"));
	CU_ASSERT_EQUAL(past_events.count, PAST_SESSIONS_MAX);
}

static void what_is_enough_is_not_looked_for(void)
{
	begin();
	for (unsigned i = 0; i < PAST_SESSIONS_MAX; i++)
		CU_ASSERT_TRUE(
			TAKE(2 * USEC_PER_HOUR, ENDED, THIS_BOOT, "CONNWATCH_ENDED_BY=peer-fin"));
	CU_ASSERT_TRUE(TAKE(2 * USEC_PER_HOUR, "CONNWATCH_KIND=recovered"));
	CU_ASSERT_FALSE(TAKE(2 * USEC_PER_HOUR, ENDED, "CONNWATCH_ENDED_BY=peer-fin"));
	CU_ASSERT_TRUE(TAKE(USEC_PER_HOUR, ACTION, "CONNWATCH_ACTION_RESULT=starting"));
	CU_ASSERT_EQUAL(past_events.actions, 1);
}

static void attempts_leave_room_for_the_rest(void)
{
	const struct event *last = &past_events.events[PAST_TROUBLES_MAX + 1];

	begin();
	TAKE(1, ACTION, THIS_BOOT, "CONNWATCH_ACTION_RESULT=starting");
	for (unsigned i = 0; i < PAST_TROUBLES_MAX + 7; i++)
		TAKE(2, ENDED, THIS_BOOT, "CONNWATCH_ENDED_BY=connect-refused");
	TAKE(3, ENDED, THIS_BOOT, "CONNWATCH_ENDED_BY=peer-fin");
	TAKE(4, ENDED, THIS_BOOT, "CONNWATCH_ENDED_BY=connect-refused");
	TAKE(5, ACTION, THIS_BOOT, "CONNWATCH_ACTION_RESULT=starting");
	CU_ASSERT_EQUAL_FATAL(past_events.count, PAST_TROUBLES_MAX + 4);
	CU_ASSERT_EQUAL(last->type, EVENT_HISTORY_TROUBLE);
	CU_ASSERT_TRUE(last->history_trouble.came_up);
	CU_ASSERT_EQUAL(last->history_trouble.attempts, 7);
	CU_ASSERT_EQUAL(action(PAST_TROUBLES_MAX + 3)->outcome, ACTION_STARTED);
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
      { "an action is told word for word", an_action_is_told_word_for_word },
      { "what was interrupted did not happen", what_was_interrupted_did_not_happen },
      { "of what is over only the limit is of use", of_what_is_over_only_the_limit_is_of_use },
      { "a boot ends all trouble", a_boot_ends_all_trouble },
      { "an open session is told once", an_open_session_is_told_once },
      { "a host that went down began an outage", a_host_that_went_down_began_an_outage },
      { "trouble is told with all that names it", trouble_is_told_with_all_that_names_it },
      { "an attempt is trouble but no session", an_attempt_is_trouble_but_no_session },
      { "the past has an end", the_past_has_an_end },
      { "what is enough is not looked for", what_is_enough_is_not_looked_for },
      { "attempts leave room for the rest", attempts_leave_room_for_the_rest },
      { "a clock that was put back makes no negative time",
	a_clock_that_was_put_back_makes_no_negative_time })

/* Inside the verdict: what its rules share. Included by verdict*.c only.
 *
 * The rules are asked in the order of the table in verdict.c; the first that is not SILENT has the
 * word. A rule that rules a cause in says what it rests on and what it rules out. */
#pragma once

#include "verdict.h"

enum ruling {
	SILENT, /* the rule has nothing to say here */
	WAIT,   /* it would, once a fact has come */
	DECIDED,
};

struct deliberation {
	const struct circumstances *given;
	struct verdict *verdict;
	struct exit_facts *exit;
};

/* verdict_token.c: sessions that end in rhythm; asked by the rules below, once they know whose
 * doing the end was */
enum ruling rule_token_renewal(struct deliberation *on);
enum ruling rule_token_expired(struct deliberation *on);

/* verdict_mqtt.c: what the two ends said to each other in MQTT */
/* The peer said why: it refused the session, or said DISCONNECT first. */
enum ruling rule_told(struct deliberation *on);
enum ruling rule_unanswered_connect(struct deliberation *on);
void describe_mqtt(struct deliberation *on);
/* Each false where that is not known. */
bool agent_left_without_goodbye(const struct mqtt_facts *mqtt);
bool agent_missed_an_answer(const struct mqtt_facts *mqtt);
/* The agent may yet send or read what had been written by the time of the first FIN. */
bool mqtt_may_tell_more(const struct circumstances *given);

/* verdict_host.c: the host was asleep */
enum ruling rule_suspended(struct deliberation *on);

/* verdict_unseen.c: what is left to say where nobody saw how it ended */
enum ruling rule_unseen(struct deliberation *on);

/* verdict_process.c: our own side ended it */
enum ruling rule_dying(struct deliberation *on);
/* It closed its connection and ended right after: the closing was part of the ending. */
enum ruling decide_exited_after(struct deliberation *on);
enum ruling rule_leaving(struct deliberation *on);
enum ruling rule_own_side(struct deliberation *on);

/* verdict_peer.c: the peer ended it */
enum ruling rule_peer(struct deliberation *on);
/* The agent lives, but had stopped working before the peer lost patience. */
enum ruling rule_hung(struct deliberation *on);

/* verdict_network.c: nobody ended it, the kernel gave up */
enum ruling rule_network(struct deliberation *on);
/* The link, the address or the route was gone, or still is. */
enum ruling rule_broken_path(struct deliberation *on);
/* Nothing comes back: what the state of the path makes of it. `at_most`: the confidence where only
 * the silence says so. Always DECIDED. */
enum ruling decide_path(struct deliberation *on, enum confidence at_most);

static inline enum ruling decide(struct deliberation *on, enum cause cause,
				 enum confidence confidence)
{
	on->verdict->cause = cause;
	on->verdict->confidence = confidence;
	return DECIDED;
}

/* For a rule that needs a fact which may still come. */
static inline enum ruling wait_unless_over(const struct deliberation *on)
{
	return on->given->waited ? SILENT : WAIT;
}

static inline struct tokens *evidence(struct deliberation *on)
{
	return &on->verdict->evidence;
}

static inline struct tokens *ruled_out(struct deliberation *on)
{
	return &on->verdict->ruled_out;
}

/* KeepAliveSec=, or what most MQTT clients use where it is not set. */
usec_t keepalive_of(const struct circumstances *given);
usec_t keepalive_or_usual(const struct agent_settings *settings);

/* "name=comm[pid]" */
void add_task(struct tokens *tokens, const char *name, const struct task *task);

/* "sent_by=comm[pid]" or "sent_by=kernel" */
void add_sender(struct tokens *tokens, const struct signal_facts *signal);

/* What went unanswered. */
void describe_timeout(struct deliberation *on);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/verdict.h"

#include "verdict/differential.h"
#include "verdict/ended_by.h"
#include "verdict/evidence.h"
#include "verdict/login_facts.h"
#include "verdict/mqtt_facts.h"
#include "verdict/rules_host.h"
#include "verdict/rules_mqtt.h"
#include "verdict/rules_network.h"
#include "verdict/rules_own_side.h"
#include "verdict/rules_peer.h"
#include "verdict/rules_process.h"
#include "verdict/rules_tls.h"
#include "verdict/rules_unobserved.h"
#include "verdict/rung.h"
#include "verdict/tls_facts.h"

/* The rest. Never SILENT. */
static enum ruling rule_unknown(struct deliberation *on)
{
	return nominate(on, CAUSE_UNKNOWN);
}

/* In this order. docs/ARCHITECTURE.md explains it, and tests/docs/check.py compares the two. */
static enum ruling (*const rules[])(struct deliberation *) = {
	rule_aborted, rule_mqtt_reason, rule_login_reason, rule_tls,
	rule_dying,   rule_own_side,    rule_leaving,      rule_peer,
	rule_network, rule_unobserved,  rule_unknown,
};

bool verdict_decide(const struct circumstances *given, struct verdict *verdict,
		    struct exit_facts *exit)
{
	struct deliberation on = { given, verdict, exit };
	enum ruling ruling = SILENT;

	*verdict = (struct verdict){ .ended_by = ended_by_classify(given->socket) };
	*exit = (struct exit_facts){ 0 };
	describe_socket(&on);
	mqtt_describe(given, evidence(&on));
	tls_describe(given, evidence(&on));
	login_describe(given, evidence(&on));
	for (size_t i = 0; ruling == SILENT && i < sizeof(rules) / sizeof(*rules); i++)
		ruling = rules[i](&on);
	if (ruling != DECIDED)
		return false;
	rung_describe(given, verdict);
	differential_judge(given, verdict);
	return true;
}

/* The exit of the process is all that is known. */
static void judge_exit(const struct circumstances *given, struct verdict *verdict,
		       struct exit_facts *exit)
{
	struct circumstances settled = *given;
	struct deliberation on = { &settled, verdict, exit };

	settled.waited = true;
	*exit = exit_facts_from_code(given->process->exit_code);
	decide_exited(&on);
	differential_judge(given, verdict);
}

void verdict_on_exit(const struct circumstances *given, struct verdict *verdict,
		     struct exit_facts *exit)
{
	static const struct socket_facts no_socket = { 0 };
	static const struct mqtt_facts no_mqtt = { 0 };
	static const struct tls_facts no_tls = { 0 };
	static const struct login_facts no_login = { 0 };
	struct circumstances alone = *given;

	alone.socket = &no_socket;
	alone.mqtt = &no_mqtt;
	alone.tls = &no_tls;
	alone.login = &no_login;
	alone.no_connection = true;
	*verdict = (struct verdict){ .ended_by = ENDED_BY_UNKNOWN };
	judge_exit(&alone, verdict, exit);
}

void verdict_orphaned(const struct circumstances *given, struct verdict *verdict,
		      struct exit_facts *exit)
{
	*verdict = (struct verdict){ .ended_by = ENDED_BY_UNKNOWN };
	tokens_add(&verdict->evidence, "socket=outlives-its-process");
	judge_exit(given, verdict, exit);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/names.h"

#include "verdict/differential.h"

static enum cause cause_of(enum lookup_answer answer)
{
	switch (answer) {
	case LOOKUP_EMPTY:
	case LOOKUP_NOT_FOUND:
		return CAUSE_NAME_NOT_FOUND;
	case LOOKUP_FAILED:
	case LOOKUP_REFUSED:
		return CAUSE_NAME_SERVER_FAILING;
	case LOOKUP_ASKED:
		return CAUSE_NAME_SERVER_SILENT;
	case LOOKUP_NONE:
	case LOOKUP_FOUND:
	case LOOKUP_UNCLEAR:
	case LOOKUP_ANSWER_MAX:
	case LOOKUP_ANSWER_INVALID:
		break;
	}
	return CAUSE_UNKNOWN;
}

/* What getaddrinfo(3) told. */
static const char *error_of(enum lookup_answer answer)
{
	switch (answer) {
	case LOOKUP_EMPTY:
		return "no-address";
	case LOOKUP_NOT_FOUND:
		return "not-known";
	case LOOKUP_ASKED:
		return "no-answer";
	default:
		return "failure";
	}
}

static void tell_who_said_so(const struct lookup_facts *lookups, struct tokens *evidence)
{
	char server[ADDRESS_TEXT_SIZE];

	if (lookups->by_library) {
		tokens_add(evidence, "name_error=%s", error_of(lookups->answer));
		return;
	}
	tokens_add(evidence, "name_server=%s", endpoint_address(&lookups->server, server));
	if (lookups->answer != LOOKUP_ASKED)
		tokens_add(evidence, "name_answer=%s", lookup_answer_to_string(lookups->answer));
}

void verdict_on_lookups(const struct circumstances *given, struct verdict *verdict)
{
	const struct lookup_facts *lookups = given->lookups;

	*verdict = (struct verdict){
		.ended_by = ENDED_BY_UNKNOWN,
		.cause = cause_of(lookups->answer),
		.rung = RUNG_NAME,
	};
	tokens_add(&verdict->evidence, "rung=name");
	tell_who_said_so(lookups, &verdict->evidence);
	tokens_add(&verdict->evidence, "lookups_failed=%u", lookups->failed);
	tokens_add(&verdict->evidence, "lookups_failing_msec=%llu",
		   (unsigned long long)((given->time - lookups->failing_since) / USEC_PER_MSEC));
	differential_judge(given, verdict);
}

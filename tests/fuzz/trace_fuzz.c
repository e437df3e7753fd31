/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trace files of any content: a line is an event, nothing, or an error with its column; an event
 * comes out of its own line again; and the engine takes every stream of such events. */
#include "events/trace.h"

#include <errno.h>

#include "engine/engine.h"
#include "fuzz.h"

enum { AGENTS = 4, CONNECTIONS = 64, PROCESSES = 64, NAMESPACES = 4 };

struct replay {
	struct engine *engine;
	struct agent_settings settings[AGENTS + 1]; /* [0]: of agents beyond the last */
	bool started;                               /* an order's record was the last outcome */
};

static void check_field(void *userdata, const char *name, const char *value)
{
	(void)userdata;
	MUST(*name);
	MUST(!strchr(value, '\n'));
}

static void take_outcome(void *userdata, const struct outcome *outcome)
{
	struct replay *replay = userdata;

	if (outcome->type == OUTCOME_ORDER)
		MUST(replay->started);
	replay->started = outcome->type == OUTCOME_RECORD &&
			  outcome->record->kind == RECORD_ACTION &&
			  outcome->record->action_result &&
			  strcmp(outcome->record->action_result, "starting") == 0;
	if (outcome->type == OUTCOME_RECORD) {
		int priority = record_priority(outcome->record);

		MUST(priority >= 3 && priority <= 6);
		record_fields(outcome->record, check_field, NULL);
	}
}

static void check_round_trip(const struct event *event)
{
	char line[TRACE_LINE_SIZE], again[TRACE_LINE_SIZE];
	struct agent_settings settings;
	const char *complaint;
	struct event back;
	size_t column;
	int length = trace_format(event, line, sizeof(line));

	if (length == -ENOSPC) /* settings may be longer than a line */
		return;
	MUST(length > 0 && (size_t)length == strlen(line));
	MUST(trace_parse(line, &back, &settings, &complaint, &column) == 1);
	MUST(trace_format(&back, again, sizeof(again)) == length);
	MUST(strcmp(line, again) == 0);
}

static void take_line(void *userdata, const char *line, size_t length)
{
	struct replay *replay = userdata;
	struct agent_settings settings;
	const char *complaint = NULL;
	struct event event;
	size_t column = 0;
	int r = trace_parse(line, &event, &settings, &complaint, &column);

	MUST(r == 1 || r == 0 || r == -EINVAL);
	if (r == -EINVAL)
		MUST(complaint && column >= 1 && column <= length + 1);
	if (r != 1)
		return;
	check_round_trip(&event);
	if (event.type == EVENT_AGENT) {
		struct agent_settings *kept =
			&replay->settings[event.agent <= AGENTS ? event.agent : 0];

		*kept = settings;
		event.watching.settings = kept;
	}
	engine_step(replay->engine, &event, take_outcome, replay);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct engine_limits limits = { .agents = AGENTS,
						     .connections = CONNECTIONS,
						     .processes = PROCESSES,
						     .namespaces = NAMESPACES };
	static struct replay replay;

	MUST(engine_new(&replay.engine, &limits) == 0);
	replay.started = false;
	fuzz_lines(data, size, TRACE_LINE_SIZE - 1, take_line, &replay);
	for (int i = 0; i < 100 && engine_verdicts_pending(replay.engine); i++)
		engine_step(replay.engine,
			    &(struct event){ .type = EVENT_TIME,
					     .time = engine_deadline(replay.engine) },
			    take_outcome, &replay);
	engine_free(replay.engine);
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Recorded traces (tests/traces/NAME.trace, made by `make traces`) must give the verdicts that
 * were given when they were recorded: NAME.expected. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "events/trace.h"

#define TRACES "tests/traces/*.trace"

enum {
	AGENTS = 1,
	CONNECTIONS = 1024,
	PROCESSES = 1024,
	NAMESPACES = 8,
	TEXT_SIZE = 1 << 14,
	NAME_SIZE = 4096
};

struct replay {
	struct engine *engine;
	struct agent_settings settings;
	FILE *told; /* a line a record, as in NAME.expected */
};

static const char *const fields[] = {
	"CONNWATCH_KIND",
	"CONNWATCH_ENDED_BY",
	"CONNWATCH_CAUSE",
	"CONNWATCH_CONFIDENCE",
};

enum { FIELDS = sizeof(fields) / sizeof(*fields), VALUE_SIZE = 32 };

struct verdict_text {
	char values[FIELDS][VALUE_SIZE];
};

static void take_field(void *userdata, const char *name, const char *value)
{
	struct verdict_text *text = userdata;

	for (size_t i = 0; i < FIELDS; i++)
		if (strcmp(name, fields[i]) == 0)
			snprintf(text->values[i], VALUE_SIZE, "%s", value);
}

static void tell(void *userdata, const struct outcome *outcome)
{
	struct replay *replay = userdata;
	const struct record *record = outcome->record;
	struct verdict_text text = { { "-", "-", "-", "-" } };

	if (outcome->type != OUTCOME_RECORD || record->belated ||
	    (record->kind != RECORD_ENDED && record->kind != RECORD_STALLED &&
	     record->kind != RECORD_RECOVERED))
		return;
	record_fields(record, take_field, &text);
	for (size_t i = 0; i < FIELDS; i++)
		fprintf(replay->told, "%s%c", text.values[i], i + 1 < FIELDS ? ' ' : '\n');
}

/* Returns false, having said why, if the line is none of a trace. */
static bool take_line(struct replay *replay, const char *file, const char *line)
{
	struct agent_settings settings;
	struct event event;
	const char *complaint;
	size_t column;
	int r = trace_parse(line, &event, &settings, &complaint, &column);

	if (r < 0)
		printf("%s: column %zu: %s: %s\n", file, column, complaint, line);
	if (r <= 0)
		return r == 0;
	if (event.type == EVENT_AGENT) {
		replay->settings = settings;
		event.watching.settings = &replay->settings;
	}
	engine_step(replay->engine, &event, tell, replay);
	return true;
}

static bool take_file(struct replay *replay, const char *file)
{
	FILE *trace = fopen(file, "re");
	char line[TRACE_LINE_SIZE];
	bool good = trace != NULL;

	while (good && fgets(line, sizeof(line), trace)) {
		line[strcspn(line, "\n")] = '\0';
		good = take_line(replay, file, line);
	}
	if (trace)
		fclose(trace);
	while (good && engine_verdicts_pending(replay->engine))
		engine_step(replay->engine,
			    &(struct event){ .type = EVENT_TIME,
					     .time = engine_deadline(replay->engine) },
			    tell, replay);
	return good;
}

static bool read_expected(const char *trace, char text[static TEXT_SIZE])
{
	char name[NAME_SIZE];
	FILE *file;
	size_t size = 0;

	snprintf(name, sizeof(name), "%.*s.expected", (int)(strlen(trace) - strlen(".trace")),
		 trace);
	file = fopen(name, "re");
	if (!file)
		return false;
	size = fread(text, 1, TEXT_SIZE - 1, file);
	text[size] = '\0';
	fclose(file);
	return true;
}

static bool replays_as_expected(const char *file)
{
	const struct engine_limits limits = {
		.agents = AGENTS,
		.connections = CONNECTIONS,
		.processes = PROCESSES,
		.namespaces = NAMESPACES,
	};
	char told[TEXT_SIZE] = "", expected[TEXT_SIZE];
	struct replay replay = { .told = fmemopen(told, sizeof(told), "w") };
	bool good = replay.told && engine_new(&replay.engine, &limits) == 0;

	good = good && take_file(&replay, file);
	engine_free(replay.engine);
	if (replay.told)
		fclose(replay.told);
	if (!good || !read_expected(file, expected)) {
		printf("%s: cannot be replayed, or its .expected cannot be read\n", file);
		return false;
	}
	if (strcmp(told, expected) == 0)
		return true;
	printf("%s: expected:\n%sgiven:\n%s", file, expected, told);
	return false;
}

int main(void)
{
	glob_t traces = { 0 };
	size_t passed = 0, failed;

	glob(TRACES, 0, NULL, &traces);
	for (size_t i = 0; i < traces.gl_pathc; i++)
		passed += replays_as_expected(traces.gl_pathv[i]);
	failed = traces.gl_pathc - passed;
	printf("%zu passed, %zu failed\n", passed, failed);
	globfree(&traces);
	return failed > 0;
}

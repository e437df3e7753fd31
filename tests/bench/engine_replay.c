/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How fast is the engine, and does it allocate?
 *
 *     engine_replay SECONDS TRACE...
 *     engine_replay -n PASSES TRACE...
 *
 * Replays the traces again and again, each pass later and with other cookies than the one before,
 * for about SECONDS of the processor's time, or PASSES times (for counting instructions). Reading
 * the traces is not part of it. Prints one line of JSON: events, records, seconds of the
 * processor's time, and how often the engine allocated in a step. */
#include "engine/engine.h"
#include "events/trace.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <stdio.h>

enum { AGENTS = 64, CONNECTIONS = 65536, NAMESPACES = 64 };

struct trace {
	struct event *events;
	size_t count;
};

/* ---- allocations: the linker sends the engine's here (--wrap) */

static uint64_t allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_malloc(size_t size)
{
	allocations++;
	return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	allocations++;
	return __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	allocations++;
	return __real_realloc(memory, size);
}

/* ---- traces */

static void add_event(struct trace *trace, const struct event *event)
{
	trace->events = reallocarray(trace->events, trace->count + 1, sizeof(*event));
	if (!trace->events)
		err(EXIT_FAILURE, "no memory");
	trace->events[trace->count++] = *event;
}

static void read_line(struct trace *trace, const char *file, const char *line)
{
	struct agent_settings *settings = malloc(sizeof(*settings)); /* the event points to it */
	const char *complaint;
	struct event event;
	size_t column;
	int r = settings ? trace_parse(line, &event, settings, &complaint, &column) : -ENOMEM;

	if (r < 0)
		errx(EXIT_FAILURE, "%s: %s", file, r == -ENOMEM ? "no memory" : complaint);
	if (r > 0)
		add_event(trace, &event);
	if (r == 0 || event.type != EVENT_AGENT)
		free(settings);
}

/* Removes the trace's agents, and with them the connections that it leaves open. */
static void end_trace(struct trace *trace)
{
	size_t count = trace->count;

	for (size_t i = 0; i < count; i++)
		if (trace->events[i].type == EVENT_AGENT)
			add_event(trace, &(struct event){
						 .type = EVENT_AGENT_GONE,
						 .time = trace->events[count - 1].time,
						 .agent = trace->events[i].agent,
					 });
}

static struct trace read_trace(const char *file)
{
	struct trace trace = { 0 };
	char line[TRACE_LINE_SIZE];
	FILE *stream = fopen(file, "re");

	if (!stream)
		err(EXIT_FAILURE, "%s", file);
	while (fgets(line, sizeof(line), stream)) {
		line[strcspn(line, "\n")] = '\0';
		read_line(&trace, file, line);
	}
	fclose(stream);
	if (!trace.count)
		errx(EXIT_FAILURE, "%s: no events", file);
	end_trace(&trace);
	return trace;
}

/* ---- replaying */

struct totals {
	uint64_t events;
	uint64_t records;
};

static void count_outcome(void *userdata, const struct outcome *outcome)
{
	struct totals *totals = userdata;

	totals->records += outcome->type == OUTCOME_RECORD;
}

/* `start`: the time that the trace begins at; `pass` makes its cookies those of other connections.
 * Returns the time of its end. */
static usec_t replay(struct engine *engine, const struct trace *trace, usec_t start, uint64_t pass,
		     struct totals *totals)
{
	usec_t first = trace->events[0].time;
	struct event event;

	for (size_t i = 0; i < trace->count; i++) {
		event = trace->events[i];
		event.time = start + event.time - first;
		if (event_is_connection(event.type))
			event.connection.cookie += pass << 32;
		engine_step(engine, &event, count_outcome, totals);
	}
	totals->events += trace->count;
	return event.time;
}

static double busy_seconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void run(struct engine *engine, const struct trace *traces, int count, double seconds,
		uint64_t passes)
{
	struct totals totals = { 0 };
	usec_t time = USEC_PER_SEC;
	double begin = busy_seconds(), busy = 0;

	allocations = 0;
	for (uint64_t pass = 1; passes ? pass <= passes : busy < seconds; pass++) {
		for (int i = 0; i < count; i++)
			time = replay(engine, &traces[i], time + USEC_PER_HOUR, pass, &totals);
		busy = busy_seconds() - begin;
	}
	printf("{\"events\": %llu, \"records\": %llu, \"seconds\": %.6f, \"allocations\": %llu}\n",
	       (unsigned long long)totals.events, (unsigned long long)totals.records, busy,
	       (unsigned long long)allocations);
}

int main(int argc, char **argv)
{
	const struct engine_limits limits = {
		.agents = AGENTS,
		.connections = CONNECTIONS,
		.processes = CONNECTIONS,
		.namespaces = NAMESPACES,
	};
	bool counted = argc > 1 && strcmp(argv[1], "-n") == 0;
	int first = counted ? 3 : 2, count = argc - first;
	struct trace *traces = count > 0 ? calloc((size_t)count, sizeof(*traces)) : NULL;
	struct engine *engine;

	if (!traces)
		errx(EXIT_FAILURE, "usage: engine_replay SECONDS|-n PASSES TRACE...");
	for (int i = 0; i < count; i++)
		traces[i] = read_trace(argv[first + i]);
	if (engine_new(&engine, &limits) < 0)
		errx(EXIT_FAILURE, "no memory");
	run(engine, traces, count, counted ? 0 : atof(argv[1]),
	    counted ? strtoull(argv[2], NULL, 10) : 0);
	engine_free(engine);
	return EXIT_SUCCESS;
}

#include "engine.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "engine_state.h"

/* A sample that has not come by then is asked for again: it may have been dropped on the way. */
#define SAMPLE_TIMEOUT (2 * USEC_PER_SEC)

/* How often deadlines may come due in one step: so often, and each one that is set. */
enum { GAP_STEPS = 1000, GAP_STEPS_EACH = 64 };

#define CONTAINER_OF(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

int engine_new(struct engine **ret, const struct engine_limits *limits)
{
	struct engine *engine = calloc(1, sizeof(*engine));

	if (!engine)
		return -ENOMEM;
	engine->limits = *limits;
	TAILQ_INIT(&engine->exited);
	engine->agents = calloc((size_t)limits->agents + 1, sizeof(*engine->agents));
	if (!engine->agents ||
	    keyed_table_init(&engine->connections, limits->connections, sizeof(struct connection)) <
		    0 ||
	    keyed_table_init(&engine->endings, limits->connections, sizeof(struct ending)) < 0 ||
	    keyed_table_init(&engine->processes, limits->processes,
			     sizeof(struct tracked_process)) < 0 ||
	    path_table_init(&engine->path, limits->namespaces) < 0 ||
	    deadline_heap_init(&engine->deadlines, limits->connections + 2 * limits->agents + 1) <
		    0) {
		engine_free(engine);
		return -ENOMEM;
	}
	*ret = engine;
	return 0;
}

struct engine *engine_free(struct engine *engine)
{
	if (!engine)
		return NULL;
	path_table_release(&engine->path);
	keyed_table_release(&engine->connections);
	keyed_table_release(&engine->endings);
	keyed_table_release(&engine->processes);
	deadline_heap_release(&engine->deadlines);
	free(engine->agents);
	free(engine);
	return NULL;
}

struct agent *engine_agent(struct engine *engine, uint32_t number)
{
	if (number == 0 || number > engine->limits.agents || !engine->agents[number].settings)
		return NULL;
	return &engine->agents[number];
}

void engine_record_begin(const struct agent *agent, enum record_kind kind, usec_t time,
			 struct record *record)
{
	*record = (struct record){
		.kind = kind,
		.time = time,
		.verdict.cause = CAUSE_UNKNOWN,
		.verdict.confidence = CONFIDENCE_INVALID,
	};
	if (!agent)
		return;
	record->mode = agent->mode;
	memcpy(record->agent, agent->settings->name, sizeof(record->agent));
	memcpy(record->unit, agent->unit.unit, sizeof(record->unit));
	memcpy(record->invocation_id, agent->unit.invocation_id, sizeof(record->invocation_id));
}

void engine_record_out(struct engine *engine, const struct record *record)
{
	struct outcome outcome = { .type = OUTCOME_RECORD, .record = record };

	engine->sink(engine->sink_userdata, &outcome);
}

static void take_lost(struct engine *engine, usec_t time, uint64_t count)
{
	struct record record;

	engine_record_begin(NULL, RECORD_EVIDENCE_LOST, time, &record);
	record.mode = engine->mode;
	record.lost_events = count;
	engine_record_out(engine, &record);
}

void engine_ask_for_sample(struct engine *engine)
{
	struct outcome outcome = { .type = OUTCOME_SAMPLE };

	if (!engine->sample_asked)
		engine->sample++;
	else if (engine->now < engine->sample_asked + SAMPLE_TIMEOUT)
		return;
	engine->sample_asked = engine->now;
	engine->sink(engine->sink_userdata, &outcome);
}

static void deadline_due(struct engine *engine, struct deadline *deadline)
{
	switch ((enum deadline_kind)deadline->kind) {
	case DEADLINE_OF_CONNECTION:
		connections_due(engine, CONTAINER_OF(deadline, struct connection, deadline));
		break;
	case DEADLINE_OF_AGENT:
		agents_due(engine, CONTAINER_OF(deadline, struct agent, deadline));
		break;
	case DEADLINE_OF_PLAN:
		policy_due(engine, CONTAINER_OF(deadline, struct agent, plan.deadline));
		break;
	case DEADLINE_OF_PATH:
		stalls_path_due(engine);
		break;
	}
}

/* Everything happens when it is due. Only a gap in time that is so long that what repeats would
 * come due without end (a clock that is wrong, a forged trace) is not lived through: the rest of it
 * happens at its end. */
static void happen_until(struct engine *engine, usec_t time)
{
	uint64_t patience = GAP_STEPS + (uint64_t)GAP_STEPS_EACH * engine->deadlines.count;
	struct deadline *first;

	while ((first = deadline_first(&engine->deadlines)) && first->when <= time) {
		usec_t when = patience > 0 ? first->when : time;

		patience -= patience > 0;
		if (when > engine->now)
			engine->now = when;
		deadline_clear(&engine->deadlines, first);
		deadline_due(engine, first);
	}
}

static void take(struct engine *engine, const struct event *event)
{
	switch (event->type) {
	case EVENT_AGENT:
	case EVENT_AGENT_GONE:
	case EVENT_UNIT:
	case EVENT_CAUGHT_UP:
		agents_take(engine, event);
		break;
	case EVENT_OPENED:
	case EVENT_FOUND:
	case EVENT_ESTABLISHED:
	case EVENT_CLOSING:
	case EVENT_ENDED:
	case EVENT_RESET_SENT:
	case EVENT_RETRANSMIT:
	case EVENT_HEALED:
	case EVENT_NEVER_OPENED:
	case EVENT_VANISHED:
	case EVENT_SAMPLED:
	case EVENT_SAMPLE_DONE:
		connections_take(engine, event);
		break;
	case EVENT_COMMAND:
	case EVENT_STARTED:
	case EVENT_EXECED:
	case EVENT_SIGNALED:
	case EVENT_DUMPING:
	case EVENT_EXITED:
		processes_take(engine, event);
		break;
	case EVENT_ACTION_RESULT:
		policy_take_result(engine, event);
		break;
	case EVENT_LOST:
		take_lost(engine, event->time, event->lost.records);
		engine_ask_for_sample(engine);
		break;
	case EVENT_HISTORY_SESSION:
	case EVENT_HISTORY_TROUBLE:
	case EVENT_HISTORY_ACTION:
		history_take(engine, event);
		break;
	case EVENT_SUSPENDED:
		engine->resumed = event->time;
		engine->slept = event->suspended;
		break;
	case EVENT_NAMESPACE:
	case EVENT_LINK:
	case EVENT_ADDRESS:
	case EVENT_ROUTE:
	case EVENT_NEIGHBOUR:
		path_take(&engine->path, event);
		stalls_take_path(engine, event);
		policy_take_path(engine);
		break;
	case EVENT_TIME:
	case EVENT_TYPE_MAX:
	case EVENT_TYPE_INVALID:
		break;
	}
}

void engine_step(struct engine *engine, const struct event *event, outcome_sink sink,
		 void *userdata)
{
	engine->sink = sink;
	engine->sink_userdata = userdata;
	/* What has happened to connections before news of the way may be yet to come. */
	if (!event_is_path(event->type))
		happen_until(engine, event->time);
	if (event->time > engine->now)
		engine->now = event->time;
	processes_forget_exited(engine);
	take(engine, event);
	if (engine->refused) {
		take_lost(engine, engine->now, engine->refused);
		engine->refused = 0;
	}
	engine->sink = NULL;
}

usec_t engine_deadline(const struct engine *engine)
{
	const struct deadline *first = deadline_first(&engine->deadlines);

	return first ? deadline_latest(first) : USEC_INFINITY;
}

bool engine_is_due(const struct engine *engine, usec_t time)
{
	const struct deadline *first = deadline_first(&engine->deadlines);

	return first && first->when <= time;
}

bool engine_verdicts_pending(const struct engine *engine)
{
	return engine->endings.count > 0;
}

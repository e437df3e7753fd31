#include "engine_state.h"

/* How long a dead process is remembered: its sockets close after its death is reported, within
 * moments, but a close may be deferred. */
#define EXITED_MEMORY (10 * USEC_PER_SEC)

static void forget(struct engine *engine, struct tracked_process *process)
{
	struct ending *ending;

	while ((ending = LIST_FIRST(&process->endings))) {
		LIST_REMOVE(ending, of_process);
		ending->process = NULL;
	}
	if (process->facts.exited)
		TAILQ_REMOVE(&engine->exited, process, in_exited);
	keyed_table_remove(&engine->processes, process);
}

void processes_forget_exited(struct engine *engine)
{
	struct tracked_process *oldest;

	while ((oldest = TAILQ_FIRST(&engine->exited)) &&
	       oldest->facts.exited_at + EXITED_MEMORY < engine->now)
		forget(engine, oldest);
}

void processes_forget_agent(struct engine *engine, uint32_t agent)
{
	struct tracked_process *process = NULL;

	while ((process = keyed_table_next(&engine->processes, process)))
		if (process->facts.agent == agent)
			forget(engine, process);
}

bool engine_agent_alive(struct engine *engine, uint32_t number)
{
	struct tracked_process *process = NULL;

	while ((process = keyed_table_next(&engine->processes, process)))
		if (process->facts.agent == number && !process->facts.exited)
			return true;
	return false;
}

struct tracked_process *processes_find(struct engine *engine, uint32_t pid)
{
	return pid ? keyed_table_find(&engine->processes, pid) : NULL;
}

struct tracked_process *processes_track(struct engine *engine, const struct task *task,
					uint32_t agent)
{
	struct tracked_process *process = processes_find(engine, task->pid);

	if (process || !task->pid)
		return process;
	process = keyed_table_add(&engine->processes, task->pid);
	if (!process && !TAILQ_EMPTY(&engine->exited)) {
		forget(engine, TAILQ_FIRST(&engine->exited));
		process = keyed_table_add(&engine->processes, task->pid);
	}
	if (!process)
		return NULL;
	process->facts.task = *task;
	process->facts.agent = agent;
	return process;
}

static void take_agent_stop(struct engine *engine, const struct event *event)
{
	struct agent *agent = engine_agent(engine, event->agent);

	if (agent && signal_is_stop_request(event->process.signal) &&
	    !event->process.sender.in_agent)
		agent->stop = (struct signal_facts){
			.number = event->process.signal,
			.time = event->time,
			.from_kernel = event->process.from_kernel,
			.sender = event->process.sender,
		};
}

void processes_take(struct engine *engine, const struct event *event)
{
	struct tracked_process *process = processes_find(engine, event->process.task.pid);
	bool had_exited;

	/* The number of a dead process is given to another one. */
	if (process && process->facts.exited &&
	    (event->type == EVENT_STARTED || event->type == EVENT_COMMAND)) {
		forget(engine, process);
		process = NULL;
	}
	if (event->type == EVENT_COMMAND)
		agents_take_command(engine, event);
	if (event->type == EVENT_SIGNALED)
		take_agent_stop(engine, event);
	if (!process)
		process = processes_track(engine, &event->process.task, event->agent);
	if (!process)
		return;
	had_exited = process->facts.exited;
	process_update(&process->facts, event);
	if (event->type == EVENT_SIGNALED || event->type == EVENT_DUMPING)
		stalls_take_signal(engine, event);
	if (!process->facts.exited || had_exited)
		return;
	TAILQ_INSERT_TAIL(&engine->exited, process, in_exited);
	endings_reconsider(engine, process);
	stalls_take_exit(engine, event);
	agents_take_exit(engine, &process->facts);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/processes.h"

/* How long a dead process is remembered. Its sockets close after its death is reported: within
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
	state_remove(engine, &engine->processes, process, process->facts.agent);
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

/* The one that exited first: of `agent`, as it may have no room because of its own; else of any.
 * Returns false if there is none. */
static bool forget_one_exited(struct engine *engine, uint32_t agent)
{
	struct tracked_process *process;

	TAILQ_FOREACH(process, &engine->exited, in_exited)
	if (process->facts.agent == agent)
		break;
	if (!process)
		process = TAILQ_FIRST(&engine->exited);
	if (process)
		forget(engine, process);
	return process != NULL;
}

struct tracked_process *processes_track(struct engine *engine, const struct task *task,
					uint32_t agent)
{
	struct tracked_process *process = state_process(engine, task->pid);

	if (process || !task->pid)
		return process;
	process = state_add(engine, &engine->processes, task->pid, agent);
	if (!process && forget_one_exited(engine, agent))
		process = state_add(engine, &engine->processes, task->pid, agent);
	if (!process)
		return NULL;
	process->facts.task = *task;
	process->facts.agent = agent;
	return process;
}

/* True if the event shows a new process that has the pid of a dead one. */
static bool pid_is_reused(const struct tracked_process *process, const struct event *event)
{
	return process && process->facts.exited &&
	       (event->type == EVENT_STARTED || event->type == EVENT_COMMAND);
}

struct tracked_process *processes_take(struct engine *engine, const struct event *event)
{
	struct tracked_process *process = state_process(engine, event->process.task.pid);
	bool had_exited;

	if (pid_is_reused(process, event))
		forget(engine, process);
	process = processes_track(engine, &event->process.task, event->agent);
	if (!process)
		return NULL;
	had_exited = process->facts.exited;
	process_update(&process->facts, event);
	if (had_exited || !process->facts.exited)
		return NULL;
	TAILQ_INSERT_TAIL(&engine->exited, process, in_exited);
	return process;
}

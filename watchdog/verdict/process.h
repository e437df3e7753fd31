/* What the engine remembers of one process of an agent. Kept a while after its death, because a
 * process is reported dead before its sockets close. */
#pragma once

#include "event.h"
#include "record.h"

/* A signal and where it came from. */
struct signal_facts {
	int number; /* 0: none yet */
	usec_t time;
	bool from_kernel;
	struct task sender;
};

struct process {
	struct task task;
	uint32_t agent;
	struct signal_facts
		stop; /* the last one that asks a process to end: TERM, INT, QUIT, HUP */
	struct signal_facts fatal; /* the last one that ends it: SEGV, ABRT, KILL, ... */
	usec_t execed;             /* 0: never seen */
	bool frozen;               /* stopped by SIGSTOP and its kind */
	bool oom;                  /* the OOM killer chose it */
	usec_t dumping;            /* it began to write its core dump; 0: not seen */
	bool exited;
	usec_t exited_at;
	uint32_t exit_code; /* as wait(2) encodes it */
};

/* Takes in an event_is_process() event of this process. */
void process_update(struct process *process, const struct event *event);

/* The parts of a wait(2) status. */
struct exit_facts exit_facts_from_code(uint32_t exit_code);

/* True for signals that ask: a process may refuse or tidy up first. */
bool signal_is_stop_request(int signal);

/* True for signals whose default action writes a core dump (signal(7)). */
bool signal_dumps_core(int signal);

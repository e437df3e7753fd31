/* Verdicts on connections that are still open. */
#pragma once

#include "verdict.h"

/* How long an agent may send nothing, or leave data unread, before it counts as hung: a little more
 * than the keep-alive it promised, and less than the 1.5 times of it after which the hub gives up
 * (MQTT 3.1.1, 3.1.2.10), so that we speak before the hub does. */
usec_t stall_patience(const struct agent_settings *settings);

/* How much later than that a look will do, for the same reason. */
usec_t stall_slack(const struct agent_settings *settings);

/* The process took a fatal signal and has not ended: it is writing its core dump. Returns false if
 * this is not so. */
bool stall_of_dying_process(const struct circumstances *given, struct verdict *verdict);

/* The agent does not read, or does not send. `unread_since`: when it was first seen not to read
 * what is there; 0: it reads. Returns false if it is at work. */
bool stall_of_idle_agent(const struct circumstances *given, usec_t unread_since,
			 struct verdict *verdict);

/* The peer does not acknowledge. */
void stall_of_path(const struct circumstances *given, struct verdict *verdict);

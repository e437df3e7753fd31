/* The decision table: what the kernel's evidence says happened to a socket. */
#pragma once

#include "event.h"

/* `facts` as of the first event that ended the session: EVENT_CLOSING or EVENT_ENDED. Total:
 * whatever does not add up is ENDED_BY_UNKNOWN. */
enum ended_by ended_by_classify(const struct socket_facts *facts);

/* True if our own side asked for the end (close(), shutdown(), disconnect(), giving up while
 * connecting), so that the task that was current is the one that did it. */
bool ended_by_own_side(const struct socket_facts *facts);

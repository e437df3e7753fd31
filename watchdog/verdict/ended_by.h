/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ENDED_BY: what happened to a socket, by the kernel's evidence alone. */
#pragma once

#include "events/event.h"

/* `facts` as of the first event that ended the session: EVENT_CLOSING or EVENT_ENDED. Total: what
 * does not fit together is ENDED_BY_UNKNOWN. */
enum ended_by ended_by_classify(const struct socket_facts *facts);

/* True if our own side asked for the end: close(), shutdown(), disconnect(), or giving up while
 * connecting. Then the current task of the event is the one that asked. */
bool ended_by_own_side(const struct socket_facts *facts);

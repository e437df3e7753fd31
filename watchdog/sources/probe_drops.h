/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside the probe: what this host drops of a connection's packets. The program that counts it is
 * attached only while a connection is in trouble, or attempts fail: every packet that the host
 * drops runs it. */
#pragma once

#include "events/event.h"

struct probe;

/* To be called for each event, before it is handed on: adds what was dropped of its connection so
 * far, and notes whether the connection is in trouble. */
void probe_drops_note(struct probe *probe, struct event *event);

/* To be called whenever records have been taken: attaches the program if anything is looked at, and
 * detaches it once nothing has been for a while. Where the kernel does not say why it drops,
 * nothing ever is. */
void probe_drops_follow(struct probe *probe);

/* Returns when probe_drops_follow() is to be called, whatever comes; USEC_INFINITY: never. */
usec_t probe_drops_next_look(const struct probe *probe);

void probe_drops_close(struct probe *probe);

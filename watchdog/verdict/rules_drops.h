/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules and facts: this host itself dropped the connection's packets, or could not send them. */
#pragma once

#include "verdict/evidence.h"

/* This host dropped all that was sent while that was looked at: all of a connection, or two packets
 * at least; or it dropped what came, two packets at least. */
bool dropped_all_here(const struct socket_facts *socket);

/* This host dropped all that was sent while that was looked at, but for the last at most. */
bool dropped_most_here(const struct socket_facts *socket);

/* Nothing of what waits has left this host, though the peer has room for it: the kernel tries to
 * send it and fails each time. */
bool did_not_leave(const struct socket_facts *socket);

/* Adds what was dropped, if anything was. */
void describe_drops(struct deliberation *on);

/* This host dropped what was sent or what came, or answered it with a RST of its own:
 * host-firewall. Otherwise SILENT. Never WAIT. */
enum ruling rule_dropped_here(struct deliberation *on);

/* What waits did not leave this host, on a path that is whole: host-firewall. Otherwise SILENT.
 * Never WAIT. */
enum ruling rule_did_not_leave(struct deliberation *on);

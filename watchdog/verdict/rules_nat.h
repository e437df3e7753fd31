/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules and facts: this host's own NAT or connection tracking lost the connection. */
#pragma once

#include "verdict/evidence.h"

/* Its NAT translates the connection otherwise than when it began, or not any more; and that was so
 * as soon as there was trouble. */
bool nat_lost_it(const struct socket_facts *socket);

/* Likewise, and otherwise: to the peer, what comes now is of another connection. */
bool nat_moved_it(const struct socket_facts *socket);

/* A RST from outside answered what the agent sent, on a connection of which this host has no entry,
 * though it tracks others. */
bool nat_may_have_begun(const struct socket_facts *socket);

/* This host tracks no connections, or this one as it did when it began. */
bool nat_leads_on(const struct socket_facts *socket);

/* The table has no room for a new connection, and a filter of this host dropped what was sent. */
bool table_is_too_full(const struct socket_facts *socket);

/* The table had no room for the attempt: host-nat. Otherwise SILENT. Never WAIT. */
enum ruling rule_no_room(struct deliberation *on);

/* This host's NAT lost the connection: host-nat. Otherwise SILENT. Never WAIT. */
enum ruling rule_lost_by_nat(struct deliberation *on);

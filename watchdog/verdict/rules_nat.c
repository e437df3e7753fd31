/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/rules_nat.h"

#include "verdict/rules_drops.h"

/* Where it was asked for both times, and what it said then. */
static bool is_known(uint16_t tracking)
{
	return tracking & TRACKING_HERE && tracking & TRACKING_SEEN && tracking & TRACKING_ASKED;
}

static bool is_gone(uint16_t tracking)
{
	return tracking & TRACKING_KNOWN && !(tracking & TRACKING_FOUND);
}

/* NAT that begins while a connection is open may lead it on from another port: the peer, which does
 * not know that one, answers what comes from there with a RST, and that takes the entry away. NAT
 * has entries of other connections as well. */
bool nat_may_have_begun(const struct socket_facts *socket)
{
	return socket->reset_received && !socket->reset_from_here && !reset_acknowledges(socket) &&
	       socket->unacked_bytes > 0 && socket->tracking & TRACKING_BUSY &&
	       !(socket->tracking & TRACKING_KNOWN);
}

bool nat_leads_on(const struct socket_facts *socket)
{
	uint16_t tracking = socket->tracking;

	if (nat_may_have_begun(socket))
		return false;
	return !(tracking & TRACKING_HERE) || (is_known(tracking) && !is_gone(tracking) &&
					       !(tracking & (TRACKING_MOVED | TRACKING_FULL)));
}

bool nat_lost_it(const struct socket_facts *socket)
{
	uint16_t tracking = socket->tracking;

	return is_known(tracking) && tracking & TRACKING_NAT &&
	       !(tracking & (TRACKING_LATE | TRACKING_READDRESSED | TRACKING_FULL)) &&
	       (tracking & TRACKING_MOVED || is_gone(tracking));
}

bool nat_moved_it(const struct socket_facts *socket)
{
	return nat_lost_it(socket) && socket->tracking & TRACKING_MOVED;
}

bool table_is_too_full(const struct socket_facts *socket)
{
	return socket->tracking & TRACKING_FULL && !(socket->tracking & TRACKING_KNOWN) &&
	       dropped_most_here(socket) && socket->dropped_by & DROP_BY_NETFILTER;
}

enum ruling rule_no_room(struct deliberation *on)
{
	if (!table_is_too_full(on->given->socket))
		return SILENT;
	tokens_add(evidence(on), "conntrack_table=full");
	describe_drops(on);
	return nominate(on, CAUSE_HOST_NAT);
}

/* NAT's entry of the connection, in a word; NULL: it is as it was, for all that is known. */
static const char *entry_of(const struct socket_facts *socket)
{
	if (nat_lost_it(socket))
		return nat_moved_it(socket) ? "another" : "gone";
	return nat_may_have_begun(socket) && socket->reset_without_ack ? "none" : NULL;
}

/* A firewall's rule that drops what conntrack does not know is a rule of the firewall. */
enum ruling rule_lost_by_nat(struct deliberation *on)
{
	const struct socket_facts *socket = on->given->socket;
	const char *entry = entry_of(socket);

	if (!entry || dropped_most_here(socket) ||
	    (on->verdict->ended_by == ENDED_BY_PEER_RESET && reset_acknowledges(socket)))
		return SILENT;
	tokens_add(evidence(on), "nat_entry=%s", entry);
	describe_peers_reset(on);
	return nominate(on, CAUSE_HOST_NAT);
}

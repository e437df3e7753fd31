/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/rules_drops.h"

/* One packet may be dropped by a limit, or for a state that is just changing. */
enum { DROPS_LEAST = 2 };

static bool dropped_all_sent(const struct socket_facts *socket)
{
	return socket->dropped_out > 0 && socket->dropped_out >= socket->sent_meanwhile &&
	       (socket->dropped_out >= DROPS_LEAST || socket->sought_from_first);
}

bool dropped_all_here(const struct socket_facts *socket)
{
	return dropped_all_sent(socket) || socket->dropped_in >= DROPS_LEAST;
}

/* The last may be on its way to the rule that drops it, when the others are counted. */
bool dropped_most_here(const struct socket_facts *socket)
{
	return socket->dropped_out > 0 && socket->dropped_out + 1 >= socket->sent_meanwhile;
}

/* The kernel counts its probes from what came last: after a FIN, there are none. */
bool did_not_leave(const struct socket_facts *socket)
{
	return (socket->probes > 0 || could_not_be_sent(socket)) &&
	       socket->retransmit_timeouts == 0 && socket->unacked_bytes > 0 &&
	       socket->unacked_bytes <= socket->send_window;
}

static void describe_dropper(struct tokens *tokens, uint8_t by)
{
	if (by & DROP_BY_NETFILTER)
		tokens_add(tokens, "dropped_by=netfilter");
	if (by & DROP_BY_CGROUP)
		tokens_add(tokens, "dropped_by=control-group-filter");
	if (by & DROP_BY_TC)
		tokens_add(tokens, "dropped_by=tc-filter");
	if (by & DROP_IN_HOST_NETNS)
		tokens_add(tokens, "dropped_in=host-namespace");
	if (by & DROP_AS_NEW)
		tokens_add(tokens, "conntrack=new");
}

void describe_drops(struct deliberation *on)
{
	const struct socket_facts *socket = on->given->socket;
	struct tokens *tokens = evidence(on);

	if (socket->dropped_out)
		tokens_add(tokens, "dropped_here=%u", socket->dropped_out);
	if (socket->dropped_in)
		tokens_add(tokens, "dropped_here_in=%u", socket->dropped_in);
	if (!socket->dropped_out && !socket->dropped_in)
		return;
	if (socket->sent_meanwhile)
		tokens_add(tokens, "sent_meanwhile=%u", socket->sent_meanwhile);
	describe_dropper(tokens, socket->dropped_by);
}

enum ruling rule_dropped_here(struct deliberation *on)
{
	const struct socket_facts *socket = on->given->socket;

	if (!dropped_all_here(socket) && !dropped_most_here(socket) && !socket->reset_from_here)
		return SILENT;
	if (socket->reset_from_here)
		tokens_add(evidence(on), "reset_came_by=loopback-interface");
	describe_drops(on);
	return nominate(on, CAUSE_HOST_FIREWALL);
}

enum ruling rule_did_not_leave(struct deliberation *on)
{
	const struct path_view *path = &on->given->path;

	if (!did_not_leave(on->given->socket) || !path->known || !path_is_whole(path))
		return SILENT;
	tokens_add(evidence(on), "not_sent=the-kernel-tried-in-vain");
	return nominate(on, CAUSE_HOST_FIREWALL);
}

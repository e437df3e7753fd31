/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/rules_network.h"

#include "verdict/device.h"
#include "verdict/radio.h"
#include "verdict/rules_drops.h"
#include "verdict/rules_half_path.h"
#include "verdict/rules_host.h"
#include "verdict/rules_nat.h"

/* The connection was dead when the agent wrote again, each time after the same silence, and no
 * session had survived one like it: a NAT or balancer on the path forgets idle connections. Where a
 * session may have, the agent sends at intervals, and whatever breaks the path does so in one. */
static enum ruling rule_forgotten(struct deliberation *on)
{
	const struct circumstances *given = on->given;
	struct rhythm silences;

	if (!given->session)
		return SILENT;
	silences = rhythm_of_silences(given->past_sessions, given->session);
	if (silences.count < RHYTHM_MIN)
		return SILENT;
	tokens_add(evidence(on), "like_silences=%u", silences.count);
	if (silences.firsts < RHYTHM_MIN)
		return SILENT;
	on->verdict->period = silences.period;
	on->verdict->period_count = silences.count;
	return nominate(on, CAUSE_IDLE_DROP);
}

static void add_changes(struct tokens *tokens, const char *name, const struct path_part *part,
			usec_t end)
{
	if (part->lost)
		tokens_add(tokens, "%s_lost_before_msec=%llu", name,
			   (unsigned long long)((end - part->lost) / USEC_PER_MSEC));
	if (part->back)
		tokens_add(tokens, "%s_back_before_msec=%llu", name,
			   (unsigned long long)((end - part->back) / USEC_PER_MSEC));
}

/* Returns when data that is still unanswered was first sent, at the latest; `given->time` where
 * nothing waits for an answer. */
static usec_t trouble_began(const struct circumstances *given)
{
	const struct socket_facts *socket = given->socket;
	usec_t ago = unanswered_for(socket);

	if (socket->unacked_bytes == 0 || socket->retransmit_timeouts == 0)
		return given->time;
	return ago < given->time ? given->time - ago : 0;
}

/* A part that came back explains what happens after that only if its absence was long enough for
 * the peer to lose patience, or if what was sent meanwhile is still unanswered. */
static bool explains(const struct circumstances *given, const struct path_part *part)
{
	if (!part->there)
		return true;
	if (!part->lost)
		return false;
	return outlasted_patience(given, part) || part->back > trouble_began(given);
}

static enum ruling decide_part(struct deliberation *on, const char *name,
			       const struct path_part *part, enum cause cause)
{
	add_changes(evidence(on), name, part, on->given->time);
	device_describe(on, part);
	return nominate(on, cause);
}

/* A link that went because this host left its access point is down as one that was set down is. */
static enum ruling decide_link(struct deliberation *on)
{
	const struct path_view *path = &on->given->path;

	if (path->disabled)
		tokens_add(evidence(on), "interface_state=set-down");
	radio_describe(on);
	return decide_part(on, "link", &path->link, CAUSE_LINK_DOWN);
}

static enum ruling decide_radio(struct deliberation *on)
{
	const struct path_view *path = &on->given->path;

	radio_describe(on);
	if (radio_is_of_modem(path->loss.radio))
		return decide_part(on, "modem", &path->radio, CAUSE_MODEM_DISCONNECTED);
	return decide_part(on, "wifi", &path->radio, CAUSE_WIFI_DISCONNECTED);
}

/* The radio and the link come first, in this order: a link may go because its radio did, an address
 * or a route because its link went. */
enum ruling rule_broken_path(struct deliberation *on)
{
	const struct path_view *path = &on->given->path;

	if (!path->known)
		return SILENT;
	if (*path->interface &&
	    (explains(on->given, &path->radio) || explains(on->given, &path->link))) {
		tokens_add(evidence(on), "interface=%s", path->interface);
		return explains(on->given, &path->radio) && path->loss.radio != RADIO_LEFT
			       ? decide_radio(on)
			       : decide_link(on);
	}
	if (explains(on->given, &path->address))
		return decide_part(on, "address", &path->address, CAUSE_ADDRESS_CHANGED);
	if (path->routes_known && explains(on->given, &path->route))
		return decide_part(on, "route", &path->route, CAUSE_NO_ROUTE);
	return SILENT;
}

enum ruling rule_path_still_broken(struct deliberation *on)
{
	const struct path_view *path = &on->given->path;

	return !path->known || path_is_whole(path) ? SILENT : rule_broken_path(on);
}

/* The kernel's counters show that nothing came back. */
enum ruling decide_silent_path(struct deliberation *on)
{
	const struct path_view *path = &on->given->path;

	if (rule_dropped_here(on) == DECIDED || rule_broken_path(on) == DECIDED ||
	    rule_lost_by_nat(on) == DECIDED)
		return DECIDED;
	if (path->known && path->routes_known && !path->next_hop.there)
		tokens_add(evidence(on), "next_hop=unanswered");
	if (on->given->icmp_error_came) {
		if (!on->given->socket->soft_error)
			tokens_add(evidence(on), "icmp_before=yes");
		return nominate(on, CAUSE_UNREACHABLE);
	}
	if (on->given->stalled == CAUSE_UNREACHABLE) {
		tokens_add(evidence(on), "stalled_before=unreachable");
		return nominate(on, CAUSE_UNREACHABLE);
	}
	if (rule_did_not_leave(on) == DECIDED || rule_half_path(on) == DECIDED)
		return DECIDED;
	describe_drops(on);
	return nominate(on, CAUSE_PATH_SILENT);
}

/* Nor is it known yet whether a connection of the other family comes up. */
static enum ruling decide_unanswered(struct deliberation *on)
{
	enum ruling ruling = rule_no_room(on);

	if (ruling == SILENT)
		ruling = rule_dropped_here(on);
	if (ruling == SILENT)
		ruling = rule_broken_path(on);
	if (ruling == SILENT)
		ruling = rule_half_dual_stack(on);
	return ruling == SILENT ? decide_silent_path(on) : ruling;
}

static enum ruling decide_unreachable(struct deliberation *on)
{
	if (rule_dropped_here(on) == DECIDED || rule_broken_path(on) == DECIDED)
		return DECIDED;
	if (on->given->path.routes_known && !on->given->path.next_hop.there)
		tokens_add(evidence(on), "next_hop=unanswered");
	return nominate(on, CAUSE_UNREACHABLE);
}

enum ruling rule_network(struct deliberation *on)
{
	switch (on->verdict->ended_by) {
	case ENDED_BY_RETRANSMIT_TIMEOUT:
	case ENDED_BY_USER_TIMEOUT:
		if (rule_suspended(on) == DECIDED ||
		    (!dropped_all_here(on->given->socket) && !nat_lost_it(on->given->socket) &&
		     rule_forgotten(on) == DECIDED))
			return DECIDED;
		return decide_silent_path(on);
	case ENDED_BY_KEEPALIVE_TIMEOUT:
	case ENDED_BY_PROBE_TIMEOUT:
		if (rule_suspended(on) == DECIDED)
			return DECIDED;
		return decide_silent_path(on);
	case ENDED_BY_CONNECT_TIMEOUT:
		return decide_unanswered(on);
	case ENDED_BY_UNREACHABLE:
	case ENDED_BY_CONNECT_UNREACHABLE:
		return decide_unreachable(on);
	case ENDED_BY_OUT_OF_MEMORY:
		return nominate(on, CAUSE_MEMORY_PRESSURE);
	case ENDED_BY_UNKNOWN:
	case ENDED_BY_PEER_FIN:
	case ENDED_BY_PEER_RESET:
	case ENDED_BY_LOCAL_FIN:
	case ENDED_BY_LOCAL_RESET:
	case ENDED_BY_ABORTED:
	case ENDED_BY_CONNECT_REFUSED:
	case ENDED_BY_MAX:
	case ENDED_BY_INVALID:
		break;
	}
	return SILENT;
}

/* Rules: nobody ended the connection, the kernel gave up. */
#include "verdict_rules.h"

enum { SILENCES_LEARNED = 3 };

/* The connection was dead when the agent wrote again, each time after the same silence: something
 * on the way forgets idle connections. */
static enum ruling rule_forgotten(struct deliberation *on)
{
	const struct circumstances *given = on->given;
	struct rhythm silences;

	if (!given->session)
		return SILENT;
	silences = history_silences(given->history, given->session);
	if (silences.count < SILENCES_LEARNED)
		return SILENT;
	tokens_add(evidence(on), "like_silences=%u", silences.count);
	on->verdict->period = silences.period;
	on->verdict->period_count = silences.count;
	return decide(on, CAUSE_IDLE_DROP, CONFIDENCE_LIKELY);
}

static void add_change(struct tokens *tokens, const char *name, const struct path_part *part,
		       usec_t end)
{
	if (part->lost)
		tokens_add(tokens, "%s_lost_before_msec=%llu", name,
			   (unsigned long long)((end - part->lost) / USEC_PER_MSEC));
	if (part->back)
		tokens_add(tokens, "%s_back_before_msec=%llu", name,
			   (unsigned long long)((end - part->back) / USEC_PER_MSEC));
}

static bool broken(const struct path_part *part)
{
	return !part->there || part->lost;
}

/* What is still missing settles it; what came back in the meantime, or may have, makes it likely.
 * What was missing while packets came, was not: the kernel tells of a link that has come up after a
 * while, when it carries packets already (linkwatch_schedule_work()). */
static enum confidence confidence_of_part(const struct circumstances *given,
					  const struct path_part *part)
{
	if (!part->there && !part->lost && given->came_up)
		return given->path.covered ? CONFIDENCE_SUSPECTED : CONFIDENCE_LIKELY;
	return part->there || part->doubtful ? CONFIDENCE_LIKELY : CONFIDENCE_PROVED;
}

static enum ruling decide_part(struct deliberation *on, const char *name,
			       const struct path_part *part, enum cause cause)
{
	add_change(evidence(on), name, part, on->given->time);
	return decide(on, cause, confidence_of_part(on->given, part));
}

/* An address that goes because its link went is the link's doing. */
enum ruling rule_broken_path(struct deliberation *on)
{
	const struct path_view *path = &on->given->path;

	if (!path->known)
		return SILENT;
	if (*path->interface && broken(&path->link)) {
		tokens_add(evidence(on), "interface=%s", path->interface);
		if (path->disabled)
			tokens_add(evidence(on), "interface_state=set-down");
		return decide_part(on, "link", &path->link, CAUSE_LINK_DOWN);
	}
	if (broken(&path->address))
		return decide_part(on, "address", &path->address, CAUSE_ADDRESS_CHANGED);
	if (path->routes_known && broken(&path->route))
		return decide_part(on, "route", &path->route, CAUSE_NO_ROUTE);
	return SILENT;
}

/* It was whole at the end, or was broken just before. */
static bool may_be_broken(const struct path_view *path)
{
	return path->link.doubtful || path->address.doubtful || path->route.doubtful;
}

static void rule_path_out(struct deliberation *on)
{
	const struct path_view *path = &on->given->path;

	if (*path->interface)
		tokens_add(ruled_out(on), "link-down=%s-stayed-up", path->interface);
	tokens_add(ruled_out(on), "address-changed=address-stayed");
	if (path->routes_known)
		tokens_add(ruled_out(on), "no-route=route-stayed");
	if (path->routes_known && !path->next_hop.there)
		tokens_add(evidence(on), "next_hop=unanswered");
}

/* That nothing came back is the kernel's evidence; that our end was up all the while is the path's.
 * Together they prove that the way was silent; on a hunch, they make it likely. */
enum ruling decide_path(struct deliberation *on, enum confidence at_most)
{
	const struct path_view *path = &on->given->path;
	bool sure = path->known && path->covered && path->routes_known && *path->interface &&
		    !may_be_broken(path);

	if (rule_broken_path(on) == DECIDED)
		return DECIDED;
	tokens_add(ruled_out(on), "peer-reset=no-RST-arrived");
	if (path->known)
		rule_path_out(on);
	if (on->given->socket->soft_error) /* an ICMP error came, and the kernel goes on trying */
		return decide(on, CAUSE_UNREACHABLE, CONFIDENCE_LIKELY);
	return decide(on, CAUSE_PATH_SILENT,
		      sure && at_most < CONFIDENCE_PROVED ? at_most + 1 : at_most);
}

static enum ruling decide_unreachable(struct deliberation *on)
{
	if (rule_broken_path(on) == DECIDED)
		return DECIDED;
	if (on->given->path.routes_known && !on->given->path.next_hop.there)
		tokens_add(evidence(on), "next_hop=unanswered");
	return decide(on, CAUSE_UNREACHABLE,
		      may_be_broken(&on->given->path) ? CONFIDENCE_LIKELY : CONFIDENCE_PROVED);
}

enum ruling rule_network(struct deliberation *on)
{
	switch (on->verdict->ended_by) {
	case ENDED_BY_RETRANSMIT_TIMEOUT:
	case ENDED_BY_USER_TIMEOUT:
		if (rule_suspended(on) == DECIDED || rule_forgotten(on) == DECIDED)
			return DECIDED;
		return decide_path(on, CONFIDENCE_LIKELY);
	case ENDED_BY_KEEPALIVE_TIMEOUT:
	case ENDED_BY_PROBE_TIMEOUT:
		if (rule_suspended(on) == DECIDED)
			return DECIDED;
		return decide_path(on, CONFIDENCE_LIKELY);
	case ENDED_BY_CONNECT_TIMEOUT:
		return decide_path(on, CONFIDENCE_LIKELY);
	case ENDED_BY_UNREACHABLE:
	case ENDED_BY_CONNECT_UNREACHABLE:
		return decide_unreachable(on);
	case ENDED_BY_OUT_OF_MEMORY:
		return decide(on, CAUSE_MEMORY_PRESSURE, CONFIDENCE_PROVED);
	default:
		return SILENT;
	}
}

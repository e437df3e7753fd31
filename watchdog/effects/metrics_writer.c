#include "effects/metrics_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/text.h"
#include "support/cleanup.h"

struct report {
	FILE *stream;
	const struct tallies *tallies;
	const struct agent_gauges *agents;
	unsigned count;
};

static void family(struct report *report, const char *name, const char *type, const char *help)
{
	fprintf(report->stream, "# TYPE %s %s\n# HELP %s %s\n", name, type, name, help);
}

/* OpenMetrics 1.0, escaped-string: backslash and quote; a line feed is not printable. */
static void print_agent(const struct report *report, unsigned agent)
{
	char name[AGENT_NAME_SIZE];

	snprintf(name, sizeof(name), "%s", report->agents[agent].agent);
	text_make_printable(name);
	for (const char *c = name; *c; c++) {
		if (*c == '\\' || *c == '"')
			putc('\\', report->stream);
		putc(*c, report->stream);
	}
}

/* One line of `name`: the agent's label, and more of them in `labels` (",a=\"b\""). */
static void sample(struct report *report, const char *name, unsigned agent, const char *labels,
		   uint64_t value)
{
	fprintf(report->stream, "%s{agent=\"", name);
	print_agent(report, agent);
	fprintf(report->stream, "\"%s} %" PRIu64 "\n", labels, value);
}

/* What nothing was counted of yet is all zero. */
static const struct tally *tally_of(const struct report *report, unsigned agent)
{
	static const struct tally nothing_yet;

	return tallies_find(report->tallies, report->agents[agent].agent) ?: &nothing_yet;
}

static void tell_state(struct report *report)
{
	family(report, "connwatch_agent_connected", "gauge",
	       "Whether the agent has a connection to its hub.");
	for (unsigned i = 0; i < report->count; i++)
		sample(report, "connwatch_agent_connected", i, "",
		       report->agents[i].connections > 0);
	family(report, "connwatch_agent_connections", "gauge",
	       "How many connections to its hub the agent has.");
	for (unsigned i = 0; i < report->count; i++)
		sample(report, "connwatch_agent_connections", i, "", report->agents[i].connections);
	family(report, "connwatch_agent_actions_held", "gauge",
	       "Whether the operator holds the agent's actions.");
	for (unsigned i = 0; i < report->count; i++)
		sample(report, "connwatch_agent_actions_held", i, "",
		       report->agents[i].actions_held);
}

static void tell_ended_of(struct report *report, unsigned agent)
{
	const struct tally *tally = tally_of(report, agent);
	char labels[160];

	for (enum cause cause = 0; cause < CAUSE_MAX; cause++)
		for (enum ended_by by = 0; by < ENDED_BY_MAX; by++) {
			if (tally->ended[cause][by] == 0)
				continue;
			snprintf(labels, sizeof(labels),
				 ",cause=\"%s\",side=\"%s\",ended_by=\"%s\"",
				 cause_to_string(cause), side_to_string(cause_side(cause)),
				 ended_by_to_string(by));
			sample(report, "connwatch_connections_ended_total", agent, labels,
			       tally->ended[cause][by]);
		}
}

static void tell_stalled_of(struct report *report, unsigned agent)
{
	const struct tally *tally = tally_of(report, agent);
	char labels[96];

	for (enum cause cause = 0; cause < CAUSE_MAX; cause++) {
		if (tally->stalled[cause] == 0)
			continue;
		snprintf(labels, sizeof(labels), ",cause=\"%s\",side=\"%s\"",
			 cause_to_string(cause), side_to_string(cause_side(cause)));
		sample(report, "connwatch_connections_stalled_total", agent, labels,
		       tally->stalled[cause]);
	}
}

static void tell_actions_of(struct report *report, unsigned agent)
{
	const struct tally *tally = tally_of(report, agent);
	char labels[96];

	for (enum action_type type = 0; type < ACTION_TYPE_MAX; type++)
		for (enum action_outcome outcome = 0; outcome < ACTION_OUTCOME_MAX; outcome++) {
			if (tally->actions[type][outcome] == 0)
				continue;
			snprintf(labels, sizeof(labels), ",action=\"%s\",result=\"%s\"",
				 action_type_to_string(type), action_outcome_to_string(outcome));
			sample(report, "connwatch_actions_total", agent, labels,
			       tally->actions[type][outcome]);
		}
}

static void tell_ends(struct report *report)
{
	family(report, "connwatch_connections_ended", "counter",
	       "Connections to the hub that ended, by cause and by what happened to the socket.");
	for (unsigned i = 0; i < report->count; i++)
		tell_ended_of(report, i);
	family(report, "connwatch_connections_stalled", "counter",
	       "Connections that were open but in trouble, by cause.");
	for (unsigned i = 0; i < report->count; i++)
		tell_stalled_of(report, i);
	family(report, "connwatch_actions", "counter", "Actions, by what became of them.");
	for (unsigned i = 0; i < report->count; i++)
		tell_actions_of(report, i);
}

static void tell_recovery(struct report *report)
{
	family(report, "connwatch_recoveries", "counter",
	       "How often the agent had a connection again.");
	for (unsigned i = 0; i < report->count; i++)
		sample(report, "connwatch_recoveries_total", i, "", tally_of(report, i)->recovered);
	fputs("# TYPE connwatch_downtime_seconds counter\n"
	      "# UNIT connwatch_downtime_seconds seconds\n"
	      "# HELP connwatch_downtime_seconds How long the agent was without a connection, all "
	      "in all, until it recovered.\n",
	      report->stream);
	for (unsigned i = 0; i < report->count; i++) {
		usec_t downtime = tally_of(report, i)->downtime;

		fputs("connwatch_downtime_seconds_total{agent=\"", report->stream);
		print_agent(report, i);
		fprintf(report->stream, "\"} %" PRIu64 ".%06" PRIu64 "\n", downtime / USEC_PER_SEC,
			downtime % USEC_PER_SEC);
	}
}

static void tell_daemon(struct report *report)
{
	family(report, "connwatch_lost_events", "counter",
	       "Records of the kernel that were lost on their way.");
	fprintf(report->stream, "connwatch_lost_events_total %" PRIu64 "\n",
		report->tallies->lost_events);
	fputs("# TYPE connwatch_build info\n# HELP connwatch_build The version that runs.\n"
	      "connwatch_build_info{version=\"" VERSION "\"} 1\n",
	      report->stream);
}

char *metrics_format(const struct tallies *tallies, const struct agent_gauges *agents,
		     unsigned count)
{
	struct report report = { NULL, tallies, agents, count };
	char *text = NULL;
	size_t size;
	bool whole;

	report.stream = open_memstream(&text, &size);
	if (!report.stream)
		return NULL;
	tell_state(&report);
	tell_ends(&report);
	tell_recovery(&report);
	tell_daemon(&report);
	fputs("# EOF\n", report.stream);
	whole = !ferror(report.stream);
	if (fclose(report.stream) == 0 && whole)
		return text;
	free(text);
	return NULL;
}

static int write_all(int fd, const char *text)
{
	for (size_t left = strlen(text); left > 0;) {
		ssize_t n = write(fd, text, left);

		if (n < 0)
			return -errno;
		text += n;
		left -= (size_t)n;
	}
	return 0;
}

/* The collector reads *.prom only, so the unfinished file is none of its business. */
int metrics_write(const char *path, const char *text)
{
	_cleanup_free_ char *unfinished = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if (asprintf(&unfinished, "%s.XXXXXX", path) < 0) {
		unfinished = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(unfinished, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = write_all(fd, text);
	if (r >= 0 && (fchmod(fd, 0644) < 0 || rename(unfinished, path) < 0))
		r = -errno;
	if (r < 0)
		unlink(unfinished);
	return r;
}

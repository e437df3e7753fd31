/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "effects/metrics_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "support/cleanup.h"

struct report {
	FILE *stream;
	const struct tallies *tallies;
	const struct agent_gauges *agents;
	unsigned count;
};

static void family(struct report *report, const char *name, const char *type, const char *help)
{
	fprintf(report->stream, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Prometheus's text format 0.0.4 escapes backslash and quote; a line feed is not printable. */
static void write_agent_label(const struct report *report, unsigned agent)
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

/* Writes one sample of the metric `name` with the agent's label and more `labels` (",a=\"b\""). */
static void write_sample(struct report *report, const char *name, unsigned agent,
			 const char *labels, uint64_t value)
{
	fprintf(report->stream, "%s{agent=\"", name);
	write_agent_label(report, agent);
	fprintf(report->stream, "\"%s} %" PRIu64 "\n", labels, value);
}

/* The agent's tally; all zero if nothing was counted yet. */
static const struct tally *tally_of(const struct report *report, unsigned agent)
{
	const struct tallies *tallies = report->tallies;

	return tallies_find(tallies, report->agents[agent].agent) ?: &tallies->nothing;
}

/* A sample of a time in seconds. */
static void write_seconds(struct report *report, const char *name, unsigned agent,
			  const char *labels, usec_t value)
{
	fprintf(report->stream, "%s{agent=\"", name);
	write_agent_label(report, agent);
	fprintf(report->stream, "\"%s} %" PRIu64 ".%06" PRIu64 "\n", labels, value / USEC_PER_SEC,
		value % USEC_PER_SEC);
}

/* The samples of one histogram of the family `name`. */
static void write_histogram(struct report *report, const char *name, unsigned agent,
			    const char *labels, const uint32_t bounds[static HISTOGRAM_BOUNDS],
			    const struct histogram *histogram)
{
	char part[64], bound[64];
	uint64_t count = 0;

	snprintf(part, sizeof(part), "%s_bucket", name);
	for (unsigned i = 0; i <= HISTOGRAM_BOUNDS; i++) {
		count += histogram->count[i];
		if (i < HISTOGRAM_BOUNDS)
			snprintf(bound, sizeof(bound), "%s,le=\"%g\"", labels, bounds[i] / 1e3);
		else
			snprintf(bound, sizeof(bound), "%s,le=\"+Inf\"", labels);
		write_sample(report, part, agent, bound, count);
	}
	snprintf(part, sizeof(part), "%s_sum", name);
	write_seconds(report, part, agent, labels, histogram->sum);
	snprintf(part, sizeof(part), "%s_count", name);
	write_sample(report, part, agent, labels, count);
}

/* A family with one sample for each agent. */
static void write_numbers(struct report *report, const char *name, const char *type,
			  const char *help,
			  uint64_t (*number)(const struct report *report, unsigned agent))
{
	family(report, name, type, help);
	for (unsigned i = 0; i < report->count; i++)
		write_sample(report, name, i, "", number(report, i));
}

static uint64_t connected(const struct report *report, unsigned agent)
{
	return report->agents[agent].connections > 0;
}

static uint64_t connections(const struct report *report, unsigned agent)
{
	return report->agents[agent].connections;
}

static uint64_t in_outage(const struct report *report, unsigned agent)
{
	return report->agents[agent].in_outage;
}

static uint64_t actions_held(const struct report *report, unsigned agent)
{
	return report->agents[agent].actions_held;
}

static uint64_t recoveries(const struct report *report, unsigned agent)
{
	return tally_of(report, agent)->recovered;
}

static uint64_t outages(const struct report *report, unsigned agent)
{
	return tally_of(report, agent)->outages;
}

static void write_state(struct report *report)
{
	write_numbers(report, "connwatch_agent_connected", "gauge",
		      "1 if the agent has a session with its hub, else 0.", connected);
	write_numbers(report, "connwatch_agent_connections", "gauge",
		      "Open connections of the agent to its hub.", connections);
	write_numbers(report, "connwatch_agent_in_outage", "gauge",
		      "1 if the agent has lost its session and has none that lasts, else 0.",
		      in_outage);
	write_numbers(report, "connwatch_agent_actions_held", "gauge",
		      "1 if the operator holds the agent's actions, else 0.", actions_held);
}

static void write_rungs(struct report *report)
{
	char labels[32];

	family(report, "connwatch_agent_failing", "gauge",
	       "1 if the agent is not connected and its last attempt failed on this rung, else 0.");
	for (unsigned i = 0; i < report->count; i++)
		for (enum rung rung = RUNG_NAME; rung < RUNG_MAX; rung++) {
			snprintf(labels, sizeof(labels), ",rung=\"%s\"", rung_to_string(rung));
			write_sample(report, "connwatch_agent_failing", i, labels,
				     report->agents[i].failed == rung);
		}
}

/* How many connections ended so, whatever the cause. */
static uint64_t ended_by_of(const struct tally *tally, enum ended_by by)
{
	uint64_t sum = 0;

	for (enum cause cause = 0; cause < CAUSE_MAX; cause++)
		sum += tally->ended[cause][by];
	return sum;
}

/* Every cause has its series from the start: Prometheus does not see the first event of a counter
 * that appears with it. */
static void write_causes_of(struct report *report, const char *name, unsigned agent,
			    uint64_t (*count)(const struct tally *tally, enum cause cause))
{
	const struct tally *tally = tally_of(report, agent);
	char labels[96];

	for (enum cause cause = 0; cause < CAUSE_MAX; cause++) {
		snprintf(labels, sizeof(labels), ",cause=\"%s\",side=\"%s\"",
			 cause_to_string(cause), side_to_string(cause_side(cause)));
		write_sample(report, name, agent, labels, count(tally, cause));
	}
}

static uint64_t stalled_of(const struct tally *tally, enum cause cause)
{
	return tally->stalled[cause];
}

static void write_ended_by_of(struct report *report, unsigned agent)
{
	const struct tally *tally = tally_of(report, agent);
	char labels[64];

	for (enum ended_by by = 0; by < ENDED_BY_MAX; by++) {
		snprintf(labels, sizeof(labels), ",ended_by=\"%s\"", ended_by_to_string(by));
		write_sample(report, "connwatch_connections_ended_by_total", agent, labels,
			     ended_by_of(tally, by));
	}
}

static void write_actions_of(struct report *report, unsigned agent)
{
	const struct tally *tally = tally_of(report, agent);
	char labels[96];

	for (enum action_type type = ACTION_NONE + 1; type < ACTION_TYPE_MAX; type++)
		for (enum action_outcome outcome = 0; outcome < ACTION_OUTCOME_MAX; outcome++) {
			snprintf(labels, sizeof(labels), ",action=\"%s\",result=\"%s\"",
				 action_type_to_string(type), action_outcome_to_string(outcome));
			write_sample(report, "connwatch_actions_total", agent, labels,
				     tally->actions[type][outcome]);
		}
}

static void write_ends(struct report *report)
{
	family(report, "connwatch_connections_ended_total", "counter",
	       "Connections to the hub that ended, by cause.");
	for (unsigned i = 0; i < report->count; i++)
		write_causes_of(report, "connwatch_connections_ended_total", i, tally_ended);
	family(report, "connwatch_connections_ended_by_total", "counter",
	       "Connections to the hub that ended, by how the socket ended.");
	for (unsigned i = 0; i < report->count; i++)
		write_ended_by_of(report, i);
	family(report, "connwatch_connections_stalled_total", "counter",
	       "Stalls of open connections, and times without any, by cause.");
	for (unsigned i = 0; i < report->count; i++)
		write_causes_of(report, "connwatch_connections_stalled_total", i, stalled_of);
	family(report, "connwatch_actions_total", "counter", "Actions, by kind and result.");
	for (unsigned i = 0; i < report->count; i++)
		write_actions_of(report, i);
}

static void write_recovery(struct report *report)
{
	write_numbers(report, "connwatch_recoveries_total", "counter",
		      "Recoveries: the agent had a connection again.", recoveries);
	write_numbers(report, "connwatch_outages_total", "counter",
		      "Outages: from the end of a session to the next that lasts.", outages);
	family(report, "connwatch_downtime_seconds_total", "counter",
	       "Time without a connection that works, counted at each recovery.");
	for (unsigned i = 0; i < report->count; i++)
		write_seconds(report, "connwatch_downtime_seconds_total", i, "",
			      tally_of(report, i)->downtime);
}

static void write_durations(struct report *report)
{
	char labels[32];

	family(report, "connwatch_session_duration_seconds", "histogram",
	       "How long the sessions lived that have ended.");
	for (unsigned i = 0; i < report->count; i++)
		write_histogram(report, "connwatch_session_duration_seconds", i, "",
				histogram_of_sessions, &tally_of(report, i)->sessions);
	family(report, "connwatch_recovery_duration_seconds", "histogram",
	       "How long the agent was without a session, at each recovery.");
	for (unsigned i = 0; i < report->count; i++)
		write_histogram(report, "connwatch_recovery_duration_seconds", i, "",
				histogram_of_sessions, &tally_of(report, i)->recoveries);
	family(report, "connwatch_rung_duration_seconds", "histogram",
	       "How long each rung took of the sessions that were recoveries.");
	for (unsigned i = 0; i < report->count; i++)
		for (enum rung rung = RUNG_NAME; rung < RUNG_MAX; rung++) {
			if (rung == RUNG_PATH)
				continue; /* nothing tells how long it takes */
			snprintf(labels, sizeof(labels), ",rung=\"%s\"", rung_to_string(rung));
			write_histogram(report, "connwatch_rung_duration_seconds", i, labels,
					histogram_of_rungs, &tally_of(report, i)->rungs[rung]);
		}
}

/* An agent that is watched no more has no hub. */
static bool is_of_interest(const struct report *report, const struct hub_certificate *hub)
{
	for (unsigned i = 0; i < report->count && *hub->agent; i++)
		if (strcmp(report->agents[i].agent, hub->agent) == 0)
			return true;
	return !*hub->agent;
}

static void write_hub_times(struct report *report, const struct metrics_facts *facts,
			    const char *name, bool end)
{
	for (unsigned i = 0; i < facts->hub_count; i++) {
		const struct hub_certificate *hub = &facts->hubs[i];

		if (!is_of_interest(report, hub))
			continue;
		fprintf(report->stream, "%s{hub=\"%s\",agent=\"%s\"} %" PRId64 "\n", name, hub->hub,
			hub->agent, end ? hub->ends : hub->checked);
	}
}

static uint64_t certificates_unread(const struct report *report, unsigned agent)
{
	return report->agents[agent].certificates_unread;
}

/* Of no hub, nothing is said. */
static void write_hubs(struct report *report, const struct metrics_facts *facts)
{
	static const char end[] = "connwatch_hub_certificate_end_timestamp_seconds";
	static const char seen[] = "connwatch_hub_certificate_seen_timestamp_seconds";

	write_numbers(report, "connwatch_hub_certificates_unread_total", "counter",
		      "Certificates in plain text whose dates could not be read.",
		      certificates_unread);
	if (facts->hub_count == 0)
		return;
	family(report, end, "gauge",
	       "When the hub's certificate ends, as connwatchctl check or an agent last saw it.");
	write_hub_times(report, facts, end, true);
	family(report, seen, "gauge", "When that was.");
	write_hub_times(report, facts, seen, false);
}

static void write_daemon(struct report *report)
{
	family(report, "connwatch_lost_events_total", "counter",
	       "Records of the probe that were lost.");
	fprintf(report->stream, "connwatch_lost_events_total %" PRIu64 "\n",
		report->tallies->lost_events);
	family(report, "connwatch_build_info", "gauge", "Version of the running connwatchd.");
	fputs("connwatch_build_info{version=\"" VERSION "\"} 1\n", report->stream);
}

char *metrics_format(const struct metrics_facts *facts)
{
	struct report report = { NULL, facts->tallies, facts->agents, facts->count };
	char *text = NULL;
	size_t size;
	bool whole;

	report.stream = open_memstream(&text, &size);
	if (!report.stream)
		return NULL;
	write_state(&report);
	write_rungs(&report);
	write_ends(&report);
	write_recovery(&report);
	write_durations(&report);
	write_hubs(&report, facts);
	write_daemon(&report);
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

static int write_heartbeat(int fd, usec_t heartbeat)
{
	static const char name[] = "connwatch_heartbeat_timestamp_seconds";

	return dprintf(fd,
		       "# HELP %s When connwatchd last wrote this file.\n"
		       "# TYPE %s gauge\n"
		       "%s %" PRIu64 "\n",
		       name, name, name, heartbeat / USEC_PER_SEC) < 0
		       ? -errno
		       : 0;
}

/* The collector reads only *.prom, so it ignores the unfinished file. */
int metrics_write(const char *path, const char *text, usec_t heartbeat)
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
	if (r >= 0)
		r = write_heartbeat(fd, heartbeat);
	if (r >= 0 && (fchmod(fd, 0644) < 0 || rename(unfinished, path) < 0))
		r = -errno;
	if (r < 0)
		unlink(unfinished);
	return r;
}

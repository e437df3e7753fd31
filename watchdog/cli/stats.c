/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connwatchctl stats: counts by cause, availability, mean times. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/agents_past.h"
#include "support/terminal.h"

/* ---- text */

static void print_availability(const struct statistics *statistics)
{
	const usec_t *spent = statistics->spent;
	int available = statistics_availability(statistics);
	char up[TIME_SPAN_TEXT_SIZE], down[TIME_SPAN_TEXT_SIZE], stalled[TIME_SPAN_TEXT_SIZE];

	if (available < 0) {
		puts("  available      not known");
		return;
	}
	printf("  available      %d.%04d %%: up %s, down %s, stalled %s\n", available / 10000,
	       available % 10000, time_span_format(spent[PRESENCE_UP], up, sizeof(up)),
	       time_span_format(spent[PRESENCE_DOWN], down, sizeof(down)),
	       time_span_format(spent[PRESENCE_STALLED], stalled, sizeof(stalled)));
}

static void print_times(const struct statistics *statistics)
{
	usec_t between = statistics_between_ends(statistics);
	usec_t recover = statistics_to_recover(statistics);
	char mean[TIME_SPAN_TEXT_SIZE], most[TIME_SPAN_TEXT_SIZE];

	printf("  ends           %u", statistics->sessions_ended);
	if (between != USEC_INFINITY)
		printf(", mean time between them %s",
		       time_span_format(between, mean, sizeof(mean)));
	if (statistics->outages)
		printf("\n  outages        %u", statistics->outages);
	printf("\n  recoveries     %u", statistics->recoveries);
	if (recover != USEC_INFINITY)
		printf(", mean time to reconnect %s, at most %s",
		       time_span_format(recover, mean, sizeof(mean)),
		       time_span_format(statistics->downtime_max, most, sizeof(most)));
	putchar('\n');
}

static void print_more(const struct statistics *statistics)
{
	if (statistics->attempts_failed)
		printf("  not connected  %u attempts failed\n", statistics->attempts_failed);
	if (statistics->stalls)
		printf("  stalls         %u\n", statistics->stalls);
	if (statistics->actions || statistics->actions_held)
		printf("  actions        %u taken, %u of them failed, %u held\n",
		       statistics->actions, statistics->actions_failed, statistics->actions_held);
	if (statistics->lost_events)
		printf("  evidence lost  %" PRIu64 " records\n", statistics->lost_events);
}

struct count {
	const char *cause;
	enum side side;
	unsigned outages; /* that it began */
	unsigned ends;    /* of sessions */
	unsigned failed;  /* attempts */
};

static int more(unsigned left, unsigned right)
{
	return left > right ? -1 : left < right;
}

static int compare_counts(const void *a, const void *b)
{
	const struct count *left = a, *right = b;

	return more(left->outages, right->outages)
		       ?: more(left->ends, right->ends) ?: more(left->failed, right->failed);
}

/* Stores the causes that occurred in `counts`, the worst first. Returns their number. */
static unsigned sort_causes(const struct statistics *statistics, struct count counts[CAUSE_MAX + 1])
{
	unsigned used = 0;

	for (int i = 0; i < CAUSE_MAX; i++)
		if (statistics->causes[i] || statistics->began[i])
			counts[used++] = (struct count){
				cause_to_string(i), cause_side(i), statistics->began[i],
				statistics->causes[i] - statistics->failed[i], statistics->failed[i]
			};
	if (statistics->newer_causes)
		counts[used++] =
			(struct count){ "(newer)", SIDE_NONE, 0, statistics->newer_causes, 0 };
	qsort(counts, used, sizeof(counts[0]), compare_counts);
	return used;
}

static void print_causes(const struct journal_arguments *arguments,
			 const struct statistics *statistics)
{
	struct count counts[CAUSE_MAX + 1];
	unsigned used = sort_causes(statistics, counts);

	if (used)
		puts("  CAUSE                   OUTAGES    ENDS  ATTEMPTS  SIDE");
	for (unsigned i = 0; i < used; i++)
		printf("  %s%-22s%s  %7u %7u %9u  %s\n", side_colour(arguments, counts[i].side),
		       counts[i].cause, plain(arguments), counts[i].outages, counts[i].ends,
		       counts[i].failed, side_to_string(counts[i].side));
}

static void print_agent(const struct journal_arguments *arguments, const struct agents_past *past,
			const struct agent_past *agent)
{
	char since[TIMESTAMP_SIZE], until[TIMESTAMP_SIZE];

	printf("%s, %s to %s\n", agent->name, timestamp(past->since, since),
	       timestamp(past->until, until));
	print_availability(&agent->statistics);
	print_times(&agent->statistics);
	print_more(&agent->statistics);
	print_causes(arguments, &agent->statistics);
}

/* ---- JSON */

static void print_known(struct json *json, const char *name, usec_t span)
{
	if (span != USEC_INFINITY)
		json_number(json, name, span);
}

/* A cause that did not occur is left out. */
static void print_counts(struct json *json, const char *name, const unsigned counts[CAUSE_MAX],
			 unsigned newer)
{
	json_open(json, name, '{');
	for (int i = 0; i < CAUSE_MAX; i++)
		if (counts[i])
			json_number(json, cause_to_string(i), counts[i]);
	if (newer)
		json_number(json, "(newer)", newer);
	json_close(json, '{');
}

static void print_json(const struct agents_past *past, const struct agent_past *agent)
{
	const struct statistics *statistics = &agent->statistics;
	struct json json = { .stream = stdout };

	json_open(&json, NULL, '{');
	json_string(&json, "agent", agent->name);
	json_number(&json, "since_usec", past->since);
	json_number(&json, "until_usec", past->until);
	for (int i = 0; i < PRESENCE_MAX; i++) {
		char name[WORD_SIZE];

		snprintf(name, sizeof(name), "%s_usec", presence_to_string(i));
		json_number(&json, name, statistics->spent[i]);
	}
	if (statistics_availability(statistics) >= 0)
		json_number(&json, "availability_ppm",
			    (uint64_t)statistics_availability(statistics));
	print_known(&json, "mean_between_ends_usec", statistics_between_ends(statistics));
	print_known(&json, "mean_to_recover_usec", statistics_to_recover(statistics));
	json_number(&json, "ends", statistics->sessions_ended);
	json_number(&json, "failed_attempts", statistics->attempts_failed);
	json_number(&json, "outages", statistics->outages);
	json_number(&json, "recoveries", statistics->recoveries);
	json_number(&json, "stalls", statistics->stalls);
	json_number(&json, "actions", statistics->actions);
	json_number(&json, "actions_failed", statistics->actions_failed);
	json_number(&json, "actions_held", statistics->actions_held);
	json_number(&json, "lost_events", statistics->lost_events);
	print_counts(&json, "causes", statistics->causes, statistics->newer_causes);
	print_counts(&json, "outage_causes", statistics->began, 0);
	print_counts(&json, "attempt_causes", statistics->failed, 0);
	json_close(&json, '{');
	putchar('\n');
}

/* ---- the command */

static void print_all(const struct journal_arguments *arguments, const struct agents_past *past)
{
	pid_t pager = arguments->pager && !arguments->json ? pager_start() : 0;

	for (size_t i = 0; i < past->count; i++) {
		if (arguments->json) {
			print_json(past, past->agents[i]);
			continue;
		}
		if (i > 0)
			putchar('\n');
		print_agent(arguments, past, past->agents[i]);
	}
	pager_finish(pager);
}

static int print_statistics(const struct command *command,
			    const struct journal_arguments *arguments)
{
	_cleanup_(agents_past_free) struct agents_past past = { 0 };
	struct strangeness strangeness = { 0 };
	int r = agents_past_read(&past, command, arguments, &strangeness);

	if (r)
		return r;
	if (past.count == 0)
		fputs("connwatchctl stats: the journal has no such records\n", stderr);
	print_all(arguments, &past);
	strangeness_say(&strangeness, command);
	return EXIT_SUCCESS;
}

static int run(const struct command *command, int argc, char *argv[])
{
	static const struct option options[] = { JOURNAL_LONG_OPTIONS, { 0 } };
	struct journal_arguments arguments;
	int option, r = 0;

	journal_arguments_defaults(&arguments);
	arguments.argv = argv;
	while (!r && (option = getopt_long(argc, argv, JOURNAL_SHORT_OPTIONS, options, NULL)) != -1)
		r = journal_arguments_take(&arguments, command, option, optarg);
	r = r ?: journal_arguments_take_agents(&arguments, command, argc, argv);
	return r ?: print_statistics(command, &arguments);
}

const struct command command_stats = {
	.name = "stats",
	.arguments = "[OPTIONS...] [AGENT]",
	.summary = "Count causes; show availability, mean time between ends and to reconnect",
	.options =
		"AGENT is the name of an agent or of its unit. A stalled connection counts as not\n"
		"available. For each cause: how many outages it began, how many sessions ended by\n"
		"it, and how many attempts to connect failed by it.\n\n" JOURNAL_OPTIONS_HELP,
	.run = run,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connwatchctl explain: one outage in full: the verdict on the end of its session, and what came of
 * it. */
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "cli/journal_arguments.h"
#include "record/account.h"
#include "support/cleanup.h"
#include "support/terminal.h"

enum {
	ARGUMENT_CURSOR = ARGUMENT_OWN,
	FOLLOWING_MAX = 16, /* records after the verdict that are printed with it */
	BACK_MAX = 999,     /* outages before the newest that can be asked for */
	ID_DIGITS_MIN = 8,  /* of the id of an outage; fewer may be the name of an agent */
};

/* What is to be explained. */
struct wanted {
	const char *cursor; /* the verdict at it; NULL: an outage */
	const char *id;     /* the outage whose id begins so; NULL: by its number */
	unsigned back;      /* 0: the newest, 1: the one before */
};

static bool is_verdict(const struct past_record *past)
{
	return past->record.kind == RECORD_ENDED || past->record.kind == RECORD_STALLED;
}

/* ---- parts of the account */

static void print_heading(const struct journal_arguments *arguments, const char *heading)
{
	printf("\n%s%s%s\n", arguments->colour ? "\x1b[1m" : "", heading, plain(arguments));
}

static void print_who(const struct past_record *past)
{
	const struct record *record = &past->record;
	char local[ENDPOINT_TEXT_SIZE], peer[ENDPOINT_TEXT_SIZE], time[TIMESTAMP_SIZE];

	printf("  time        %s\n", timestamp(past->realtime, time));
	printf("  agent       %s%s%s\n", record->agent, record->unit[0] ? ", unit " : "",
	       record->unit);
	if (record->process.pid || record->process.comm[0])
		printf("  process     %s[%" PRIu32 "]\n", record->process.comm,
		       record->process.pid);
	if (record->peer.family)
		printf("  connection  %s to %s\n", endpoint_format(&record->local, local),
		       endpoint_format(&record->peer, peer));
}

static void print_verdict(const struct journal_arguments *arguments, const struct past_record *past)
{
	const char *confidence = confidence_to_string(past->record.verdict.confidence);
	enum side side = cause_side(past->record.verdict.cause);

	if (past->ended_by[0])
		printf("  ended by    %s\n", past->ended_by);
	printf("  cause       %s%s%s%s%s%s\n", side_colour(arguments, side), past->cause,
	       plain(arguments), confidence ? " (" : "", confidence ?: "", confidence ? ")" : "");
	if (side != SIDE_NONE)
		printf("  side        %s\n", side_to_string(side));
}

/* The end of the connection is the moment 0. The time of the record itself is when journald
 * received it, which may be later. */
static void print_moments(const struct past_record *past)
{
	struct moments moments;

	account_moments(past, &moments);
	for (unsigned i = 0; i < moments.count; i++) {
		const struct moment *moment = &moments.items[i];
		char span[TIME_SPAN_TEXT_SIZE], when[TIME_SPAN_TEXT_SIZE + 1];

		time_span_format((usec_t)llabs(moment->offset), span, sizeof(span));
		snprintf(when, sizeof(when), "%s%s",
			 moment->offset < 0   ? "-"
			 : moment->offset > 0 ? "+"
					      : "",
			 span);
		printf("  %12s  %s\n", when, moment->words);
	}
}

static void print_socket(const struct socket_facts *socket)
{
	if (socket->bytes_sent == 0 && socket->bytes_received == 0)
		return;
	printf("  %" PRIu64 " bytes sent, %" PRIu64 " acknowledged, %" PRIu64 " received; %" PRIu32
	       " unread; %" PRIu32 " retransmissions\n",
	       socket->bytes_sent, socket->bytes_acked, socket->bytes_received,
	       socket->unread_bytes, socket->retransmits);
}

static void print_evidence(const struct journal_arguments *arguments, struct past_record *past)
{
	struct verdict *verdict = &past->record.verdict;
	char words[WORDS_SIZE];

	print_heading(arguments, "Evidence");
	if (verdict->evidence.count == 0)
		puts("  (none)");
	account_sort(&verdict->evidence);
	for (unsigned i = 0; i < verdict->evidence.count; i++)
		if (account_evidence(verdict->evidence.text[i], words))
			printf("  %s\n", words);
	print_socket(&past->record.socket);
	if (verdict->period) {
		time_span_format(verdict->period, words, sizeof(words));
		printf("  a regular interval of %s, %u times in a row\n", words,
		       verdict->period_count);
	}
}

static void print_ruled_out(const struct journal_arguments *arguments, const struct tokens *tokens)
{
	char words[WORDS_SIZE];

	if (tokens->count == 0)
		return;
	print_heading(arguments, "Ruled out");
	for (unsigned i = 0; i < tokens->count; i++)
		printf("  %s\n", account_ruled_out(tokens->text[i], words));
}

/* ---- the catalog's text: what the hub shows, what to do */

/* Skips the header (Subject:, ...) of the entry, and the message, which is printed already. */
static const char *body_of(const char *text, const char *message)
{
	const char *body = strstr(text, "\n\n");
	size_t length = strlen(message);

	if (!body)
		return text;
	body += strspn(body, "\n");
	if (strncmp(body, message, length) == 0 && body[length] == '\n')
		body += length + strspn(body + length, "\n");
	return body;
}

static void print_catalog(const struct journal_arguments *arguments, const char *text,
			  const struct past_record *past)
{
	print_heading(arguments, "What it means, and what to do");
	if (!text) {
		printf("  The message catalog has no entry for it; see docs/CAUSES.md, %s\n",
		       past->cause);
		return;
	}
	for (const char *line = body_of(text, past->message); *line;) {
		size_t length = strcspn(line, "\n");

		printf("%s%.*s\n", length ? "  " : "", (int)length, line);
		line += length + (line[length] == '\n');
	}
}

/* ---- what came after it */

/* Records of an older version have no id: there, the end of the next session ends the story. */
static bool is_another_story(const struct past_record *next, const struct past_record *verdict)
{
	const char *id = verdict->record.outage_id;

	if (*id)
		return (*next->record.outage_id || is_verdict(next)) &&
		       strcmp(next->record.outage_id, id) != 0;
	return is_verdict(next) && past_came_up(next);
}

/* Prints the agent's records after the verdict, up to its recovery or the end of its next session.
 */
static int print_following(struct journal_reader *reader, const struct journal_arguments *arguments,
			   const struct past_record *verdict)
{
	_cleanup_free_ struct past_record *next = malloc(sizeof(*next));
	unsigned told = 0;
	int r = 0;

	if (!next)
		return -ENOMEM;
	while (told < FOLLOWING_MAX && (r = journal_reader_next(reader, next)) > 0) {
		char when[TIME_SPAN_TEXT_SIZE + 1] = "+";

		if (strcmp(next->record.agent, verdict->record.agent) != 0)
			continue;
		if (is_another_story(next, verdict))
			return 0;
		if (*verdict->record.outage_id && !*next->record.outage_id)
			continue; /* `watching`, by a daemon that was started meanwhile */
		if (told++ == 0)
			print_heading(arguments, "Afterwards");
		time_span_format(next->realtime - verdict->realtime, when + 1, sizeof(when) - 1);
		printf("  %12s  %s\n", when, next->message);
		if (next->record.kind == RECORD_RECOVERED)
			return 0;
	}
	return r < 0 ? r : 0;
}

static int print_account(struct journal_reader *reader, const struct journal_arguments *arguments,
			 struct past_record *past)
{
	_cleanup_free_ char *catalog = journal_reader_catalog(reader);

	printf("%s\n", past->message);
	print_heading(arguments, "Verdict");
	print_who(past);
	print_verdict(arguments, past);
	print_heading(arguments, "What happened, in order");
	print_moments(past);
	print_evidence(arguments, past);
	print_ruled_out(arguments, &past->record.verdict.ruled_out);
	print_catalog(arguments, catalog, past);
	return print_following(reader, arguments, past);
}

/* ---- finding it */

/* True if the record shows that none before it is of the outage `of`. The record `watching` of a
 * daemon that was started in the outage has no id. */
static bool is_before(const struct past_record *past, const struct past_record *of)
{
	return (is_verdict(past) || past->record.kind == RECORD_RECOVERED) &&
	       strcmp(past->record.agent, of->record.agent) == 0 &&
	       strcmp(past->record.outage_id, of->record.outage_id) != 0;
}

static bool is_verdict_of(const struct past_record *past, const struct past_record *of)
{
	return is_verdict(past) && strcmp(past->record.outage_id, of->record.outage_id) == 0;
}

/* Reads into `past`, which is a record of an outage, the verdict on the end of its last session; or
 * the first one, if no session came up in it or before it. */
static int go_to_its_verdict(struct journal_reader *reader, struct past_record *past)
{
	_cleanup_free_ struct past_record *other = malloc(sizeof(*other));
	int r = 1;

	if (!other)
		return -ENOMEM;
	for (*other = *past; r > 0 && !is_before(other, past);
	     r = journal_reader_previous(reader, other))
		if (is_verdict_of(other, past) && past_came_up(other)) {
			*past = *other;
			return 0;
		}
	if (r == 0)
		r = journal_reader_first(reader);
	while (r >= 0 && (r = journal_reader_next(reader, other)) > 0)
		if (is_verdict_of(other, past)) {
			*past = *other;
			return 0;
		}
	return r < 0 ? r : -ENOENT;
}

/* The ids of the outages that the search has passed. */
struct passed {
	unsigned count;
	char ids[BACK_MAX + 1][OUTAGE_ID_SIZE];
};

static bool pass(struct passed *passed, const char *id)
{
	for (unsigned i = 0; i < passed->count; i++)
		if (strcmp(passed->ids[i], id) == 0)
			return false;
	memcpy(passed->ids[passed->count++], id, OUTAGE_ID_SIZE);
	return true;
}

static bool is_wanted(const struct wanted *wanted, struct passed *passed,
		      const struct past_record *past)
{
	const char *id = past->record.outage_id;

	if (!*id)
		return false;
	if (wanted->id)
		return strncmp(id, wanted->id, strlen(wanted->id)) == 0;
	return pass(passed, id) && passed->count > wanted->back;
}

/* A verdict without an outage, as of one connection of several, is the newest if none came after
 * it. */
static int find_outage(struct journal_reader *reader, const struct wanted *wanted,
		       struct past_record *past)
{
	_cleanup_free_ struct passed *passed = calloc(1, sizeof(*passed));
	int r = passed ? journal_reader_last(reader) : -ENOMEM;

	while (r >= 0 && (r = journal_reader_previous(reader, past)) > 0) {
		if (is_wanted(wanted, passed, past))
			return go_to_its_verdict(reader, past);
		if (is_verdict(past) && !*past->record.outage_id && !wanted->id && !wanted->back &&
		    !passed->count)
			return 0;
	}
	return r < 0 ? r : -ENOENT;
}

static int find_at_cursor(struct journal_reader *reader, const char *cursor,
			  struct past_record *past)
{
	int r = journal_reader_go_to(reader, cursor, past);

	return r == 0 && !is_verdict(past) ? -ENOENT : r;
}

static int not_found(const struct command *command, const struct wanted *wanted, int error)
{
	if (error == -EINVAL)
		return command_misused(command, "--cursor: '%s' is not a cursor", wanted->cursor);
	if (error != -ENOENT)
		return journal_failed(command, error);
	command_complain(command, "%s",
			 wanted->cursor ? "there is no verdict at this cursor"
			 : wanted->id   ? "the journal has no outage with this id"
			 : wanted->back ? "the journal has fewer outages"
					: "the journal has no such verdict");
	return EXIT_NO_INPUT;
}

static int explain(const struct command *command, const struct journal_arguments *arguments,
		   const struct wanted *wanted)
{
	_cleanup_(journal_reader_free_held) struct journal_reader *reader = NULL;
	_cleanup_free_ struct past_record *past = malloc(sizeof(*past));
	struct strangeness strangeness = { 0 };
	pid_t pager;
	int r;

	if (!past)
		return EXIT_FAILURE;
	r = journal_open(&reader, arguments, command);
	if (r)
		return r;
	r = wanted->cursor ? find_at_cursor(reader, wanted->cursor, past)
			   : find_outage(reader, wanted, past);
	if (r < 0)
		return not_found(command, wanted, r);
	strangeness_note(&strangeness, past);
	setlocale(LC_MESSAGES, ""); /* the catalog's language */
	pager = arguments->pager && !arguments->json ? pager_start() : 0;
	r = arguments->json ? print_fields(reader) : print_account(reader, arguments, past);
	pager_finish(pager);
	strangeness_say(&strangeness, command);
	return r < 0 ? journal_failed(command, r) : EXIT_SUCCESS;
}

/* -1, -12: a digit at a time. */
static int take_digit(const struct command *command, struct wanted *wanted, int digit)
{
	wanted->back = 10 * wanted->back + (unsigned)(digit - '0');
	if (wanted->back > BACK_MAX)
		return command_misused(command, "no more than %d outages back", BACK_MAX);
	return 0;
}

static bool is_id(const char *text)
{
	size_t digits = strspn(text, "0123456789abcdef");

	return digits >= ID_DIGITS_MIN && digits < OUTAGE_ID_SIZE && text[digits] == '\0';
}

static int run(const struct command *command, int argc, char *argv[])
{
	static const struct option options[] = {
		JOURNAL_LONG_OPTIONS,
		{ "cursor", required_argument, NULL, ARGUMENT_CURSOR },
		{ 0 },
	};
	struct journal_arguments arguments;
	struct wanted wanted = { 0 };
	int option, r = 0;

	journal_arguments_defaults(&arguments);
	arguments.argv = argv;
	while (!r && (option = getopt_long(argc, argv, JOURNAL_SHORT_OPTIONS "0123456789", options,
					   NULL)) != -1)
		if (option == ARGUMENT_CURSOR)
			wanted.cursor = optarg;
		else if (option >= '0' && option <= '9')
			r = take_digit(command, &wanted, option);
		else
			r = journal_arguments_take(&arguments, command, option, optarg);
	if (!r && optind < argc && is_id(argv[optind]))
		wanted.id = argv[optind++];
	r = r ?: journal_arguments_take_agents(&arguments, command, argc, argv);
	return r ?: explain(command, &arguments, &wanted);
}

const struct command command_explain = {
	.name = "explain",
	.arguments = "[OPTIONS...] [ID] [AGENT...]",
	.summary = "Explain one outage: what happened, why, what was ruled out, what to do",
	.options =
		"The newest outage; of an AGENT, if one is given: the name of an agent or of its\n"
		"unit. ID is that of an outage, as 'outages' lists it, or its first 8 digits.\n\n"
		"  -1, -2, ...            the outage before, the one before that\n"
		"      --cursor=CURSOR    the verdict at this position: __CURSOR in 'log -o "
		"json'\n" JOURNAL_OPTIONS_HELP,
	.run = run,
};

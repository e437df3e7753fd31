/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connwatchctl explain: one verdict in full. */
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
		if (is_verdict(next) && past_came_up(next))
			return 0;
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

/* Reads the last verdict into `past`. Returns 0, -ENOENT if there is none, or another -errno. */
static int find_last_verdict(struct journal_reader *reader, struct past_record *past)
{
	int r = journal_reader_last(reader);

	while (r >= 0 && (r = journal_reader_previous(reader, past)) > 0)
		if (is_verdict(past))
			return 0;
	return r < 0 ? r : -ENOENT;
}

static int find_at_cursor(struct journal_reader *reader, const char *cursor,
			  struct past_record *past)
{
	int r = journal_reader_go_to(reader, cursor, past);

	return r == 0 && !is_verdict(past) ? -ENOENT : r;
}

static int not_found(const struct command *command, const char *cursor, int error)
{
	if (error == -EINVAL)
		return command_misused(command, "--cursor: '%s' is not a cursor", cursor);
	if (error != -ENOENT)
		return journal_failed(command, error);
	fprintf(stderr, "connwatchctl explain: %s\n",
		cursor ? "there is no verdict at this cursor" : "the journal has no such verdict");
	return EXIT_NO_INPUT;
}

static int explain(const struct command *command, const struct journal_arguments *arguments,
		   const char *cursor)
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
	r = cursor ? find_at_cursor(reader, cursor, past) : find_last_verdict(reader, past);
	if (r < 0)
		return not_found(command, cursor, r);
	strangeness_note(&strangeness, past);
	setlocale(LC_MESSAGES, ""); /* the catalog's language */
	pager = arguments->pager && !arguments->json ? pager_start() : 0;
	r = arguments->json ? print_fields(reader) : print_account(reader, arguments, past);
	pager_finish(pager);
	strangeness_say(&strangeness, command);
	return r < 0 ? journal_failed(command, r) : EXIT_SUCCESS;
}

static int run(const struct command *command, int argc, char *argv[])
{
	static const struct option options[] = {
		JOURNAL_LONG_OPTIONS,
		{ "cursor", required_argument, NULL, ARGUMENT_CURSOR },
		{ 0 },
	};
	struct journal_arguments arguments;
	const char *cursor = NULL;
	int option, r = 0;

	journal_arguments_defaults(&arguments);
	while (!r && (option = getopt_long(argc, argv, JOURNAL_SHORT_OPTIONS, options, NULL)) != -1)
		if (option == ARGUMENT_CURSOR)
			cursor = optarg;
		else
			r = journal_arguments_take(&arguments, command, option, optarg);
	r = r ?: journal_arguments_take_agent(&arguments, command, argc, argv);
	return r ?: explain(command, &arguments, cursor);
}

const struct command command_explain = {
	.name = "explain",
	.arguments = "[OPTIONS...] [AGENT]",
	.summary = "Explain one verdict: what happened, why, what was ruled out, what to do",
	.options = "The last verdict; of AGENT, if it is given: the name of an agent or of its "
		   "unit.\n\n"
		   "      --cursor=CURSOR    the verdict at this position: __CURSOR in 'log -o "
		   "json'\n" JOURNAL_OPTIONS_HELP,
	.run = run,
};

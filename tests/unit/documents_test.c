/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keeps the texts together with the code: message catalogs, CAUSES.md, manual pages. Runs in the
 * root of the source tree. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/record.h"
#include "settings/schema.h"
#include "suite.h"

enum { TEXT_SIZE = 128 * 1024, ID_LENGTH = 32 };

/* The whole of a file; the next call overwrites it, unless `buffer` differs. */
static const char *text_of(const char *path, char buffer[static TEXT_SIZE])
{
	FILE *file = fopen(path, "re");
	size_t size;

	CU_assertImplementation(file != NULL, __LINE__, path, __FILE__, "", CU_TRUE);
	size = fread(buffer, 1, TEXT_SIZE - 1, file);
	CHECK(feof(file), path);
	fclose(file);
	buffer[size] = '\0';
	return buffer;
}

static unsigned count_of(const char *text, const char *part)
{
	unsigned count = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		count++;
	return count;
}

/* ---- records as they come: with all that is always known of one of their kind, and no more */

/* Only these name an exit in every record. */
static bool tells_exit(enum cause cause)
{
	return cause == CAUSE_AGENT_OOM || cause == CAUSE_AGENT_EXIT;
}

/* Says no more of a connection than its agent and its peer. */
static bool lacks_connection(const struct record *record)
{
	return record->verdict.cause == CAUSE_AGENT_NOT_RECONNECTING ||
	       cause_is_of_names(record->verdict.cause) ||
	       record->verdict.cause == CAUSE_EVIDENCE_LOST || record->kind == RECORD_WATCHING ||
	       record->kind == RECORD_EVIDENCE_LOST;
}

/* Told of an open connection without asking how it stands. */
static bool lacks_socket(enum cause cause)
{
	return cause == CAUSE_AGENT_CRASH || cause == CAUSE_LINK_DOWN ||
	       cause == CAUSE_WIFI_DISCONNECTED || cause == CAUSE_MODEM_DISCONNECTED ||
	       cause == CAUSE_NO_ROUTE || cause == CAUSE_ADDRESS_CHANGED;
}

static struct record sample(enum record_kind kind, enum cause cause)
{
	struct record record = {
		.kind = kind,
		.time = USEC_PER_HOUR,
		.agent = "edge",
		.verdict = { .cause = cause, .confidence = CONFIDENCE_LIKELY },
		.exit.known = tells_exit(cause),
	};

	if (kind == RECORD_EVIDENCE_LOST) {
		record.lost_events = 1;
		strcpy(record.outage_id, "0123456789abcdef0123456789abcdef");
		record.attempts = record.cause_attempts = 1;
		record.is_correction = true;
		record.outage = (struct outage_summary){ .known = true, .failed_count = 1 };
		record.agent[0] = '\0';
	}
	if (kind == RECORD_ACTION) {
		record.action.type = ACTION_RESTART;
		record.action_result = "starting";
	}
	if (cause == CAUSE_UNKNOWN)
		record.verdict.confidence = CONFIDENCE_INVALID;
	if (lacks_connection(&record))
		return record;
	record.process = (struct task){ .pid = 812, .comm = "edge" };
	record.cookie = 77;
	record.peer = (struct endpoint){ AF_INET, 8883, { 192, 0, 2, 7 } };
	record.local = record.peer;
	if (!lacks_socket(cause) || kind != RECORD_STALLED)
		record.socket.state = TCP_STATE_ESTABLISHED;
	return record;
}

/* One record a message id. Returns false behind the last one. */
static bool sample_number(unsigned number, struct record *record)
{
	static const enum record_kind others[] = { RECORD_RECOVERED, RECORD_ACTION, RECORD_WATCHING,
						   RECORD_EVIDENCE_LOST, RECORD_CONNECTED };

	if (number < CAUSE_MAX)
		*record = sample(RECORD_STALLED, (enum cause)number);
	else if (number - CAUSE_MAX < sizeof(others) / sizeof(*others))
		*record = sample(others[number - CAUSE_MAX], CAUSE_AGENT_HANG);
	else
		return false;
	return true;
}

struct wanted_field {
	const char *name;
	bool found;
};

static void compare_field(void *userdata, const char *name, const char *value)
{
	struct wanted_field *wanted = userdata;

	(void)value;
	wanted->found |= strcmp(name, wanted->name) == 0;
}

static bool has_field(const struct record *record, const char *name)
{
	struct wanted_field wanted = { name, false };

	record_fields(record, compare_field, &wanted);
	return wanted.found;
}

/* ---- message catalogs */

/* The entry of `id` up to the next one, into `entry`. Returns false if there is none. */
static bool find_entry(const char *catalog, const char *id, char entry[static TEXT_SIZE])
{
	char line[ID_LENGTH + 8];
	const char *begin, *end;

	snprintf(line, sizeof(line), "\n-- %s\n", id);
	begin = strstr(catalog, line);
	if (!begin)
		return false;
	begin += strlen(line);
	end = strstr(begin, "\n-- ");
	snprintf(entry, TEXT_SIZE, "%.*s", (int)(end ? end - begin : (long)strlen(begin)), begin);
	return true;
}

/* The next @FIELD@ of `text`, into `name`. Returns where to go on, or NULL. */
static const char *next_field(const char *text, char name[static 64])
{
	size_t length;

	while ((text = strchr(text, '@'))) {
		length = strspn(++text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
		if (length > 0 && length < 64 && text[length] == '@') {
			snprintf(name, 64, "%.*s", (int)length, text);
			return text + length + 1;
		}
	}
	return NULL;
}

static unsigned fields_in(const char *text)
{
	char name[64];
	unsigned count = 0;

	while ((text = next_field(text, name)))
		count++;
	return count;
}

/* A suspicion is not to be read as a fact. That a connection is gone is none. */
static bool subject_hedges(const char *entry, const struct record *record)
{
	const char *confidence = strstr(entry, "@CONNWATCH_CONFIDENCE@");
	bool diagnoses = record->kind == RECORD_STALLED && record->verdict.cause != CAUSE_UNKNOWN &&
			 record->verdict.cause != CAUSE_EVIDENCE_LOST;

	return !diagnoses || (confidence && confidence < strchr(entry, '\n'));
}

static void check_entry(const char *entry, const struct record *record)
{
	char name[64], complaint[128];
	const char *text = entry;

	CHECK(strncmp(entry, "Subject: ", strlen("Subject: ")) == 0, entry);
	CHECK(subject_hedges(entry, record), entry);
	CHECK(strstr(entry, "\nDefined-By: connwatch\n") != NULL, entry);
	CHECK(strstr(entry, "\n\n@MESSAGE@\n") != NULL, entry);
	while ((text = next_field(text, name))) {
		snprintf(complaint, sizeof(complaint), "@%s@ is not always there: %.40s", name,
			 entry);
		CHECK(has_field(record, name), complaint);
	}
}

static void check_catalog(const char *path)
{
	static char catalog[TEXT_SIZE], entry[TEXT_SIZE];
	struct record record;
	unsigned number = 0;

	text_of(path, catalog);
	for (; sample_number(number, &record); number++) {
		const char *id = record_message_id(&record);
		bool found = find_entry(catalog, id, entry);

		CHECK(found, id);
		if (found)
			check_entry(entry, &record);
	}
	CHECK(count_of(catalog, "\n-- ") == number, "an entry too many, or one twice");
}

static void catalogs_are_complete(void)
{
	check_catalog("units/connwatch.catalog");
	check_catalog("units/connwatch.es.catalog");
}

static void translation_tells_as_much(void)
{
	static char english[TEXT_SIZE], spanish[TEXT_SIZE];
	static char entry[TEXT_SIZE], translation[TEXT_SIZE];
	struct record record;

	text_of("units/connwatch.catalog", english);
	text_of("units/connwatch.es.catalog", spanish);
	for (unsigned i = 0; sample_number(i, &record); i++) {
		const char *id = record_message_id(&record);

		if (!find_entry(english, id, entry) || !find_entry(spanish, id, translation))
			continue;
		CHECK(fields_in(entry) == fields_in(translation), id);
		CHECK(strstr(entry, "What to do:") && strstr(translation, "Qué hacer:"), id);
		CHECK(strstr(entry, "What the hub shows:") &&
			      strstr(translation, "Qué muestra el hub:"),
		      id);
	}
}

/* ---- docs/CAUSES.md */

static const char *heading_of(enum side side)
{
	switch (side) {
	case SIDE_AGENT:
		return "\n## The agent's doing\n";
	case SIDE_PEER:
		return "\n## The peer's doing\n";
	case SIDE_NETWORK:
		return "\n## The network's doing\n";
	case SIDE_HOST:
		return "\n## The host's doing\n";
	case SIDE_NONE:
	case SIDE_MAX:
	case SIDE_INVALID:
		break;
	}
	return "\n## No side\n";
}

static void causes_have_their_sections(void)
{
	static char text[TEXT_SIZE];

	text_of("docs/CAUSES.md", text);
	for (enum cause cause = 0; cause < CAUSE_MAX; cause++) {
		const char *name = cause_to_string(cause);
		const char *chapter = strstr(text, heading_of(cause_side(cause)));
		const char *section, *next;
		char heading[64];

		snprintf(heading, sizeof(heading), "\n### `%s`\n", name);
		section = chapter ? strstr(chapter, heading) : NULL;
		next = chapter ? strstr(chapter + 1, "\n## ") : NULL;
		CHECK(section && (!next || section < next), name);
	}
	CHECK(count_of(text, "\n### `") == CAUSE_MAX, "a section too many");
}

static void ends_have_their_rows(void)
{
	static char text[TEXT_SIZE];
	char row[64];

	text_of("docs/CAUSES.md", text);
	for (enum ended_by end = 0; end < ENDED_BY_MAX; end++) {
		snprintf(row, sizeof(row), "\n| `%s` | ", ended_by_to_string(end));
		CHECK(strstr(text, row) != NULL, row);
	}
}

/* ---- manual pages */

/* Where the page tells of `key`, up to the next key; NULL: nowhere. */
static const char *paragraph_of(const char *page, const char *key)
{
	static char paragraph[2048];
	char start[64];
	const char *begin, *end;

	snprintf(start, sizeof(start), "\n*%s=*\n", key);
	begin = strstr(page, start);
	if (!begin)
		return NULL;
	begin += strlen(start);
	end = strstr(begin, "=*\n");
	snprintf(paragraph, sizeof(paragraph), "%.*s",
		 (int)(end ? end - begin : (long)strlen(begin)), begin);
	return paragraph;
}

/* Each cause has a row with its key, its name and its default. */
static bool has_policy_row(const char *page, const struct setting *setting)
{
	char row[128];

	snprintf(row, sizeof(row), "\n|  *%s=*\n", setting->key);
	page = strstr(page, row);
	snprintf(row, sizeof(row), "\n:  %s\n", setting->fallback);
	page = page ? strstr(strstr(page + 1, "\n:  ") + 1, "\n:  ") : NULL;
	return page && strncmp(page, row, strlen(row)) == 0;
}

static void check_settings(const char *path, settings_schema schema)
{
	static char page[TEXT_SIZE];
	struct setting setting;
	char value[128];

	text_of(path, page);
	for (unsigned i = 0; schema(i, &setting); i++) {
		const char *paragraph = paragraph_of(page, setting.key);

		if (setting.type == &steps_list_setting) {
			CHECK(has_policy_row(page, &setting), setting.key);
			continue;
		}
		CHECK(paragraph != NULL, setting.key);
		if (!paragraph || !setting.fallback || !*setting.fallback)
			continue;
		snprintf(value, sizeof(value), "_%s_.", setting.fallback);
		CHECK(strstr(paragraph, "Default:") && strstr(paragraph, value), setting.key);
	}
}

static void settings_are_described(void)
{
	check_settings("docs/connwatch.agent.5.scd", agent_setting);
	check_settings("docs/connwatchd.conf.5.scd", daemon_setting);
}

static void check_field_name(void *userdata, const char *name, const char *value)
{
	char word[64];

	(void)value;
	snprintf(word, sizeof(word), "*%s*", name);
	CHECK(strstr(userdata, word) != NULL, name);
}

/* A record with every field there is. */
static struct record full_record(enum record_kind kind)
{
	struct record record = sample(kind, CAUSE_AGENT_CRASH);

	strcpy(record.unit, "edge.service");
	strcpy(record.device_id, "sensor-1");
	strcpy(record.invocation_id, "0123456789abcdef0123456789abcdef");
	record.netns = 1;
	record.socket.age = 1;
	record.socket.rtt_usec = 1;
	record.socket.error = 104;
	record.exit.known = true;
	record.lost_events = 1;
	record.verdict.period = 1;
	record.verdict.period_count = 3;
	record.verdict.rung = RUNG_TLS;
	record.action.type = ACTION_RESTART;
	record.action_result = "held";
	record.action_held_by = "limit";
	record.limit = (struct action_limit){ 3, USEC_PER_HOUR, USEC_PER_MINUTE };
	tokens_add(&record.verdict.evidence, "a=b");
	tokens_add(&record.verdict.ruled_out, "a=b");
	return record;
}

static void fields_are_described(void)
{
	static char page[TEXT_SIZE];

	text_of("docs/connwatch.journal-fields.7.scd", page);
	for (enum record_kind kind = 0; kind < RECORD_KIND_MAX; kind++) {
		struct record record = full_record(kind);

		record_fields(&record, check_field_name, page);
	}
}

static void words_are_described(void)
{
	static char page[TEXT_SIZE];
	char word[64];

	text_of("docs/connwatch.journal-fields.7.scd", page);
	for (enum cause cause = 0; cause < CAUSE_MAX; cause++) {
		snprintf(word, sizeof(word), "*%s*", cause_to_string(cause));
		CHECK(strstr(page, word) != NULL, word);
	}
	for (enum ended_by end = 0; end < ENDED_BY_MAX; end++) {
		snprintf(word, sizeof(word), "*%s*", ended_by_to_string(end));
		CHECK(strstr(page, word) != NULL, word);
	}
	for (enum record_kind kind = 0; kind < RECORD_KIND_MAX; kind++) {
		snprintf(word, sizeof(word), "*%s*: ", record_kind_to_string(kind));
		CHECK(strstr(page, word) != NULL, word);
	}
	for (enum rung rung = RUNG_NAME; rung < RUNG_MAX; rung++) {
		snprintf(word, sizeof(word), "*%s*", rung_to_string(rung));
		CHECK(strstr(page, word) != NULL, word);
	}
	for (enum action_outcome outcome = 0; outcome < ACTION_OUTCOME_MAX; outcome++) {
		snprintf(word, sizeof(word), "*%s*", action_outcome_to_string(outcome));
		CHECK(strstr(page, word) != NULL, word);
	}
}

/* Each with a paragraph of its own: "*reload*", or "*signal:*_NAME_" with an argument. */
static void actions_are_described(void)
{
	static char page[TEXT_SIZE];
	char paragraph[64], with_argument[64];

	text_of("docs/connwatch.agent.5.scd", page);
	for (enum action_type type = 0; type < ACTION_TYPE_MAX; type++) {
		const char *name = action_type_to_string(type);

		snprintf(paragraph, sizeof(paragraph), "\n*%s*\n\t", name);
		snprintf(with_argument, sizeof(with_argument), "\n*%s:*_", name);
		CHECK(strstr(page, paragraph) || strstr(page, with_argument), name);
	}
}

SUITE("documents", { "catalogs have an entry a message id", catalogs_are_complete },
      { "the translation tells as much", translation_tells_as_much },
      { "CAUSES.md has a section a cause", causes_have_their_sections },
      { "CAUSES.md has a row an end", ends_have_their_rows },
      { "settings and their defaults are in the manual", settings_are_described },
      { "fields are in the manual", fields_are_described },
      { "the vocabulary is in the manual", words_are_described },
      { "actions are in the manual", actions_are_described })

#include "account.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- evidence in words */

/* In the order to tell them in; tests/docs/check.py sees that none is missing. %s stands for the
 * value; one of a name in _sec or _msec is made a time span. With `moment`, the value says when:
 * this long before the end (-1) or after it (1). */
static const struct phrase {
	const char *name;
	const char *words;
	int moment;
} phrases[] = {
	/* what happened to the socket */
	{ "state", "the connection was in the state %s", 0 },
	{ "error", "the socket had the error %s", 0 },
	{ "icmp", "the network had reported %s (ICMP, or a route)", 0 },
	{ "closed_by", "%s closed it", 0 },
	{ "closed_at", "it was closed by an %s", 0 },
	{ "closed_with", "it was closed with %s", 0 },
	{ "closed_with_unread_bytes", "it was closed with %s bytes unread", 0 },
	{ "destroyed_by", "%s destroyed the socket", 0 },
	{ "left_behind", "it left a %s behind, as who closes first does", 0 },
	{ "peer_fin", "the kernel had counted a FIN of the peer's", 0 },
	{ "peer_reset", "the kernel had counted a segment that can only be a RST", 0 },
	{ "socket", "the socket never got as far as a SYN", 0 },
	{ "reset_ttl", "the RST came with a TTL of %s", 0 },
	{ "peer_ttl", "the peer's other packets had come with a TTL of %s", 0 },
	{ "gave_up_after_msec", "the agent gave up connecting after %s", 0 },
	{ "user_timeout_msec", "TCP_USER_TIMEOUT was %s", 0 },
	{ "unanswered_probes", "%s probes in a row went unanswered", 0 },
	{ "unanswered_retransmissions", "%s retransmissions in a row went unanswered", 0 },
	{ "unacked_bytes", "%s bytes were sent and not acknowledged", 0 },
	{ "unread_bytes", "%s bytes had come and were not read", 0 },
	/* the process */
	{ "signal", "the process had got %s", 0 },
	{ "killed_by", "%s killed the process", 0 },
	{ "sent_by", "that signal was sent by %s", 0 },
	{ "core_dumped", "it dumped core", 0 },
	{ "dumping_core_after", "it was writing its core dump after %s", 0 },
	{ "dumping_core", "it was writing its core dump", 0 },
	{ "dying_msec", "it had been dying for %s", 0 },
	{ "oom_victim", "the kernel had marked it as a victim of the OOM killer", 0 },
	{ "exit_status", "it exited with status %s", 0 },
	{ "exited_after_msec", "the process ended", 1 },
	{ "process", "the process was stopped by a signal", 0 },
	{ "unit", "its unit was %s", 0 },
	{ "unit_job", "systemd had a job for its unit: %s", 0 },
	{ "unit_result", "systemd says of its unit: %s", 0 },
	{ "stalled_before", "it had been told of as %s while it was open", 0 },
	{ "nothing_sent_sec", "the agent had sent nothing for %s", 0 },
	{ "silent_sec", "the agent had been silent for %s", 0 },
	{ "down_sec", "it had had no connection for %s", 0 },
	{ "attempts", "it had tried to connect %s times", 0 },
	/* what was said in MQTT */
	{ "mqtt", "its MQTT: %s", 0 },
	{ "mqtt_last_sent", "the last MQTT packet from the agent was a %s", 0 },
	{ "mqtt_last_received", "the last MQTT packet from the peer was a %s", 0 },
	{ "mqtt_unsent", "what the agent had written last was yet to go out", 0 },
	{ "mqtt_disconnect_sent", "the agent said DISCONNECT: %s", 0 },
	{ "mqtt_disconnect_received", "the peer said DISCONNECT: %s", 0 },
	{ "mqtt_connack", "the peer refused the MQTT session: %s", 0 },
	{ "mqtt_ping_unanswered_msec", "a PINGREQ had gone unanswered for %s", 0 },
	{ "mqtt_sent_before_msec", "the last MQTT packet went", -1 },
	{ "mqtt_received_before_msec", "the last MQTT packet came", -1 },
	/* rhythms */
	{ "token_lifetime_sec", "the settings say that a token lives for %s", 0 },
	{ "like_ages", "%s sessions in a row ended at a like age", 0 },
	{ "like_silences", "%s sessions in a row ended after a like silence", 0 },
	{ "silence_before_write_sec", "nothing had gone or come for %s before the last write", 0 },
	{ "short_lives_in_a_row", "%s short sessions in a row", 0 },
	{ "other_agents_too", "the peers of other agents ended theirs at the same moment", 0 },
	/* the way to the peer, and the host */
	{ "interface", "the way to the peer led through %s", 0 },
	{ "interface_state", "that interface was %s", 0 },
	{ "link_lost_before_msec", "the link went down", -1 },
	{ "link_back_before_msec", "the link came back", -1 },
	{ "address_lost_before_msec", "the local address went away", -1 },
	{ "address_back_before_msec", "the local address came back", -1 },
	{ "route_lost_before_msec", "the route went away", -1 },
	{ "route_back_before_msec", "the route came back", -1 },
	{ "route", "there was no route to the last peer", 0 },
	{ "next_hop", "the next hop was %s", 0 },
	{ "slept_sec", "the host had slept for %s", 0 },
	{ "resumed_before_msec", "the host woke up", -1 },
};
enum { PHRASES = sizeof(phrases) / sizeof(phrases[0]) };

static size_t name_length(const char *token)
{
	return strcspn(token, "=");
}

/* Its place in the list; PHRASES if it has none. */
static unsigned rank(const char *token)
{
	size_t length = name_length(token);
	unsigned i = 0;

	while (i < PHRASES &&
	       (strlen(phrases[i].name) != length || strncmp(phrases[i].name, token, length) != 0))
		i++;
	return i;
}

static bool has_suffix(const char *name, size_t length, const char *suffix)
{
	size_t tail = strlen(suffix);

	return length > tail && strncmp(name + length - tail, suffix, tail) == 0;
}

/* The microseconds of a value whose name says its unit; USEC_INFINITY if it does not. */
static usec_t span_of(const char *token)
{
	size_t length = name_length(token);
	usec_t unit = has_suffix(token, length, "_msec")  ? USEC_PER_MSEC
		      : has_suffix(token, length, "_sec") ? USEC_PER_SEC
							  : 0;
	unsigned long long value;
	char *end;

	if (unit == 0 || token[length] == '\0' || token[length + 1] < '0' ||
	    token[length + 1] > '9')
		return USEC_INFINITY;
	value = strtoull(token + length + 1, &end, 10);
	/* no longer than what its sum with another, as a signed number, can hold */
	return *end == '\0' && value < INT64_MAX / 4 / unit ? value * unit : USEC_INFINITY;
}

static const char *value_of(const char *token, char text[static TOKEN_SIZE])
{
	const char *value = token + name_length(token);
	usec_t span = span_of(token);

	if (span != USEC_INFINITY)
		time_span_format(span, text, TOKEN_SIZE);
	else
		snprintf(text, TOKEN_SIZE, "%s", *value ? value + 1 : "");
	return text;
}

/* The words up to "%s", the value, the rest. */
static void fill_in(const char *phrase, const char *value, char words[static WORDS_SIZE])
{
	const char *place = strstr(phrase, "%s");

	if (place)
		snprintf(words, WORDS_SIZE, "%.*s%s%s", (int)(place - phrase), phrase, value,
			 place + strlen("%s"));
	else
		snprintf(words, WORDS_SIZE, "%s", phrase);
}

static void replace(char *text, char old, char new)
{
	for (; *text; text++)
		if (*text == old)
			*text = new;
}

/* The sign of the moment's offset; 0: it tells of none. */
static int moment_of(const char *token)
{
	unsigned place = rank(token);

	return place < PHRASES && span_of(token) != USEC_INFINITY ? phrases[place].moment : 0;
}

const char *account_evidence(const char *token, char words[static WORDS_SIZE])
{
	unsigned place = rank(token);
	char value[TOKEN_SIZE], name[TOKEN_SIZE];

	value_of(token, value);
	if (moment_of(token))
		return NULL;
	if (place < PHRASES && !phrases[place].moment) {
		fill_in(phrases[place].words, value, words);
		return words;
	}
	snprintf(name, sizeof(name), "%.*s", (int)name_length(token), token);
	replace(name, '_', ' ');
	snprintf(words, WORDS_SIZE, "%s: %s", name, value);
	return words;
}

const char *account_ruled_out(const char *token, char words[static WORDS_SIZE])
{
	size_t length = name_length(token);
	char reason[TOKEN_SIZE];

	snprintf(reason, sizeof(reason), "%s", token[length] ? token + length + 1 : "");
	replace(reason, '-', ' ');
	snprintf(words, WORDS_SIZE, "%.*s: %s", (int)length, token, reason);
	return words;
}

static int compare_tokens(const void *a, const void *b)
{
	unsigned rank_a = rank(a), rank_b = rank(b);

	return rank_a == rank_b ? strcmp(a, b) : rank_a < rank_b ? -1 : 1;
}

void account_sort(struct tokens *evidence)
{
	qsort(evidence->text, evidence->count, sizeof(evidence->text[0]), compare_tokens);
}

/* ---- in the order of time */

static void add_moment(struct moments *moments, int64_t offset, const char *words)
{
	struct moment *moment = &moments->items[moments->count];

	if (moments->count == MOMENTS_MAX)
		return;
	moments->count++;
	moment->offset = offset;
	snprintf(moment->words, WORDS_SIZE, "%s", words);
}

static void add_before(struct moments *moments, usec_t span, const char *words)
{
	if (span < INT64_MAX / 2)
		add_moment(moments, -(int64_t)span, words);
}

static void add_socket(const struct socket_facts *socket, bool came_up, struct moments *moments)
{
	if (socket->age == 0)
		return;
	add_before(moments, socket->age,
		   came_up ? "the connection was opened" : "the agent began to connect");
	if (socket->bytes_received > 0 && socket->idle_rx < socket->age)
		add_before(moments, socket->idle_rx, "the last data came");
	if (socket->bytes_sent > 0 && socket->idle_tx < socket->age)
		add_before(moments, socket->idle_tx, "the last data went");
}

/* Those of one sign. */
static void add_tokens(const struct tokens *evidence, int sign, struct moments *moments)
{
	for (unsigned i = 0; i < evidence->count; i++) {
		const char *token = evidence->text[i];

		if (moment_of(token) == sign)
			add_moment(moments, sign * (int64_t)span_of(token),
				   phrases[rank(token)].words);
	}
}

static void add_end(const struct past_record *past, struct moments *moments)
{
	char words[WORDS_SIZE];

	if (past->record.kind == RECORD_STALLED)
		snprintf(words, sizeof(words), "it was found to be in trouble");
	else
		snprintf(words, sizeof(words), "it ended: %s",
			 past->ended_by[0] ? past->ended_by : "how is not known");
	add_moment(moments, 0, words);
}

/* Stable: what happened at the same time stays as it was added. */
static void sort_moments(struct moments *moments)
{
	for (unsigned i = 1; i < moments->count; i++)
		for (unsigned k = i;
		     k > 0 && moments->items[k - 1].offset > moments->items[k].offset; k--) {
			struct moment held = moments->items[k];

			moments->items[k] = moments->items[k - 1];
			moments->items[k - 1] = held;
		}
}

void account_moments(const struct past_record *past, struct moments *moments)
{
	moments->count = 0;
	add_socket(&past->record.socket, past_came_up(past), moments);
	add_tokens(&past->record.verdict.evidence, -1, moments);
	add_end(past, moments);
	add_tokens(&past->record.verdict.evidence, 1, moments);
	sort_moments(moments);
}

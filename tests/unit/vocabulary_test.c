/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/vocabulary.h"
#include "events/event.h"
#include "suite.h"

/* Wraps a list's functions into ones of a single type, for the table below. */
#define LIST(name)                                         \
	static const char *name##_name(int value)          \
	{                                                  \
		return name##_to_string((enum name)value); \
	}                                                  \
	static int name##_value(const char *string)        \
	{                                                  \
		return name##_from_string(string);         \
	}
LIST(ended_by)
LIST(side)
LIST(cause)
LIST(confidence)
LIST(record_kind)
LIST(tcp_state)
LIST(reset_reason)
LIST(action_type)
LIST(action_outcome)
LIST(unit_state)
LIST(rung)
LIST(clock_state)
LIST(radio)
LIST(device_state)
LIST(mode)
LIST(mqtt_track)
LIST(mqtt_packet)
LIST(event_type)

static const struct {
	const char *list;
	const char *(*name)(int value);
	int (*value)(const char *string);
	int max;
	const char *alphabet; /* besides small letters */
} lists[] = {
	{ "ended_by", ended_by_name, ended_by_value, ENDED_BY_MAX, "-" },
	{ "side", side_name, side_value, SIDE_MAX, "-" },
	{ "cause", cause_name, cause_value, CAUSE_MAX, "-" },
	{ "confidence", confidence_name, confidence_value, CONFIDENCE_MAX, "" },
	{ "record_kind", record_kind_name, record_kind_value, RECORD_KIND_MAX, "-" },
	{ "tcp_state", tcp_state_name, tcp_state_value, TCP_STATE_MAX,
	  "ABCDEFGHIJKLMNOPQRSTUVWXYZ_12" },
	{ "reset_reason", reset_reason_name, reset_reason_value, RESET_REASON_MAX, "-" },
	{ "action_type", action_type_name, action_type_value, ACTION_TYPE_MAX, "-" },
	{ "action_outcome", action_outcome_name, action_outcome_value, ACTION_OUTCOME_MAX, "-" },
	{ "unit_state", unit_state_name, unit_state_value, UNIT_STATE_MAX, "" },
	{ "clock_state", clock_state_name, clock_state_value, CLOCK_STATE_MAX, "-" },
	{ "radio", radio_name, radio_value, RADIO_MAX, "-" },
	{ "device_state", device_state_name, device_state_value, DEVICE_STATE_MAX, "" },
	{ "rung", rung_name, rung_value, RUNG_MAX, "-" },
	{ "mode", mode_name, mode_value, MODE_MAX, "-" },
	{ "mqtt_track", mqtt_track_name, mqtt_track_value, MQTT_TRACK_MAX, "-" },
	{ "mqtt_packet", mqtt_packet_name, mqtt_packet_value, MQTT_PACKET_MAX,
	  "ABCDEFGHIJKLMNOPQRSTUVWXYZ" },
	{ "event_type", event_type_name, event_type_value, EVENT_TYPE_MAX, "-" },
};
enum { list_count = sizeof(lists) / sizeof(lists[0]) };

static void every_value_has_a_name_of_its_own(void)
{
	char alphabet[64];

	for (int i = 0; i < list_count; i++) {
		snprintf(alphabet, sizeof(alphabet), "abcdefghijklmnopqrstuvwxyz%s",
			 lists[i].alphabet);
		for (int value = 0; value < lists[i].max; value++) {
			const char *name = lists[i].name(value);

			CHECK(name != NULL, lists[i].list);
			if (!name)
				continue;
			CHECK(lists[i].value(name) == value, name);
			CHECK(*name && name[strspn(name, alphabet)] == '\0', name);
		}
	}
}

static void nothing_is_named_outside_the_list(void)
{
	for (int i = 0; i < list_count; i++) {
		CHECK(lists[i].name(-1) == NULL, lists[i].list);
		CHECK(lists[i].name(lists[i].max) == NULL, lists[i].list);
		CHECK(lists[i].value(NULL) == -1, lists[i].list);
		CHECK(lists[i].value("") == -1, lists[i].list);
		CHECK(lists[i].value("no such name") == -1, lists[i].list);
	}
}

static void a_cause_belongs_to_its_side(void)
{
	static const struct {
		enum cause first, last;
		enum side side;
	} rows[] = {
		{ CAUSE_UNKNOWN, CAUSE_EVIDENCE_LOST, SIDE_NONE },
		{ CAUSE_AGENT_CRASH, CAUSE_AGENT_NOT_RECONNECTING, SIDE_AGENT },
		{ CAUSE_TOKEN_EXPIRED, CAUSE_PEER_CLOSE, SIDE_PEER },
		{ CAUSE_TLS_REFUSED_BY_AGENT, CAUSE_TLS_REFUSED_BY_AGENT, SIDE_AGENT },
		{ CAUSE_TLS_REFUSED_BY_HUB, CAUSE_TLS_REFUSED_BY_HUB, SIDE_PEER },
		{ CAUSE_TLS_NOT_SPOKEN, CAUSE_MIDDLEBOX_RESET, SIDE_NETWORK },
		{ CAUSE_OPERATOR_ABORT, CAUSE_POWER_LOST, SIDE_HOST },
	};
	int seen = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int cause = (int)rows[i].first; cause <= (int)rows[i].last; cause++, seen++)
			CHECK(cause_side((enum cause)cause) == rows[i].side,
			      cause_to_string((enum cause)cause));
	CU_ASSERT_EQUAL(seen, CAUSE_MAX);
	CU_ASSERT_EQUAL(cause_side(CAUSE_INVALID), SIDE_NONE);
}

static void signals_are_known_by_name(void)
{
	CU_ASSERT_STRING_EQUAL(signal_to_string(SIGSEGV), "SIGSEGV");
	CU_ASSERT_PTR_NULL(signal_to_string(0));
	CU_ASSERT_PTR_NULL(signal_to_string(-1));
	CU_ASSERT_PTR_NULL(signal_to_string(64));
	for (int i = 1; i < 32; i++)
		CU_ASSERT_EQUAL(signal_from_string(signal_to_string(i)), i);
}

static void signals_are_read_with_and_without_sig(void)
{
	static const struct {
		const char *text;
		int signal;
	} rows[] = {
		{ "SIGHUP", SIGHUP }, { "HUP", SIGHUP },   { "9", SIGKILL },     { "34", 34 },
		{ "hup", -1 },        { "SIG", -1 },       { "", -1 },           { "-1", -1 },
		{ "9 ", -1 },         { "SIGSIGHUP", -1 }, { "4294967297", -1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK(signal_from_string(rows[i].text) == rows[i].signal, rows[i].text);
	CU_ASSERT_EQUAL(signal_from_string(NULL), -1);
}

SUITE("vocabulary", { "every value has a name of its own", every_value_has_a_name_of_its_own },
      { "nothing is named outside the list", nothing_is_named_outside_the_list },
      { "a cause belongs to its side", a_cause_belongs_to_its_side },
      { "signals are known by name", signals_are_known_by_name },
      { "signals are read with and without SIG", signals_are_read_with_and_without_sig })

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines of hubs, in the forms of the vendors' documentation, and broken ones. */
#include "hub/hub.h"

#include <stdio.h>
#include <string.h>

#include "suite.h"

enum { EVENTS_MAX = 16 };

static struct hub_event events[EVENTS_MAX];
static uint64_t lines[EVENTS_MAX], wrong[EVENTS_MAX];
static unsigned event_count, wrong_count;
static struct hub_reader reader;

static void take(void *userdata, const struct hub_event *event, uint64_t line)
{
	(void)userdata;
	lines[event_count] = line;
	events[event_count++ % EVENTS_MAX] = *event;
}

static void count_wrong(void *userdata, uint64_t line)
{
	(void)userdata;
	wrong[wrong_count++ % EVENTS_MAX] = line;
}

/* Feeds the text in pieces of `step` bytes. */
static void read_in_steps(const char *text, size_t step)
{
	const struct hub_sink sink = { take, count_wrong, NULL };
	size_t size = strlen(text);

	event_count = wrong_count = 0;
	hub_reader_begin(&reader, &sink);
	for (size_t at = 0; at < size; at += step)
		hub_reader_feed(&reader, text + at, size - at < step ? size - at : step);
	hub_reader_end(&reader);
}

static void read_all(const char *text)
{
	read_in_steps(text, strlen(text));
}

#define AZURE_OBJECT                                                                           \
	"{\n \"time\": \"2026-11-30T06:00:07Z\",\n \"resourceId\": \"/X\",\n"                  \
	" \"operationName\": \"deviceDisconnect\", \"category\": \"Connections\",\n"           \
	" \"level\": \"Error\", \"resultType\": \"404104\",\n"                                 \
	" \"resultDescription\": \"DeviceConnectionClosedRemotely\",\n"                        \
	" \"properties\": {\"deviceId\": \"dev-1\", \"protocol\": \"Mqtt\",\n  \"authType\": " \
	"null,\n"                                                                              \
	"  \"maskedIpAddress\": \"203.0.113.XXX\", \"statusCode\": null},\n \"location\": "    \
	"\"x\"\n}"
#define AZURE_STRING                                                                           \
	"{\"time\":\"2026-11-30T06:00:07Z\",\"operationName\":\"deviceConnect\",\"category\":" \
	"\"Connections\",\"properties\":\"{\\\"deviceId\\\":\\\"dev-1\\\",\\\"authType\\\":"   \
	"\\\"{\\\\\\\"scope\\\\\\\":\\\\\\\"device\\\\\\\"}\\\"}\"}"
#define SECONDS_0600_07 UINT64_C(1796018407)

static void test_lines(void)
{
	static const struct {
		const char *text;
		enum hub_format format;
		enum hub_symptom symptom;
		const char *device, *code;
	} rows[] = {
		{ AZURE_OBJECT, HUB_FORMAT_AZURE, HUB_CLOSED, "dev-1", "404104" },
		{ AZURE_STRING, HUB_FORMAT_AZURE, HUB_CONNECT, "dev-1", "" },
		{ "TimeGenerated,OperationName,ResultType,properties_s\r\n2026-11-30T06:00:07.5Z,"
		  "deviceDisconnect,401003,\"{\"\"deviceId\"\":\"\"dev-1\"\"}\"\r\n",
		  HUB_FORMAT_AZURE, HUB_NOT_AUTHORIZED, "dev-1", "401003" },
		{ "{\"clientId\":\"dev-1\",\"timestamp\":1796018407123,\"eventType\":"
		  "\"disconnected\",\"sessionIdentifier\":\"a4\",\"versionNumber\":3,"
		  "\"clientInitiatedDisconnect\":false,\"disconnectReason\":"
		  "\"MQTT_KEEP_ALIVE_TIMEOUT\"}",
		  HUB_FORMAT_AWS, HUB_KEEP_ALIVE, "dev-1", "MQTT_KEEP_ALIVE_TIMEOUT" },
		{ "{\"event\":{\"clientId\":\"dev-1\",\"timestamp\":1796018407123,"
		  "\"eventType\":\"connected\",\"ipAddress\":\"192.0.2.1\"}}",
		  HUB_FORMAT_AWS, HUB_CONNECT, "dev-1", "" },
		{ "{\"timestamp\":\"2026-11-30 06:00:07.339\",\"logLevel\":\"INFO\",\"eventType\":"
		  "\"Disconnect\",\"protocol\":\"MQTT\",\"clientId\":\"dev-1\","
		  "\"disconnectReason\":\"DUPLICATE_CLIENT_ID\"}",
		  HUB_FORMAT_AWS, HUB_TAKEN_OVER, "dev-1", "DUPLICATE_CLIENT_ID" },
		{ "1796018407: New client connected from 127.0.0.1:40112 as dev 1 (p1) (p2, c1, "
		  "k60).",
		  HUB_FORMAT_MOSQUITTO, HUB_CONNECT, "dev 1 (p1)", "" },
		{ "1796018407: Client dev-1 closed its connection.", HUB_FORMAT_MOSQUITTO,
		  HUB_CLOSED, "dev-1", "closed its connection" },
		{ "1796018407: Client a disconnected. closed its connection.", HUB_FORMAT_MOSQUITTO,
		  HUB_CLOSED, "a disconnected.", "closed its connection" },
		{ "2026-11-30T06:00:07: Client dev-1 disconnected.", HUB_FORMAT_MOSQUITTO,
		  HUB_CLEAN, "dev-1", "" },
		{ "2026-11-30T07:00:07.5+01:00 [info] msg: terminate, mfa: emqx_connection:"
		  "terminate/2(669), clientid: dev-1, peername: 192.0.2.1:5, reason: "
		  "{shutdown,tcp_closed}",
		  HUB_FORMAT_EMQX, HUB_CLOSED, "dev-1", "tcp_closed" },
		{ "2026-11-30 06:00:07.041352+00:00 [info] <0.912.0> Accepted MQTT connection "
		  "192.0.2.1:5 -> 192.0.2.9:1883 for client ID dev-1",
		  HUB_FORMAT_RABBITMQ, HUB_CONNECT, "dev-1", "" },
		{ "2026-11-30 06:00:07.736989+00:00 [info] <0.707.0> accepting MQTT connection "
		  "<0.707.0> (192.0.2.1:5 -> 192.0.2.9:1883, client id: dev (1))",
		  HUB_FORMAT_RABBITMQ, HUB_CONNECT, "dev (1)", "" },
		{ "2026-11-30 06:00:07.740877+00:00 [warning] <0.710.0> MQTT disconnecting client "
		  "\"192.0.2.1:5 -> 192.0.2.9:1883\" with duplicate id 'dev-1'",
		  HUB_FORMAT_RABBITMQ, HUB_TAKEN_OVER, "dev-1", "duplicate id" },
		{ "2026-11-30 06:00:07.041352+00:00 [warning] <0.912.0> MQTT disconnecting client "
		  "<<\"192.0.2.1:5 -> 192.0.2.9:1883\">> with duplicate id 'dev'1'",
		  HUB_FORMAT_RABBITMQ, HUB_TAKEN_OVER, "dev'1", "duplicate id" },
		{ "2026-11-30 06:00:07.041352+00:00 [warning] <0.912.0> MQTT disconnecting client "
		  "<<\"[2001:db8::1]:5 -> [2001:db8::9]:1883\">> with client ID 'dev-1', reason: "
		  "maintenance",
		  HUB_FORMAT_RABBITMQ, HUB_ENDED_BY_HUB, "dev-1", "disconnecting client" },
		{ "{\"event\":\"client.disconnected\",\"clientid\":\"dev-1\",\"reason\":"
		  "\"takenover\",\"timestamp\":1796018407001}",
		  HUB_FORMAT_EMQX, HUB_TAKEN_OVER, "dev-1", "takenover" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct hub_event *event = &events[0];

		read_in_steps(rows[i].text, 1 + i % 7);
		CHECK(event_count == 1 && wrong_count == 0, rows[i].text);
		CHECK(event->format == rows[i].format, rows[i].text);
		CHECK(event->symptom == rows[i].symptom, rows[i].text);
		CHECK(event->time / USEC_PER_SEC == SECONDS_0600_07, rows[i].text);
		CHECK(strcmp(event->device, rows[i].device) == 0, rows[i].text);
		CHECK(strcmp(event->code, rows[i].code) == 0, rows[i].text);
	}
}

#define RABBIT "2026-11-30 06:00:07.041352+00:00 [info] <0.912.0> "
#define ONE    "192.0.2.1:5 -> 192.0.2.9:1883"
#define OTHER  "192.0.2.1:6 -> 192.0.2.9:1883"

/* RabbitMQ names the device where a connection begins, and the connection where it ends. */
static void test_sessions(void)
{
	static const struct {
		const char *text;
		enum hub_symptom symptom;
	} ends[] = {
		{ "MQTT connection <<\"" ONE
		  "\">> will terminate because peer closed TCP connection",
		  HUB_CLOSED },
		{ "MQTT connection \"" ONE "\" will terminate because peer closed TCP connection",
		  HUB_CLOSED },
		{ "closing MQTT connection \"" ONE "\" (keepalive timeout)", HUB_KEEP_ALIVE },
		{ "MQTT detected network error for <<\"" ONE "\">>: etimedout", HUB_CLOSED },
		{ "closing MQTT connection <<\"" ONE "\">> (keepalive timeout)", HUB_KEEP_ALIVE },
		{ "closing MQTT connection <0.912.0> (" ONE ")", HUB_CLEAN },
		{ "MQTT connection " ONE " is closing due to an authorization failure",
		  HUB_NOT_AUTHORIZED },
		{ "MQTT protocol error on connection " ONE ": {unsupported,1}",
		  HUB_PROTOCOL_ERROR },
		{ "Unparseable MQTT packet received from connection " ONE, HUB_PROTOCOL_ERROR },
	};
	char text[1024];

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(text, sizeof(text),
			 RABBIT "Accepted MQTT connection " ONE " for client ID a\n" RABBIT
				"Accepted MQTT connection " OTHER " for client ID b\n" RABBIT
				"%s\n" RABBIT "%s",
			 ends[i].text, ends[i].text);
		read_all(text);
		CHECK(event_count == 3 && wrong_count == 0 && reader.unnamed == 1, ends[i].text);
		CHECK(strcmp(events[2].device, "a") == 0, ends[i].text);
		CHECK(events[2].symptom == ends[i].symptom, ends[i].text);
	}
	read_all(RABBIT "closing MQTT connection <<\"" ONE "\">> (login timeout)");
	CU_ASSERT_EQUAL(event_count + wrong_count + reader.unnamed, 0);
}

static void test_frames(void)
{
	read_all("{\"records\": [" AZURE_OBJECT ",\n" AZURE_OBJECT "]}\n" AZURE_OBJECT AZURE_STRING
		 "\n[" AZURE_STRING "]");
	CU_ASSERT_EQUAL(event_count, 5);
	CU_ASSERT_EQUAL(wrong_count, 0);
}

static void test_malformed(void)
{
	read_all(AZURE_STRING "\n{\"time\":\"2026-11-30T06:0\n" AZURE_STRING
			      "\n{\"time\":{\"a\":1},\n\"b\":2\n" AZURE_STRING "\nno time: at all\n"
			      "1796018407: Client  closed its connection.\n" AZURE_STRING
			      "\n{\"a\":");
	CU_ASSERT_EQUAL(event_count, 4);
	CU_ASSERT_EQUAL(lines[1], 3);
	CU_ASSERT_EQUAL(wrong_count, 5);
	CU_ASSERT_EQUAL(wrong[0], 2);
	CU_ASSERT_EQUAL(wrong[1], 4);
	read_all("{\"time\":{\n" AZURE_STRING "\n{{{\n" AZURE_STRING);
	CU_ASSERT_EQUAL(event_count, 2);
	CU_ASSERT_EQUAL(wrong_count, 2);
}

static void test_too_long(void)
{
	static char text[HUB_ITEM_MAX + 200];

	memset(text, 'x', HUB_ITEM_MAX + 10);
	strcpy(text + HUB_ITEM_MAX + 10, "\n1796018407: Client dev-1 disconnected.\n");
	read_all(text);
	CU_ASSERT_EQUAL(wrong_count, 1);
	CU_ASSERT_EQUAL(event_count, 1);
	CU_ASSERT_EQUAL(lines[0], 2);
}

static void test_twice(void)
{
	struct hub_event first, again;

	hub_read_json(AZURE_STRING, strlen(AZURE_STRING), &first);
	hub_read_json(AZURE_STRING, strlen(AZURE_STRING), &again);
	CU_ASSERT_EQUAL(first.identity, again.identity);
	CU_ASSERT_NOT_EQUAL(first.identity, 0);
	hub_read_text("1796018407: Client dev-1 disconnected.", &first);
	CU_ASSERT_EQUAL(first.identity, 0);
}

static void test_names(void)
{
	for (int i = 0; i < HUB_SYMPTOM_MAX; i++)
		CU_ASSERT_PTR_NOT_NULL(hub_symptom_to_string(i));
	for (int i = 0; i < HUB_FORMAT_MAX; i++)
		CU_ASSERT_PTR_NOT_NULL(hub_format_to_string(i));
}

SUITE("hub", { "lines", test_lines }, { "sessions", test_sessions }, { "frames", test_frames },
      { "malformed", test_malformed }, { "too long", test_too_long }, { "twice", test_twice },
      { "names", test_names })

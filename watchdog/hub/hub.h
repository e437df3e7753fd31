/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a hub writes about the connections of its devices, in one form for all hubs.
 *
 * Formats, each recognised line by line, after the vendors' public documentation:
 * - Azure IoT Hub, resource logs of the category Connections (JSON lines, objects one after the
 *   other, {"records":[...]}, and the CSV of Log Analytics)
 * - AWS IoT Core, life-cycle events (also as {"event":{...}}) and log entries
 * - mosquitto, log_type all, with the time as seconds since 1970 or as ISO 8601
 * - RabbitMQ, the text log of its MQTT plugin
 * - EMQX, events client.connected and client.disconnected as JSON, and its text log */
#pragma once

#include <stddef.h>

#include "base/limits.h"
#include "base/usec.h"
#include "base/vocabulary.h"

enum {
	HUB_ID_SIZE = DEVICE_ID_SIZE,
	HUB_CODE_SIZE = 32,       /* the hub's own word: "404104", "CONNECTION_LOST" */
	HUB_ITEM_MAX = 64 * 1024, /* bytes of an event; Azure Monitor's own limit for one */
};

enum hub_format {
	HUB_FORMAT_AZURE,
	HUB_FORMAT_AWS,
	HUB_FORMAT_MOSQUITTO,
	HUB_FORMAT_EMQX,
	HUB_FORMAT_RABBITMQ,
	HUB_FORMAT_MAX,
	HUB_FORMAT_INVALID = -1,
};
DECLARE_NAMES(hub_format);

/* What the hub saw of a connection. */
enum hub_symptom {
	HUB_CONNECT,        /* it began; all others: it ended, or did not come up */
	HUB_CLEAN,          /* the device said goodbye */
	HUB_CLOSED,         /* closed remotely, without a goodbye: 404104, CONNECTION_LOST */
	HUB_KEEP_ALIVE,     /* nothing was heard for 1.5 times the keep-alive */
	HUB_NOT_AUTHORIZED, /* 401003, AUTH_ERROR */
	HUB_TAKEN_OVER, /* another connection with the same identity: 400027, DUPLICATE_CLIENTID */
	HUB_THROTTLED,  /* a quota or a rate: 403002, 429001 */
	HUB_SERVER_ERROR,   /* the hub's own trouble: 500001, SERVER_ERROR */
	HUB_PROTOCOL_ERROR, /* CLIENT_ERROR */
	HUB_ENDED_BY_HUB,   /* an administrator or a limit of the hub */
	HUB_OTHER,
	HUB_SYMPTOM_MAX,
	HUB_SYMPTOM_INVALID = -1,
};
DECLARE_NAMES(hub_symptom);

/* One event. Texts are printable ASCII. */
struct hub_event {
	usec_t time; /* since 1970, by the hub's clock */
	enum hub_format format;
	enum hub_symptom symptom;
	char device[HUB_ID_SIZE];
	char code[HUB_CODE_SIZE]; /* "": a connect, or a clean end */
	uint64_t session;         /* a hash of the hub's ID of the session; 0: it has none */
	uint64_t identity;        /* equal for an event that was delivered twice; 0: it cannot be */
};

/* What one line, or one JSON object, is. */
enum hub_reading {
	HUB_EVENT,     /* the event is filled in */
	HUB_UNNAMED,   /* likewise, but for the device: that of the connect with its session */
	HUB_UNRELATED, /* understood, and about something else */
	HUB_MALFORMED,
};

/* Reads a JSON object of `size` bytes. */
enum hub_reading hub_read_json(const char *text, size_t size, struct hub_event *event);

/* Reads a line of a log in text; `text` is terminated and has no line break. */
enum hub_reading hub_read_text(const char *text, struct hub_event *event);

/* The columns of a CSV that Log Analytics exported. */
enum { HUB_COLUMNS_MAX = 64 };
struct hub_columns {
	unsigned count;
	signed char field[HUB_COLUMNS_MAX]; /* number of the field in a column; -1: none of ours */
};

/* Returns true, with the columns, if `text` is the first line of such a CSV. */
bool hub_read_csv_head(const char *text, struct hub_columns *columns);
enum hub_reading hub_read_csv(const char *text, const struct hub_columns *columns,
			      struct hub_event *event);

/* ---- streams of any size, in constant memory */

struct hub_reader;

struct hub_sink {
	/* `line` is the first line of the event in its file, from 1 on. */
	void (*event)(void *userdata, const struct hub_event *event, uint64_t line);
	void (*malformed)(void *userdata, uint64_t line);
	void *userdata;
};

/* Whose the connections are that a log names later without the device. Some that are open for very
 * long are forgotten if there are more. */
enum { HUB_SESSION_SETS = 1 << 14, HUB_SESSION_WAYS = 4 };
struct hub_session {
	uint64_t session; /* 0: none */
	char device[HUB_ID_SIZE];
};

struct hub_reader {
	struct hub_sink sink;
	struct hub_columns columns; /* count 0: no CSV */
	uint64_t line, first_line;  /* that is read now; that the item began on */
	uint64_t unrelated;
	uint64_t unnamed;       /* ends of connections of which the log has no beginning */
	unsigned session_count; /* that were kept */
	unsigned depth;         /* of braces and brackets in the item */
	bool wrapped;           /* in an array, maybe that of {"records":[...]} */
	bool json;              /* the item is an object */
	bool in_string, escaped, skip;
	char last; /* the last byte that was no blank */
	size_t length;
	char item[HUB_ITEM_MAX + 1];
	struct hub_session sessions[HUB_SESSION_SETS][HUB_SESSION_WAYS]; /* the newest first */
};

/* `reader` must be zeroed before it is used for the first time. */
void hub_reader_begin(struct hub_reader *reader, const struct hub_sink *sink);
void hub_reader_feed(struct hub_reader *reader, const char *bytes, size_t size);
/* After the last byte of a file. */
void hub_reader_end(struct hub_reader *reader);

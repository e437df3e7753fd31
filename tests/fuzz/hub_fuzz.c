/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The logs of hubs, of every format, as one stream: whatever comes, events are within their bounds,
 * places grow, and pieces of any size give the same. Input: a byte for the size of pieces. */
#include "hub/hub.h"

#include "fuzz.h"

struct seen {
	uint64_t events, malformed, line, sum;
};

static void check_text(const char *text, size_t size)
{
	MUST(memchr(text, '\0', size));
	for (; *text; text++)
		MUST(*text >= ' ' && *text < 0x7f);
}

static void take(void *userdata, const struct hub_event *event, uint64_t line)
{
	struct seen *seen = userdata;

	MUST(event->symptom >= 0 && event->symptom < HUB_SYMPTOM_MAX);
	MUST(event->format >= 0 && event->format < HUB_FORMAT_MAX);
	MUST(event->device[0]);
	check_text(event->device, sizeof(event->device));
	check_text(event->code, sizeof(event->code));
	MUST(line >= seen->line);
	seen->line = line;
	seen->sum = seen->sum * 31 + event->identity + event->time + (uint64_t)event->symptom;
	seen->events++;
}

static void count(void *userdata, uint64_t line)
{
	struct seen *seen = userdata;

	MUST(line >= seen->line);
	seen->line = line;
	seen->malformed++;
}

static struct seen read_in(const uint8_t *data, size_t size, size_t step)
{
	static struct hub_reader reader;
	struct seen seen = { .line = 0 };
	const struct hub_sink sink = { take, count, &seen };

	hub_reader_begin(&reader, &sink);
	for (size_t at = 0; at < size; at += step)
		hub_reader_feed(&reader, (const char *)data + at,
				size - at < step ? size - at : step);
	hub_reader_end(&reader);
	return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole, pieces;

	if (size == 0)
		return 0;
	whole = read_in(data + 1, size - 1, size);
	pieces = read_in(data + 1, size - 1, 1 + data[0]);
	MUST(memcmp(&whole, &pieces, sizeof(whole)) == 0);
	return 0;
}

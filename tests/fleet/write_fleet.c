/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints the records of a whole fleet in the journal's export format, for
 * systemd-journal-remote(8), in the order in which they arrive at the collecting host. The records
 * are made by record_fields(), as the daemon's are.
 *
 *     write_fleet DEVICES DAYS OUTAGES TRUTH [HUBLOG CAUSES]
 *
 * Writes into the file TRUTH, one JSON object a line, what was planted: outages of the service and
 * of sites, and devices with a trouble of their own. The same numbers give the same fleet.
 * Into HUBLOG, what the hub saw of it; and into CAUSES, the number and the cause of each line of it
 * that is an end, or "-" where the device's record is lost. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "record/record.h"

#define START (UINT64_C(1790812800) * USEC_PER_SEC) /* 2026-10-01 00:00:00 UTC */
#define DAY   (24 * USEC_PER_HOUR)
#define NEVER UINT64_MAX

enum { PEERS = 4, SITES = 8, HISTORY_MAX = 4096 };

static const char *const sites[SITES] = { "berlin", "bogota", "cairo", "dakar",
					  "lima",   "osaka",  "quito", "turin" };
static const char *const versions[] = { "1.0", "1.1", "1.2" };
enum { FAULTY_VERSION = 2 };

enum trouble { NO_TROUBLE, CRASH_LOOP, TOKEN_RHYTHM, BAD_LINK };
static const char *const troubles[] = { NULL, "crash-loop", "token-rhythm", "bad-link" };

struct device {
	unsigned number, peer, site, version;
	enum trouble trouble;
	int64_t clock_error;  /* what its clock shows too much */
	usec_t boot;          /* its last start; a reboot changes it */
	usec_t reboot;        /* NEVER: none */
	usec_t cut_off, back; /* in between nothing of it arrives */
	usec_t trouble_begins;
};

struct end {
	usec_t time;
	usec_t downtime;
	enum cause cause;
	enum ended_by ended_by;
	enum confidence confidence;
	int outage; /* -1: none */
};

struct outage {
	usec_t time, length, back;
	double share;
	int peer; /* -1: all of them */
	int site; /* -1: it is the service's */
	enum ended_by ended_by;
	unsigned hit;
};

struct line {
	usec_t arrival;
	usec_t time;
	usec_t span; /* age, or downtime */
	uint32_t device;
	uint8_t kind, cause, ended_by, confidence;
	bool before_reboot;
	bool action;
	uint64_t cookie;
	uint64_t outage;   /* which one of the device; 0: none */
	unsigned attempts; /* recovered */
};

/* A beginning or an end of a session, as the hub saw it. */
struct sight {
	usec_t time;
	uint32_t device;
	uint8_t cause;
	bool connect, refused; /* refused: a token, right before the end */
	bool recorded;         /* the device's record is in the journal */
};

static struct line *lines;
static size_t line_count;
static struct sight *sights;
static size_t sight_count;
static struct outage *outages;
static unsigned outage_count, device_count;
static usec_t length_of_all;

/* ---- chance: splitmix64 */

static uint64_t state = 42;

static uint64_t draw(void)
{
	uint64_t z = (state += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

/* A number that follows from `seed` alone: what is planted otherwise stays as it is. */
static uint64_t draw_of(uint64_t seed)
{
	uint64_t saved = state, drawn;

	state = seed;
	drawn = draw();
	state = saved;
	return drawn;
}

static usec_t shorter(usec_t a, usec_t b)
{
	return a < b ? a : b;
}

static double part(void)
{
	return (double)(draw() >> 11) / 9007199254740992.0;
}

static bool chance(double probability)
{
	return part() < probability;
}

static usec_t between(usec_t least, usec_t most)
{
	return least + (usec_t)(part() * (double)(most - least));
}

static usec_t wait_of(usec_t mean)
{
	return (usec_t)(-log(1 - part()) * (double)mean);
}

/* ---- outages */

/* From 1 in 100 of the devices to nearly all, as many small ones as large ones; 20 at least. */
static double share_of(unsigned devices)
{
	double least = fmin(0.95, fmax(0.01, 20.0 / devices));

	return least * pow(0.95 / least, part());
}

static void plan_outage(struct outage *outage, unsigned number)
{
	static const enum ended_by ways[] = { ENDED_BY_PEER_FIN, ENDED_BY_PEER_RESET,
					      ENDED_BY_PEER_FIN, ENDED_BY_RETRANSMIT_TIMEOUT };
	usec_t room = (length_of_all - 3 * USEC_PER_HOUR) / outage_count;
	bool quick = chance(0.6);

	*outage = (struct outage){
		.time = START + 2 * USEC_PER_HOUR + number * room + between(0, room / 3),
		.peer = chance(0.5) ? -1 : (int)(draw() % PEERS),
		.site = number % 8 == 7 ? (int)(draw() % SITES) : -1,
		.ended_by = ways[draw() % 4],
	};
	outage->share = share_of(outage->peer < 0 ? device_count : device_count / PEERS);
	if (outage->site >= 0) {
		outage->peer = -1;
		outage->share = 0.9;
		outage->ended_by = ENDED_BY_RETRANSMIT_TIMEOUT;
	}
	if (outage->ended_by == ENDED_BY_RETRANSMIT_TIMEOUT)
		quick = false;
	outage->length = quick ? between(USEC_PER_SEC, 8 * USEC_PER_SEC)
			       : between(USEC_PER_MINUTE, 4 * USEC_PER_MINUTE);
	outage->back = outage->time + outage->length + between(10 * USEC_PER_SEC, USEC_PER_MINUTE);
}

static bool is_hit(const struct outage *outage, const struct device *device)
{
	if (outage->peer >= 0 && outage->peer != (int)device->peer)
		return false;
	if (outage->site >= 0 && outage->site != (int)device->site)
		return false;
	return chance(outage->share);
}

/* ---- the ends of one device's connections */

static struct end ends[HISTORY_MAX];
static unsigned end_count;

static void add_end_of(int outage, usec_t time, enum cause cause, enum ended_by ended_by,
		       usec_t downtime)
{
	if (time >= START + length_of_all || end_count == HISTORY_MAX)
		return;
	ends[end_count++] = (struct end){
		.time = time,
		.downtime = downtime,
		.cause = cause,
		.ended_by = ended_by,
		.confidence = cause == CAUSE_PEER_RESET ? CONFIDENCE_LIKELY : CONFIDENCE_PROVED,
		.outage = outage,
	};
}

static void add_end(usec_t time, enum cause cause, enum ended_by ended_by, usec_t downtime)
{
	add_end_of(-1, time, cause, ended_by, downtime);
}

static void at_random(usec_t mean, enum cause cause, enum ended_by ended_by)
{
	usec_t time = START;

	while ((time += wait_of(mean)) < START + length_of_all)
		add_end(time, cause, ended_by, between(USEC_PER_SEC, 30 * USEC_PER_SEC));
}

static void add_trouble(struct device *device)
{
	usec_t time = device->trouble_begins;

	if (device->trouble == CRASH_LOOP)
		for (unsigned i = 0; i < 12;
		     i++, time += between(30 * USEC_PER_SEC, 4 * USEC_PER_MINUTE))
			add_end(time, CAUSE_AGENT_CRASH, ENDED_BY_LOCAL_FIN, 5 * USEC_PER_SEC);
	if (device->trouble == TOKEN_RHYTHM)
		for (; time < START + length_of_all; time += 65 * USEC_PER_MINUTE)
			add_end(time, CAUSE_TOKEN_EXPIRED, ENDED_BY_PEER_FIN, 2 * USEC_PER_SEC);
	if (device->trouble == BAD_LINK)
		at_random(3 * USEC_PER_HOUR, CAUSE_PATH_SILENT, ENDED_BY_RETRANSMIT_TIMEOUT);
}

static enum cause cause_of(enum ended_by ended_by)
{
	if (ended_by == ENDED_BY_PEER_FIN)
		return CAUSE_PEER_CLOSE;
	return ended_by == ENDED_BY_PEER_RESET ? CAUSE_PEER_RESET : CAUSE_PATH_SILENT;
}

static void add_outages(const struct device *device)
{
	for (unsigned i = 0; i < outage_count; i++) {
		const struct outage *outage = &outages[i];
		usec_t time = outage->time + between(0, outage->length);
		enum cause cause = cause_of(outage->ended_by);

		if (!is_hit(outage, device))
			continue;
		add_end_of((int)i, time, cause, outage->ended_by,
			   outage->back + between(0, 2 * USEC_PER_SEC) - time);
	}
}

static int compare_ends(const void *a, const void *b)
{
	const struct end *left = a, *right = b;

	return left->time < right->time ? -1 : left->time > right->time;
}

static void live(struct device *device)
{
	end_count = 0;
	at_random(3 * DAY, CAUSE_PEER_CLOSE, ENDED_BY_PEER_FIN);
	at_random(6 * DAY, CAUSE_PEER_RESET, ENDED_BY_PEER_RESET);
	at_random(6 * DAY, CAUSE_PATH_SILENT, ENDED_BY_RETRANSMIT_TIMEOUT);
	at_random(15 * DAY, CAUSE_AGENT_STOPPED, ENDED_BY_LOCAL_FIN);
	at_random(device->version == FAULTY_VERSION ? 2 * DAY : 40 * DAY, CAUSE_AGENT_ABORT,
		  ENDED_BY_LOCAL_RESET);
	if (device->number % 3 == 0)
		for (usec_t time = START + between(0, 48 * USEC_PER_MINUTE);
		     time < START + length_of_all; time += 48 * USEC_PER_MINUTE)
			add_end(time, CAUSE_TOKEN_RENEWAL, ENDED_BY_LOCAL_FIN, USEC_PER_SEC / 2);
	add_trouble(device);
	add_outages(device);
	qsort(ends, end_count, sizeof(ends[0]), compare_ends);
}

/* ---- its records */

static usec_t arrival_of(const struct device *device, usec_t time)
{
	if (time >= device->cut_off && time < device->back)
		return device->back;
	return time + between(0, 2 * USEC_PER_SEC);
}

/* Returns `items` with room for one more than `count`. */
static void *grow(void *items, size_t count, size_t size)
{
	if ((count & (count - 1)) == 0) /* a power of two: double */
		items = reallocarray(items, count ? 2 * count : 1, size);
	if (!items)
		abort();
	return items;
}

static void keep_line(const struct line *line)
{
	lines = grow(lines, line_count, sizeof(*line));
	lines[line_count++] = *line;
}

/* Returns whether it is in the journal. */
static bool add_line(const struct device *device, usec_t time, struct line line)
{
	unsigned times = chance(0.003) ? 0 : chance(0.005) ? 2 : 1; /* lost, sent twice */
	bool kept = false;

	line.device = device->number;
	line.time = time + (usec_t)device->clock_error;
	line.before_reboot = device->reboot != NEVER && time < device->reboot;
	line.cookie = draw() >> 32;
	while (times--) {
		line.arrival = arrival_of(device, time);
		keep_line(&line);
		kept = true;
	}
	return kept;
}

static void keep_sight(struct sight sight)
{
	sights = grow(sights, sight_count, sizeof(sight));
	sights[sight_count++] = sight;
}

/* The hub notices a silence before the device gives up, and a refused token a moment before the
 * end. */
static void see_end(const struct device *device, const struct end *end, usec_t since, bool recorded)
{
	struct sight sight = { .time = end->time,
			       .device = device->number,
			       .cause = (uint8_t)end->cause,
			       .recorded = recorded };

	if (end->cause == CAUSE_PATH_SILENT)
		sight.time -= draw_of(end->time) %
			      (1 + shorter(3 * USEC_PER_MINUTE, (end->time - since) / 2));
	if (end->cause == CAUSE_TOKEN_EXPIRED && device->number % 2 == 0) {
		sight.refused = true;
		keep_sight(sight);
		sight.refused = false;
	}
	keep_sight(sight);
}

static void tell_life(struct device *device)
{
	usec_t since = START - between(USEC_PER_HOUR, DAY);

	add_line(device, START + between(0, USEC_PER_MINUTE),
		 (struct line){ .kind = RECORD_WATCHING });
	keep_sight((struct sight){ .time = since, .device = device->number, .connect = true });
	for (unsigned i = 0; i < end_count; i++) {
		const struct end *end = &ends[i];
		bool recorded;

		if (end->time <= since)
			continue; /* it had no connection then */
		recorded = add_line(device, end->time,
				    (struct line){ .kind = RECORD_ENDED,
						   .cause = (uint8_t)end->cause,
						   .ended_by = (uint8_t)end->ended_by,
						   .confidence = (uint8_t)end->confidence,
						   .outage = i + 1,
						   .span = end->time - since });
		see_end(device, end, since, recorded);
		if (end->cause == CAUSE_AGENT_CRASH)
			add_line(device, end->time + 1000,
				 (struct line){ .kind = RECORD_ACTION, .action = true });
		since = end->time + end->downtime;
		keep_sight(
			(struct sight){ .time = since, .device = device->number, .connect = true });
		add_line(device, since,
			 (struct line){ .kind = RECORD_RECOVERED,
					.span = end->downtime,
					.outage = i + 1,
					.attempts = 1 + (unsigned)(draw_of(end->time) % 4) });
		if (end->outage >= 0)
			outages[end->outage].hit++;
	}
}

static struct device make_device(unsigned number)
{
	struct device device = {
		.number = number,
		.peer = (unsigned)(draw() % PEERS),
		.site = (unsigned)(draw() % SITES),
		.version = (unsigned)(draw() % 5 < 2 ? draw() % 2 : draw() % 3),
		.trouble = number % 100 == 11   ? CRASH_LOOP
			   : number % 50 == 12  ? TOKEN_RHYTHM
			   : number % 100 == 13 ? BAD_LINK
						: NO_TROUBLE,
		.clock_error = (int64_t)between(0, 2 * USEC_PER_SEC) - (int64_t)USEC_PER_SEC,
		.boot = START - DAY,
		.reboot = chance(0.05) ? START + between(0, length_of_all) : NEVER,
		.trouble_begins = START + between(0, length_of_all / 2),
	};

	if (chance(0.01)) /* no NTP there */
		device.clock_error = (chance(0.5) ? 1 : -1) *
				     (int64_t)between(30 * USEC_PER_SEC, 5 * USEC_PER_MINUTE);
	if (chance(0.02)) {
		device.cut_off = START + between(0, length_of_all);
		device.back = device.cut_off + between(USEC_PER_MINUTE, 6 * USEC_PER_HOUR);
	}
	return device;
}

/* ---- output */

static struct device *devices;

static void print_field(void *userdata, const char *name, const char *value)
{
	(void)userdata;
	printf("%s=%s\n", name, value);
}

/* The fields that journald adds, systemd.journal-fields(7), and LogExtraFields= of connwatchd's
 * unit. */
static void begin_entry(const struct device *device, const struct line *line)
{
	usec_t boot = line->before_reboot       ? device->boot
		      : device->reboot == NEVER ? device->boot
						: device->reboot;

	printf("__REALTIME_TIMESTAMP=%" PRIu64 "\n__MONOTONIC_TIMESTAMP=%" PRIu64 "\n", line->time,
	       line->time + DAY - boot);
	printf("_BOOT_ID=%016" PRIx64 "%016x\n_MACHINE_ID=%032x\n_HOSTNAME=device-%05u\n", boot,
	       device->number, device->number + 1, device->number);
	printf("_TRANSPORT=journal\n_UID=0\n_GID=0\n_PID=512\n_COMM=connwatchd\n"
	       "_EXE=/usr/bin/connwatchd\n_CMDLINE=/usr/bin/connwatchd\n"
	       "_SYSTEMD_UNIT=connwatchd.service\n_SYSTEMD_CGROUP=/system.slice/"
	       "connwatchd.service\n"
	       "_SYSTEMD_SLICE=system.slice\n_CAP_EFFECTIVE=1ffffffffff\n_SELINUX_CONTEXT="
	       "unconfined\n"
	       "SYSLOG_IDENTIFIER=connwatchd\nSITE=%s\nFIRMWARE=%s\n",
	       sites[device->site], versions[device->version]);
}

static struct record record_of(const struct device *device, const struct line *line)
{
	struct record record = {
		.kind = line->kind,
		.mode = MODE_EBPF,
		.agent = "edge",
		.unit = "edge.service",
		.invocation_id = "0123456789abcdef0123456789abcdef",
		.process = { .pid = 812, .comm = "edge" },
		.local = { .family = AF_INET,
			   .port = (uint16_t)(32768 + line->cookie % 28000),
			   .address = { 10, (uint8_t)device->site, (uint8_t)(device->number >> 8),
					(uint8_t)device->number } },
		.peer = { .family = AF_INET,
			  .port = 8883,
			  .address = { 192, 0, 2, (uint8_t)(10 + device->peer) } },
		.cookie = line->cookie,
		.verdict = { .confidence = CONFIDENCE_INVALID },
	};

	if (line->kind == RECORD_WATCHING)
		record.peer.family = record.local.family = 0;
	return record;
}

static void fill_ended(struct record *record, const struct line *line)
{
	record->verdict.ended_by = line->ended_by;
	record->verdict.cause = line->cause;
	record->verdict.confidence = line->confidence;
	record->socket =
		(struct socket_facts){ .state_before = TCP_STATE_ESTABLISHED,
				       .age = line->span,
				       .idle_rx = line->cookie % USEC_PER_MINUTE,
				       .idle_tx = line->cookie % USEC_PER_SEC,
				       .bytes_sent = line->span / 1000,
				       .bytes_acked = line->span / 1000,
				       .bytes_received = line->span / 9000,
				       .rtt_usec = 20000 + (unsigned)(line->cookie % 9000) };
	tokens_add(&record->verdict.evidence, "state=ESTABLISHED");
	tokens_add(&record->verdict.evidence, "closed_by=%s",
		   cause_side(line->cause) == SIDE_AGENT ? "edge[812]" : "peer");
	tokens_add(&record->verdict.ruled_out, "link-down=wlan0-stayed-up");
}

static void print_line(const struct line *line)
{
	const struct device *device = &devices[line->device];
	struct record record = record_of(device, line);

	if (line->kind == RECORD_ENDED)
		fill_ended(&record, line);
	if (line->outage)
		snprintf(record.outage_id, sizeof(record.outage_id), "%016x%016" PRIx64,
			 device->number + 1, line->outage);
	if (line->kind == RECORD_RECOVERED) {
		record.downtime = line->span;
		record.attempts = line->attempts;
	}
	if (line->action) {
		record.action.type = ACTION_RESTART;
		record.action_result = "starting";
	}
	begin_entry(device, line);
	record_fields(&record, print_field, NULL);
	putchar('\n');
}

static void print_truth(FILE *truth)
{
	for (unsigned i = 0; i < outage_count; i++) {
		const struct outage *outage = &outages[i];

		fprintf(truth,
			"{\"outage\":%u,\"from_usec\":%" PRIu64 ",\"until_usec\":%" PRIu64
			",\"devices\":%u,\"peer\":%d,\"site\":\"%s\",\"ended_by\":\"%s\"}\n",
			i, outage->time, outage->time + outage->length, outage->hit, outage->peer,
			outage->site < 0 ? "" : sites[outage->site],
			ended_by_to_string(outage->ended_by));
	}
	for (unsigned i = 0; i < device_count; i++)
		if (devices[i].trouble)
			fprintf(truth, "{\"device\":\"device-%05u\",\"trouble\":\"%s\"}\n", i,
				troubles[devices[i].trouble]);
	fprintf(truth, "{\"records\":%zu,\"faulty\":\"FIRMWARE=%s\"}\n", line_count,
		versions[FAULTY_VERSION]);
}

/* ---- the hub's log: Azure IoT Hub for every second device, AWS IoT Core for the others */

static const char *azure_code(const struct sight *sight)
{
	if (sight->refused)
		return "401003";
	switch (sight->cause) {
	case CAUSE_AGENT_STOPPED:
	case CAUSE_TOKEN_RENEWAL:
		return "";
	case CAUSE_PEER_CLOSE:
	case CAUSE_PEER_RESET:
		return "500001";
	default:
		return "404104";
	}
}

static const char *aws_reason(enum cause cause)
{
	switch ((int)cause) {
	case CAUSE_AGENT_STOPPED:
	case CAUSE_TOKEN_RENEWAL:
		return "CLIENT_INITIATED_DISCONNECT";
	case CAUSE_PEER_CLOSE:
	case CAUSE_PEER_RESET:
		return "SERVER_ERROR";
	case CAUSE_TOKEN_EXPIRED:
		return "AUTH_ERROR";
	case CAUSE_PATH_SILENT:
		return "MQTT_KEEP_ALIVE_TIMEOUT";
	default:
		return "CONNECTION_LOST";
	}
}

static void print_azure(FILE *hub, const struct sight *sight)
{
	time_t seconds = (time_t)(sight->time / USEC_PER_SEC);
	struct tm date;
	char text[32];

	gmtime_r(&seconds, &date);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &date);
	fprintf(hub,
		"{\"time\":\"%s\",\"operationName\":\"%s\",\"category\":\"Connections\","
		"\"resultType\":\"%s\",\"properties\":\"{\\\"deviceId\\\":\\\"device-%05u\\\"}\"}"
		"\n",
		text, sight->connect ? "deviceConnect" : "deviceDisconnect",
		sight->connect ? "" : azure_code(sight), sight->device);
}

static void print_aws(FILE *hub, const struct sight *sight)
{
	fprintf(hub, "{\"clientId\":\"device-%05u\",\"timestamp\":%" PRIu64 ",\"eventType\":\"%s\"",
		sight->device, sight->time / 1000, sight->connect ? "connected" : "disconnected");
	if (!sight->connect)
		fprintf(hub, ",\"disconnectReason\":\"%s\"", aws_reason(sight->cause));
	fputs("}\n", hub);
}

/* The causes of what it shows, one a line of the log that is an end, in the order of the log. */
static void print_hub(FILE *hub, FILE *causes)
{
	for (size_t i = 0; i < sight_count; i++) {
		const struct sight *sight = &sights[i];

		if (sight->device % 2 == 0)
			print_azure(hub, sight);
		else
			print_aws(hub, sight);
		if (!sight->connect)
			fprintf(causes, "%zu %s\n", i + 1,
				sight->recorded ? cause_to_string(sight->cause) : "-");
	}
}

static int compare_sights(const void *a, const void *b)
{
	const struct sight *left = a, *right = b;

	if (left->time != right->time)
		return left->time < right->time ? -1 : 1;
	if (left->device != right->device)
		return left->device < right->device ? -1 : 1;
	return right->refused - left->refused;
}

static bool write_hub(const char *path, const char *causes_path)
{
	FILE *hub = fopen(path, "we"), *causes = fopen(causes_path, "we");

	if (!hub || !causes)
		return false;
	qsort(sights, sight_count, sizeof(*sights), compare_sights);
	print_hub(hub, causes);
	return fclose(hub) == 0 && fclose(causes) == 0;
}

static int compare_lines(const void *a, const void *b)
{
	const struct line *left = a, *right = b;

	return left->arrival < right->arrival ? -1 : left->arrival > right->arrival;
}

static bool make_fleet(void)
{
	outages = calloc(outage_count, sizeof(*outages));
	devices = calloc(device_count, sizeof(*devices));
	if (!outages || !devices)
		return false;
	for (unsigned i = 0; i < outage_count; i++)
		plan_outage(&outages[i], i);
	for (unsigned i = 0; i < device_count; i++) {
		devices[i] = make_device(i);
		live(&devices[i]);
		tell_life(&devices[i]);
	}
	qsort(lines, line_count, sizeof(*lines), compare_lines);
	return true;
}

int main(int argc, char *argv[])
{
	FILE *truth = argc >= 5 ? fopen(argv[4], "we") : NULL;

	device_count = argc >= 5 ? (unsigned)atoi(argv[1]) : 0;
	if (!truth || device_count == 0) {
		fputs("usage: write_fleet DEVICES DAYS OUTAGES TRUTH [HUBLOG CAUSES]\n", stderr);
		return 64;
	}
	length_of_all = (usec_t)atoi(argv[2]) * DAY;
	outage_count = (unsigned)atoi(argv[3]);
	if (!make_fleet())
		return 1;
	for (size_t i = 0; i < line_count; i++)
		print_line(&lines[i]);
	print_truth(truth);
	if (argc == 7 && !write_hub(argv[5], argv[6]))
		return 1;
	free(sights);
	free(lines);
	free(devices);
	free(outages);
	return fclose(truth) == 0 && fflush(stdout) == 0 ? 0 : 1;
}

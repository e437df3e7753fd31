/* What a watchdog leaves to the next one if it dies: shared memory that outlives it as long as
 * somebody keeps its descriptor. It is written at every step, so that there is nothing left to do
 * in the end, and each step is either there or not, wherever SIGKILL strikes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* To be changed with the layout. */
#define HANDOVER_VERSION 3

enum {
	HANDOVER_AGENTS_MAX = 255,
	HANDOVER_NAME_SIZE = 64,
	HANDOVER_RECORD_SIZE = 280, /* the longest */
	HANDOVER_RECORDS_MAX = 4096,
	HANDOVER_REPORTS_MAX = 4096,
};

struct handover;

/* Returns 0 and an empty one in `*ret`, to be freed with handover_free(); or -errno. */
int handover_new(struct handover **ret);

/* Opens what another process left; `descriptor` stays the caller's. Returns 0, -ESTALE if it is of
 * another size, or another -errno. */
int handover_open(struct handover **ret, int descriptor);
struct handover *handover_free(struct handover *handover); /* returns NULL */

/* Owned by `handover`. */
int handover_descriptor(const struct handover *handover);

/* ---- which agent has which number */

/* The number of agent `name`, the same as ever; a free one up to `max` if it has none; 0 if none
 * is free. */
uint32_t handover_number(struct handover *handover, const char *name, uint32_t max);

/* NULL if the number is free. */
const char *handover_name(const struct handover *handover, uint32_t number);
void handover_free_number(struct handover *handover, uint32_t number);

/* ---- connections whose end is reported */

struct handover_report {
	uint64_t time; /* of the end */
	uint64_t cookie;
	uint64_t written; /* 0: its writer may have died before or after it wrote the report */
};

/* Around the writing of a report: remembers it; the oldest is forgotten. */
void handover_report_begin(struct handover *handover, uint64_t cookie, uint64_t time);
void handover_report_end(struct handover *handover);

/* The report on connection `cookie` is found to be written, whenever its writer died. */
void handover_report_confirm(struct handover *handover, uint64_t cookie);

/* Copies up to HANDOVER_REPORTS_MAX of them into `reports`; returns how many. */
size_t handover_reports(const struct handover *handover, struct handover_report *reports);

/* ---- the last records that were taken from the probe */

/* Remembers one of up to HANDOVER_RECORD_SIZE bytes; the oldest is forgotten. */
void handover_keep(struct handover *handover, const void *record, size_t size);

/* Where those that are left begin and end: numbers that count up. */
uint64_t handover_first(const struct handover *handover);
uint64_t handover_end(const struct handover *handover);

/* Record number `at`; good until handover_keep(). */
const void *handover_record(const struct handover *handover, uint64_t at, size_t *size);

/* How many records the probe has lost and we have told of. */
uint64_t handover_lost(const struct handover *handover);
void handover_set_lost(struct handover *handover, uint64_t lost);

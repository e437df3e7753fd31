/* What `connwatchctl fleet` found, in the three ways in which it is told. */
#pragma once

#include <stdio.h>

#include "cli/journal_arguments.h"
#include "core/fleet.h"

struct fleet_report {
	const struct journal_arguments *arguments;
	const struct fleet *fleet;
	const struct fleet_findings *found;
	const char *fields[FLEET_FIELDS_MAX + 1]; /* that the operator named; ended by NULL */
};

/* For people, to standard output. */
void fleet_print_text(const struct fleet_report *report);

/* One JSON object, to standard output. */
void fleet_print_json(const struct fleet_report *report);

/* One HTML page that refers to nothing outside of it. Returns 0 or -errno. */
int fleet_write_html(FILE *stream, const struct fleet_report *report);

/* What all of them say: */

/* The name of the device of `agent`; its machine ID if it has none. */
const char *fleet_device_name(const struct fleet_report *report, uint32_t agent);

/* "*:8883" for a service. Returns `text`. */
const char *fleet_place_name(const struct fleet_report *report, uint16_t place,
			     char text[static ENDPOINT_TEXT_SIZE]);

enum { FLEET_WORDS_SIZE = 256 };

/* "service-transient", or what it is instead. Returns `text`, or a static text. */
const char *fleet_outage_words(const struct fleet_report *report, const struct fleet_outage *outage,
			       char text[static FLEET_WORDS_SIZE]);

/* The values of all fields, field by field, those with the least availability first, ended by NULL.
 * To be freed; NULL without memory. */
const struct fleet_value **fleet_values(const struct fleet_report *report);

/* What makes a trouble. */
const char *fleet_trouble_words(enum fleet_trouble_kind kind);

/* How its connections ended, the commonest way, and how many did. */
enum ended_by fleet_outage_ended_by(const struct fleet_outage *outage);

/* `part` of `all`, in percent; 0 of nothing. */
double fleet_percent(double part, double all);

/* Connected time of known time, in millionths; -1: no time is known. */
int fleet_availability(usec_t up, usec_t down);

/* Calls `tell` with each sentence on the records themselves: what was late, dropped or in doubt. */
void fleet_tell_records(const struct fleet_report *report,
			void (*tell)(void *userdata, const char *sentence), void *userdata);

/* The test in one sentence. Returns `text`. */
const char *fleet_test_words(const struct fleet_report *report, char *text, size_t size);

enum { FLEET_DELAYS = 3 };

/* RandomizedDelaySec= of which the reports tell what it would spread. */
extern const usec_t fleet_delays[FLEET_DELAYS];

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The report of `connwatchctl fleet` in its three formats. */
#pragma once

#include <stdio.h>

#include "cli/journal_arguments.h"
#include "fleet/fleet.h"

struct fleet_report {
	const struct journal_arguments *arguments;
	const struct fleet *fleet;
	const struct fleet_findings *found;
	const char *fields[FLEET_FIELDS_MAX + 1]; /* the fields of --by; ends with NULL */
};

/* Prints the report for people to standard output. */
void fleet_print_text(const struct fleet_report *report);

/* Prints the report as one JSON object to standard output. */
void fleet_print_json(const struct fleet_report *report);

/* Writes the content, a struct fleet_report, as one HTML page. Returns 0 or -errno. */
int fleet_write_html(FILE *stream, const void *content);

/* Shared by the three formats: */

/* Returns true if the device's records name another device more often than setting it up anew
 * explains. */
bool fleet_is_renamed(const struct fleet_device *device);

/* Returns the name of the device of `agent`, or its machine ID if it has no name. */
const char *fleet_device_name(const struct fleet_report *report, uint32_t agent);

/* Formats a place: a peer, or "*:8883" for a service. Returns `text`. */
const char *fleet_place_name(const struct fleet_report *report, uint16_t place,
			     char text[static ENDPOINT_TEXT_SIZE]);

enum { FLEET_WORDS_SIZE = 256 };

/* Names the attribution of an outage: a cause, or a group such as "SITE=osaka". Returns `text`, or
 * a static string. */
const char *fleet_outage_words(const struct fleet_report *report, const struct fleet_outage *outage,
			       char text[static FLEET_WORDS_SIZE]);

/* Returns the values of all fields, field by field, the least available first; ends with NULL. The
 * caller frees the array. Returns NULL without memory. */
const struct fleet_value **fleet_values(const struct fleet_report *report);

/* Returns the definition of a kind of trouble, for people. */
const char *fleet_trouble_words(enum fleet_trouble_kind kind);

/* Returns the commonest end of the outage's connections. */
enum ended_by fleet_outage_ended_by(const struct fleet_outage *outage);

/* Returns `part` of `all` in percent; 0 if `all` is 0. */
double fleet_percent(double part, double all);

/* Returns the share of connected time in known time, in millionths; -1 if no time is known. */
int fleet_availability(usec_t up, usec_t down);

/* Calls `tell` with each sentence on the records themselves: which were late, dropped or doubtful.
 */
void fleet_tell_records(const struct fleet_report *report,
			void (*tell)(void *userdata, const char *sentence), void *userdata);

/* Describes the statistical test in one sentence. Returns `text`. */
const char *fleet_test_words(const struct fleet_report *report, char *text, size_t size);

enum { FLEET_DELAYS = 3 };

/* The values of RandomizedDelaySec= whose effect the report estimates. */
extern const usec_t fleet_delays[FLEET_DELAYS];

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The steps of `connwatchctl check`; each reports its result. */
#pragma once

#include "events/event.h"

enum check_result {
	CHECK_OK,
	CHECK_WARNING, /* it works, but needs attention */
	CHECK_FAILED,
	CHECK_SKIPPED, /* it cannot be checked, or does not apply here */
	CHECK_RESULT_MAX,
	CHECK_RESULT_INVALID = -1,
};
const char *check_result_to_string(enum check_result result);

enum { STEP_TEXT_SIZE = 512 };

struct check_step {
	const char *name; /* static */
	enum check_result result;
	usec_t took;
	char text[STEP_TEXT_SIZE];
};

typedef void (*check_sink)(void *userdata, const struct check_step *step);

struct check {
	check_sink sink;
	void *userdata;
	usec_t started;           /* start of the current step */
	int64_t certificate_ends; /* seconds since 1970: that of a certificate for the hub; 0: none
				     was seen */
};

/* The longest time that a step waits for a network, a peer or systemd. */
#define STEP_PATIENCE (5 * USEC_PER_SEC)

/* Begins a step. */
void check_begin(struct check *check);

/* Reports the result of the step that check_begin() began, or of a step that took no time. Returns
 * true if `result` is not CHECK_FAILED. */
bool check_tell(struct check *check, const char *name, enum check_result result, const char *format,
		...) __attribute__((format(printf, 4, 5)));

/* Returns the rest of STEP_PATIENCE in milliseconds, for poll(2). */
int check_patience(const struct check *check);

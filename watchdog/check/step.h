/* `connwatchctl check` goes step by step, and each says how it went. */
#pragma once

#include "core/event.h"

enum check_result {
	CHECK_OK,
	CHECK_WARNING, /* works, but look at it */
	CHECK_FAILED,
	CHECK_SKIPPED, /* cannot be told, or makes no sense here */
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
	usec_t started; /* the step under way */
};

/* No step takes longer to wait for somebody else. */
#define STEP_PATIENCE (5 * USEC_PER_SEC)

/* Begins a step. */
void check_begin(struct check *check);

/* Ends the step that check_begin() began, or is one of its own that took no time. Returns true if
 * it is not CHECK_FAILED. */
bool check_tell(struct check *check, const char *name, enum check_result result, const char *format,
		...) __attribute__((format(printf, 4, 5)));

/* What is left of STEP_PATIENCE, in milliseconds for poll(2). */
int check_patience(const struct check *check);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check/step.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "support/clock.h"

static const char *const check_result_names[CHECK_RESULT_MAX] = {
	[CHECK_OK] = "ok",
	[CHECK_WARNING] = "warning",
	[CHECK_FAILED] = "failed",
	[CHECK_SKIPPED] = "skipped",
};

const char *check_result_to_string(enum check_result result)
{
	return (int)result >= 0 && result < CHECK_RESULT_MAX ? check_result_names[result] : NULL;
}

void check_begin(struct check *check)
{
	check->started = clock_now(CLOCK_MONOTONIC);
}

int check_patience(const struct check *check)
{
	usec_t spent = clock_now(CLOCK_MONOTONIC) - check->started;

	return spent < STEP_PATIENCE ? (int)((STEP_PATIENCE - spent) / USEC_PER_MSEC) + 1 : 0;
}

bool check_tell(struct check *check, const char *name, enum check_result result, const char *format,
		...)
{
	struct check_step step = { .name = name, .result = result };
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(step.text, sizeof(step.text), format, arguments);
	va_end(arguments);
	text_make_printable(step.text);
	if (check->started)
		step.took = clock_now(CLOCK_MONOTONIC) - check->started;
	check->started = 0;
	check->sink(check->userdata, &step);
	return result != CHECK_FAILED;
}

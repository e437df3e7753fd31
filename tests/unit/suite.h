/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The frame of each unit test program: main() out of a list of tests, and a check that names the
 * table row it fails on. */
#pragma once

#include <CUnit/Basic.h>
#include <stdbool.h>
#include <stddef.h>

struct test {
	const char *name;
	void (*run)(void);
};

/* Like CU_ASSERT(), with a text that says which row of a table failed. */
#define CHECK(condition, row) \
	CU_assertImplementation((condition), __LINE__, #condition, row, "", CU_FALSE)

/* CU_get_error() is 0 when tests fail: their number is what counts. */
static inline int suite_run(const char *name, const struct test *tests)
{
	unsigned failures = 1;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	CU_pSuite suite = CU_add_suite(name, NULL, NULL);
	bool complete = suite != NULL;

	for (; complete && tests->name; tests++)
		complete = CU_add_test(suite, tests->name, tests->run) != NULL;
	if (complete && CU_basic_run_tests() == CUE_SUCCESS)
		failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures > 0;
}

#define SUITE(name, ...)                                                                      \
	int main(void)                                                                        \
	{                                                                                     \
		return suite_run(name, (const struct test[]){ __VA_ARGS__, { NULL, NULL } }); \
	}

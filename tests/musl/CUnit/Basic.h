/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the unit tests use of CUnit, for `make check-musl`: the CUnit that is installed was built
 * for another C library. tests/unit/suite.h is the only caller of what is no assertion. */
#pragma once

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

enum { CU_FALSE, CU_TRUE };
enum { CUE_SUCCESS };

enum { CU_TESTS_MAX = 256 };

typedef struct {
	struct {
		const char *name;
		void (*run)(void);
	} tests[CU_TESTS_MAX];
	unsigned count;
	unsigned failed;   /* tests */
	unsigned failures; /* assertions of the running test */
	jmp_buf leave;     /* the running test */
} CU_Suite, *CU_pSuite;

/* one for all objects of a program */
__attribute__((weak)) CU_Suite cu_suite;

static inline int CU_initialize_registry(void)
{
	return CUE_SUCCESS;
}

static inline void CU_cleanup_registry(void)
{
}

static inline CU_pSuite CU_add_suite(const char *name, void *begin, void *end)
{
	(void)name;
	(void)begin;
	(void)end;
	return &cu_suite;
}

static inline void *CU_add_test(CU_pSuite suite, const char *name, void (*run)(void))
{
	if (suite->count == CU_TESTS_MAX)
		return NULL;
	suite->tests[suite->count].name = name;
	suite->tests[suite->count].run = run;
	return &suite->tests[suite->count++];
}

/* Runs all tests, and prints a summary as tests/run-unit.sh reads it. */
static inline int CU_basic_run_tests(void)
{
	for (unsigned i = 0; i < cu_suite.count; i++) {
		cu_suite.failures = 0;
		if (setjmp(cu_suite.leave) == 0)
			cu_suite.tests[i].run();
		if (cu_suite.failures == 0)
			continue;
		cu_suite.failed++;
		printf("%s: FAILED\n", cu_suite.tests[i].name);
	}
	printf("%u passed, %u failed\n", cu_suite.count - cu_suite.failed, cu_suite.failed);
	return CUE_SUCCESS;
}

static inline unsigned CU_get_number_of_failures(void)
{
	return cu_suite.failed;
}

static inline int CU_assertImplementation(int holds, unsigned line, const char *condition,
					  const char *file, const char *function, int fatal)
{
	(void)function;
	if (holds)
		return CU_TRUE;
	printf("%s:%u: %s\n", file, line, condition);
	cu_suite.failures++;
	if (fatal)
		longjmp(cu_suite.leave, 1);
	return CU_FALSE;
}

#define CU_CHECK_(condition, fatal) \
	((void)CU_assertImplementation(!!(condition), __LINE__, #condition, __FILE__, "", fatal))

#define CU_PASS(text)                    CU_CHECK_(CU_TRUE, CU_FALSE)
#define CU_FAIL(text)                    CU_CHECK_(!text, CU_FALSE)
#define CU_FAIL_FATAL(text)              CU_CHECK_(!text, CU_TRUE)
#define CU_ASSERT(condition)             CU_CHECK_(condition, CU_FALSE)
#define CU_ASSERT_FATAL(condition)       CU_CHECK_(condition, CU_TRUE)
#define CU_ASSERT_TRUE(condition)        CU_CHECK_(condition, CU_FALSE)
#define CU_ASSERT_TRUE_FATAL(condition)  CU_CHECK_(condition, CU_TRUE)
#define CU_ASSERT_FALSE(condition)       CU_CHECK_(!(condition), CU_FALSE)
#define CU_ASSERT_EQUAL(a, b)            CU_CHECK_((a) == (b), CU_FALSE)
#define CU_ASSERT_EQUAL_FATAL(a, b)      CU_CHECK_((a) == (b), CU_TRUE)
#define CU_ASSERT_NOT_EQUAL(a, b)        CU_CHECK_((a) != (b), CU_FALSE)
#define CU_ASSERT_PTR_EQUAL(a, b)        CU_CHECK_((const void *)(a) == (const void *)(b), CU_FALSE)
#define CU_ASSERT_PTR_EQUAL_FATAL(a, b)  CU_CHECK_((const void *)(a) == (const void *)(b), CU_TRUE)
#define CU_ASSERT_PTR_NULL(a)            CU_CHECK_(!(a), CU_FALSE)
#define CU_ASSERT_PTR_NOT_NULL(a)        CU_CHECK_(!!(a), CU_FALSE)
#define CU_ASSERT_PTR_NOT_NULL_FATAL(a)  CU_CHECK_(!!(a), CU_TRUE)
#define CU_ASSERT_STRING_EQUAL(a, b)     CU_CHECK_(strcmp(a, b) == 0, CU_FALSE)
#define CU_ASSERT_STRING_NOT_EQUAL(a, b) CU_CHECK_(strcmp(a, b) != 0, CU_FALSE)

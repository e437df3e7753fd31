/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/shortage.h"

#include <string.h>

#include "suite.h"

#define SPAN (1 * USEC_PER_SEC)

/* A process that is an hour old, whose only task has run for 1 % of that. */
#define AN_HOUR .tasks = 1, .task = 812, .age = USEC_PER_HOUR
#define BEFORE  AN_HOUR, .ran = 36 * USEC_PER_SEC, .task_runs = 7

static const struct {
	const char *why;
	struct hardship before, after;
	enum resource of;
	bool explains;
} rows[] = {
	{ "a deadlock", { BEFORE }, { BEFORE }, RESOURCE_NONE, false },
	{ "a little throttling",
	  { BEFORE },
	  { BEFORE, .throttled_times = 3, .throttled = SPAN / 4, .waited = SPAN / 4 },
	  RESOURCE_NONE,
	  false },
	{ "a quota, and it gets next to nothing",
	  { BEFORE, .runnable = true },
	  { AN_HOUR, .ran = 36 * USEC_PER_SEC + 1000, .runnable = true, .throttled_times = 10,
	    .throttled = SPAN, .waited = SPAN / 10 * 9 },
	  RESOURCE_CPU_QUOTA,
	  true },
	{ "a quota, and it loops for ever",
	  { BEFORE, .runnable = true },
	  { AN_HOUR, .ran = 36 * USEC_PER_SEC + SPAN / 20, .runnable = true, .throttled_times = 10,
	    .throttled = SPAN, .waited = SPAN / 10 * 9 },
	  RESOURCE_CPU_QUOTA,
	  false },
	{ "others have the processor, all the time",
	  { BEFORE, .runnable = true },
	  { BEFORE, .runnable = true },
	  RESOURCE_CPU,
	  true },
	{ "others have the processor, too, and it loops for ever",
	  { BEFORE, .runnable = true },
	  { AN_HOUR, .ran = 36 * USEC_PER_SEC + SPAN / 20, .runnable = true,
	    .waited = SPAN / 10 * 9 },
	  RESOURCE_NONE,
	  false },
	{ "one task of it was able to run, then another",
	  { BEFORE, .runnable = true },
	  { .tasks = 1, .task = 813, .ran = 36 * USEC_PER_SEC, .runnable = true },
	  RESOURCE_NONE,
	  false },
	{ "it waits half of the time for a processor",
	  { BEFORE, .runnable = true },
	  { BEFORE, .waited = SPAN / 2 },
	  RESOURCE_CPU,
	  false },
	{ "one long sleep that no signal ends",
	  { BEFORE, .uninterruptible = true },
	  { BEFORE, .uninterruptible = true, .system_call = "write" },
	  RESOURCE_IO,
	  true },
	{ "the same, of another user's process",
	  { BEFORE, .uninterruptible = true },
	  { BEFORE, .uninterruptible = true, .wait_channel = "percpu_rwsem_wait" },
	  RESOURCE_IO,
	  true },
	{ "another user's process waits for its own child",
	  { BEFORE, .uninterruptible = true },
	  { BEFORE, .uninterruptible = true, .wait_channel = "kernel_clone" },
	  RESOURCE_NONE,
	  false },
	{ "nobody knows where",
	  { BEFORE, .uninterruptible = true },
	  { BEFORE, .uninterruptible = true },
	  RESOURCE_IO,
	  false },
	{ "two such sleeps",
	  { BEFORE, .uninterruptible = true },
	  { AN_HOUR, .task_runs = 8, .uninterruptible = true, .system_call = "write" },
	  RESOURCE_IO,
	  false },
	{ "two such sleeps, and PSI says that it is the disk",
	  { BEFORE, .uninterruptible = true },
	  { AN_HOUR, .task_runs = 8, .uninterruptible = true, .system_call = "write",
	    .io_waited = SPAN / 10 * 9 },
	  RESOURCE_IO,
	  true },
	{ "it waits for its own child, which has not called execve() yet",
	  { BEFORE, .uninterruptible = true },
	  { BEFORE, .uninterruptible = true, .system_call = "vfork" },
	  RESOURCE_NONE,
	  false },
	{ "others of its group wait for memory, and it rests",
	  { BEFORE },
	  { BEFORE, .memory_waited = SPAN, .io_waited = SPAN },
	  RESOURCE_NONE,
	  false },
	{ "it has work, and tasks of its group wait for a disk",
	  { BEFORE, .runnable = true },
	  { AN_HOUR, .ran = 37 * USEC_PER_SEC, .runnable = true, .io_waited = SPAN / 10 * 6 },
	  RESOURCE_IO,
	  false },
	{ "it waits for memory",
	  { BEFORE, .uninterruptible = true },
	  { AN_HOUR, .task_runs = 9, .runnable = true, .memory_waited = SPAN / 10 * 6 },
	  RESOURCE_MEMORY,
	  true },
	{ "the memory control holds it back",
	  { BEFORE, .uninterruptible = true, .wait_channel = "mem_cgroup_handle_over_high" },
	  { BEFORE, .uninterruptible = true, .wait_channel = "__mem_cgroup_handle_over_high" },
	  RESOURCE_MEMORY,
	  true },
	{ "a limit of memory was reached",
	  { BEFORE },
	  { BEFORE, .memory_limit_hits = 1 },
	  RESOURCE_MEMORY,
	  false },
	{ "a disk is full, and whether it minds nobody sees",
	  { BEFORE },
	  { BEFORE, .disk = "/data" },
	  RESOURCE_DISK,
	  false },
	{ "a disk is full, and it gets no processor",
	  { BEFORE, .runnable = true },
	  { BEFORE, .runnable = true, .disk = "/data" },
	  RESOURCE_CPU,
	  true },
	{ "counters that went back",
	  { BEFORE, .waited = SPAN, .throttled = SPAN, .io_waited = SPAN, .throttled_times = 9 },
	  { AN_HOUR },
	  RESOURCE_NONE,
	  false },
};

static struct circumstances between(const struct hardship *before, const struct hardship *after)
{
	return (struct circumstances){ .hardship_before = *before,
				       .hardship = *after,
				       .hardship_span = SPAN };
}

static void test_rows(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct circumstances given = between(&rows[i].before, &rows[i].after);
		struct shortage shortage = shortage_of(&given);

		CHECK(shortage.of == rows[i].of, rows[i].why);
		CHECK(shortage.explains == rows[i].explains, rows[i].why);
		CHECK(shortage_is_excluded(&given) == (rows[i].of == RESOURCE_NONE), rows[i].why);
	}
}

/* One look shows no change, and none shows nothing. */
static void test_fewer_looks(void)
{
	struct circumstances given = { .hardship = rows[4].after };

	CU_ASSERT_EQUAL(shortage_of(&given).of, RESOURCE_NONE);
	CU_ASSERT_FALSE(shortage_is_excluded(&given));
	given = (struct circumstances){ 0 };
	CU_ASSERT_FALSE(shortage_is_excluded(&given));
}

/* A kernel that does not count leaves open whether the loop is the agent's. */
static void test_without_counts(void)
{
	const struct hardship spins = { .tasks = 1, .task = 812, .runnable = true };
	struct circumstances given = between(&spins, &spins);

	CU_ASSERT_EQUAL(shortage_of(&given).of, RESOURCE_NONE);
	CU_ASSERT_FALSE(shortage_is_excluded(&given));
}

static bool has(const struct tokens *tokens, const char *token)
{
	for (unsigned i = 0; i < tokens->count; i++)
		if (strcmp(tokens->text[i], token) == 0)
			return true;
	return false;
}

static void test_words(void)
{
	struct circumstances given = between(&rows[2].before, &rows[2].after);
	struct tokens tokens = { 0 };

	given.hardship.cpu = 97;
	given.hardship.tasks = 3;
	strcpy(given.hardship.wait_channel, "futex_wait_queue");
	strcpy(given.hardship.system_call, "futex");
	strcpy(given.hardship.disk, "/data");
	shortage_describe(&given, &tokens);
	CU_ASSERT_TRUE(has(&tokens, "short_of=cpu-quota"));
	CU_ASSERT_TRUE(has(&tokens, "cpu_pressure=97%"));
	CU_ASSERT_TRUE(has(&tokens, "tasks=3"));
	CU_ASSERT_TRUE(has(&tokens, "runnable=yes"));
	CU_ASSERT_TRUE(has(&tokens, "system_call=futex"));
	CU_ASSERT_TRUE(has(&tokens, "wait_channel=futex_wait_queue"));
	CU_ASSERT_TRUE(has(&tokens, "waited_for_cpu=90%"));
	CU_ASSERT_TRUE(has(&tokens, "ran=0.1%"));
	CU_ASSERT_TRUE(has(&tokens, "usually_ran=1.0%"));
	CU_ASSERT_TRUE(has(&tokens, "throttled=100%"));
	CU_ASSERT_TRUE(has(&tokens, "disk_full=/data"));
}

SUITE("shortage", { "between two looks", test_rows }, { "fewer looks", test_fewer_looks },
      { "without the kernel's counts", test_without_counts }, { "words", test_words })

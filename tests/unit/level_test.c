/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/level.h"

#include <errno.h>
#include <string.h>

#include "suite.h"

static void test_levels(void)
{
	static const struct {
		const char *name;
		int probe, survey;
		enum level level;
		const char *next; /* a part of the next step; NULL: none */
	} rows[] = {
		{ "the probe is loaded", 0, 0, LEVEL_FULL, NULL },
		{ "the survey is not asked if the probe is loaded", 0, -EPERM, LEVEL_FULL, NULL },
		{ "the types are in a file", PROBE_BY_FILE, 0, LEVEL_EXTERNAL_BTF, "of its own" },
		{ "no BTF", -ENOENT, 0, LEVEL_SOCK_DIAG, "CONFIG_DEBUG_INFO_BTF" },
		{ "no privileges", -EPERM, 0, LEVEL_SOCK_DIAG, "CAP_BPF" },
		{ "an old kernel", -EOPNOTSUPP, 0, LEVEL_SOCK_DIAG, "5.10" },
		{ "no memory", -ENOMEM, 0, LEVEL_SOCK_DIAG, "LimitMEMLOCK" },
		{ "no bpf(2)", -ENOSYS, 0, LEVEL_SOCK_DIAG, "CONFIG_BPF_SYSCALL" },
		{ "a user: privileges give all at once", -EPERM, -EPERM, LEVEL_NONE, "CAP_BPF" },
		{ "the BTF of another kernel", -ENOEXEC, 0, LEVEL_SOCK_DIAG, "of this kernel" },
		{ "neither BTF nor privileges", -ENOENT, -EPERM, LEVEL_NONE, "CAP_NET_ADMIN" },
		{ "a container", -ENOENT, -EOPNOTSUPP, LEVEL_NONE, "namespaces" },
		{ "Mode=ebpf without BTF", -ENOENT, SURVEY_EXCLUDED, LEVEL_NONE, "BTF" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *next = level_next_step(rows[i].probe, rows[i].survey);
		bool as_wanted = rows[i].next ? next && strstr(next, rows[i].next) : !next;

		CHECK(level_of(rows[i].probe, rows[i].survey) == rows[i].level, rows[i].name);
		CHECK(as_wanted, rows[i].name);
	}
}

static void test_sentence_is_whole(void)
{
	char text[LEVEL_TEXT_SIZE];

	for (int probe = PROBE_BY_FILE; probe > -140; probe--)
		for (int survey = SURVEY_EXCLUDED; survey > -140; survey--) {
			level_describe(probe, survey, text, sizeof(text));
			CU_ASSERT_FATAL(strlen(text) < sizeof(text) - 1);
		}
	level_describe(-ENOENT, 0, text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text,
			       "level sock-diag: connwatch can tell here that connections "
			       "ended, rarely why, and prove nothing; for the next level: a "
			       "kernel with BTF (CONFIG_DEBUG_INFO_BTF), or a file of its BTF "
			       "(Btf= in connwatchd.conf(5))");
}

static void test_names(void)
{
	for (enum level level = 0; level < LEVEL_MAX; level++)
		CU_ASSERT_PTR_NOT_NULL(level_to_string(level));
	CU_ASSERT_PTR_NULL(level_to_string(LEVEL_MAX));
	CU_ASSERT_PTR_NULL(level_to_string(LEVEL_INVALID));
}

SUITE("level", { "levels", test_levels }, { "sentence is whole", test_sentence_is_whole },
      { "names", test_names })

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/crash_traces.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "suite.h"

#define SINCE (UINT64_C(1800000000) * USEC_PER_SEC)

static char root[32];

/* Makes the file with all directories above it, changed so long after SINCE. */
static void put(const char *name, const char *text, int seconds)
{
	const struct timespec changed = { .tv_sec = 1800000000 + seconds };
	const struct timespec times[2] = { changed, changed };
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s%s", root, name);
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
	file = fopen(path, "we");
	CU_ASSERT_FATAL(file != NULL);
	fputs(text, file);
	fclose(file);
	CU_ASSERT_EQUAL(utimensat(AT_FDCWD, path, times, 0), 0);
}

static struct crash_traces look(void)
{
	struct crash_traces traces;

	crash_traces_look(root, SINCE, &traces);
	return traces;
}

static void begin(void)
{
	strcpy(root, "/tmp/connwatch-XXXXXX");
	CU_ASSERT_FATAL(mkdtemp(root) != NULL);
}

static void end(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", root);
	CU_ASSERT_EQUAL(system(command), 0);
}

static void nothing_is_nothing(void)
{
	struct crash_traces traces;

	begin();
	traces = look();
	CU_ASSERT(!traces.kept && !traces.panicked && !traces.watchdog);
	put("/sys/module/pstore/parameters/backend", "(null)\n", 0);
	CU_ASSERT_FALSE(look().kept);
	put("/sys/module/pstore/parameters/backend", "efi_pstore\n", 0);
	CU_ASSERT_TRUE(look().kept);
	end();
}

static void only_a_panic_since_then_counts(void)
{
	begin();
	put("/sys/fs/pstore/dmesg-efi-1", "Oops#1 Part1\n<4>oops", 5);
	put("/sys/fs/pstore/dmesg-efi-2", "Panic#1 Part1\n<0>panic", -5);
	put("/sys/fs/pstore/console-ramoops-0", "Panic#1", 5);
	CU_ASSERT_FALSE(look().panicked);
	put("/sys/fs/pstore/dmesg-efi-3", "Panic#2 Part1\n<0>panic", 5);
	CU_ASSERT_TRUE(look().panicked);
	end();
}

static void systemd_moves_the_records(void)
{
	begin();
	put("/var/lib/systemd/pstore/1800000005/dmesg-efi-1", "Panic#1 Part1\n", 5);
	CU_ASSERT_TRUE(look().panicked);
	end();
}

static void watchdogs_add_up(void)
{
	begin();
	put("/sys/class/watchdog/watchdog0/bootstatus", "0\n", 0);
	CU_ASSERT_EQUAL(look().watchdog, 0);
	put("/sys/class/watchdog/watchdog1/bootstatus", "32\n", 0);
	CU_ASSERT_EQUAL(look().watchdog, 32);
	end();
}

SUITE("crash traces", { "nothing is nothing", nothing_is_nothing },
      { "only a panic since then counts", only_a_panic_since_then_counts },
      { "systemd moves the records", systemd_moves_the_records },
      { "watchdogs add up", watchdogs_add_up })

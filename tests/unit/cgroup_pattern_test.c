/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "settings/cgroup_pattern.h"
#include "settings/settings.h"
#include "suite.h"

struct row {
	const char *pattern, *path;
	bool expected;
};

static void check_rows(bool (*answer)(const char *, const char *), const struct row *rows,
		       size_t count)
{
	char text[256];

	for (size_t i = 0; i < count; i++) {
		snprintf(text, sizeof(text), "%s on %s", rows[i].pattern, rows[i].path);
		CHECK(answer(rows[i].pattern, rows[i].path) == rows[i].expected, text);
	}
}

#define CHECK_ROWS(answer, rows) check_rows(answer, rows, sizeof(rows) / sizeof(*(rows)))

static void a_path_means_itself_alone(void)
{
	static const struct row rows[] = {
		{ "/system.slice/a.service", "/system.slice/a.service", true },
		{ "/system.slice/a.service", "/system.slice/a.servic", false },
		{ "/system.slice/a.service", "/system.slice/a.service2", false },
		{ "/system.slice/a.service", "/system.slice/a.service/init", false },
		{ "/system.slice/a.service", "/system.slice", false },
		{ "/system.slice//a.service/", "/system.slice/a.service", true },
		{ "/a/b", "//a//b/", true },
		{ "/", "/", true },
		{ "/", "", true },
		{ "/", "/a", false },
		{ "", "/a", false },
		{ "/a?c", "/abc", false },
		{ "/[ab]", "/a", false },
	};

	CHECK_ROWS(cgroup_pattern_matches, rows);
}

static void one_star_stays_within_a_name(void)
{
	static const struct row rows[] = {
		{ "/system.slice/docker-*.scope", "/system.slice/docker-5f2a.scope", true },
		{ "/system.slice/docker-*.scope", "/system.slice/docker-.scope", true },
		{ "/system.slice/docker-*.scope", "/system.slice/docker-a/b.scope", false },
		{ "/system.slice/docker-*.scope", "/system.slice/docker-5f2a.scope.d", false },
		{ "/*", "/a", true },
		{ "/*", "/", false },
		{ "/*", "/a/b", false },
		{ "/*/b", "/a/b", true },
		{ "/*/b", "/b", false },
		{ "/a*a*a", "/aa", false },
		{ "/a*a*a", "/aaa", true },
		{ "/a*b", "/abab", true },
	};

	CHECK_ROWS(cgroup_pattern_matches, rows);
}

static void two_stars_cross_names(void)
{
	static const struct row rows[] = {
		{ "/**/docker-*.scope", "/docker-1.scope", true },
		{ "/**/docker-*.scope", "/system.slice/docker-1.scope", true },
		{ "/**/docker-*.scope", "/a/b/c/docker-1.scope", true },
		{ "/**/docker-*.scope", "/a/xdocker-1.scope", false },
		{ "/**/docker-*.scope", "/a/docker-1.scope/init", false },
		{ "/**/docker-*.scope", "/a/docker-1/x.scope", false },
		{ "/a/**", "/a", false },
		{ "/a/**", "/a/b", true },
		{ "/a/**", "/a/b/c", true },
		{ "/a/**/c", "/a/c", true },
		{ "/a/**/c", "/a/b/b/c", true },
		{ "/a/**/c", "/ac", false },
		{ "/a**c", "/ac", true },
		{ "/a**c", "/a/b/c", true },
		{ "/**", "/", false },
		{ "/**", "/a/b", true },
		{ "/**/**/b", "/b", true },
		{ "/***", "/a/b", true },
		{ "/a/**/", "/a/b", true },
		{ "/a/**/", "/a", false },
		{ "/a/**//b", "/a/b", true },
	};

	CHECK_ROWS(cgroup_pattern_matches, rows);
}

/* systemd-escape(1) puts \x2d for - into names. */
static void a_backslash_escapes_a_star_and_itself(void)
{
	static const struct row rows[] = {
		{ "/a\\*b", "/a*b", true },
		{ "/a\\*b", "/axb", false },
		{ "/a\\\\b", "/a\\b", true },
		{ "/a\\\\*", "/a\\xyz", true },
		{ "/disk\\x2dby.mount", "/disk\\x2dby.mount", true },
		{ "/disk\\x2dby.mount", "/diskx2dby.mount", false },
		{ "/a\\", "/a\\", true },
	};

	CHECK_ROWS(cgroup_pattern_matches, rows);
}

static void groups_are_looked_for_where_they_can_be(void)
{
	static const struct row rows[] = {
		{ "/a/b", "/", true },       { "/a/b", "", true },
		{ "/a/b", "/a", true },      { "/a/b", "/a/b", false },
		{ "/a/b", "/b", false },     { "/a/b/", "/a/b", false },
		{ "/a*/b", "/abc", true },   { "/a*/b", "/abc/d", false },
		{ "/**/b", "/x/y/z", true }, { "/a/**", "/a/b/c", true },
		{ "/a/**", "/b", false },    { "/", "/", false },
		{ "/*", "/", true },         { "/*", "/a", false },
	};

	CHECK_ROWS(cgroup_pattern_reaches_below, rows);
}

/* Backtracking would not come to an end here. */
static void what_is_hostile_takes_no_time_and_no_more_room(void)
{
	char pattern[2 * CGROUP_PATH_SIZE], path[2 * CGROUP_PATH_SIZE];

	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[CGROUP_PATH_SIZE - 1] = '\0';
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = i % 2 ? 'a' : '*';
	pattern[CGROUP_PATH_SIZE - 1] = '\0';
	pattern[CGROUP_PATH_SIZE - 2] = 'b';
	CU_ASSERT_FALSE(cgroup_pattern_matches(pattern, path));
	for (size_t i = 0; i < CGROUP_PATH_SIZE - 1; i++)
		pattern[i] = "/**"[i % 3];
	CU_ASSERT_FALSE(cgroup_pattern_matches(pattern, path));
	CU_ASSERT_TRUE(cgroup_pattern_reaches_below(pattern, path));

	memset(pattern, 'a', sizeof(pattern));
	pattern[sizeof(pattern) - 1] = '\0';
	CU_ASSERT_FALSE(cgroup_pattern_matches(pattern, pattern));
	CU_ASSERT_FALSE(cgroup_pattern_matches("/**", pattern));
	CU_ASSERT_FALSE(cgroup_pattern_reaches_below("/**", pattern));
	CU_ASSERT_FALSE(cgroup_pattern_reaches_below(pattern, "/"));
}

SUITE("cgroup_pattern", { "a path means itself alone", a_path_means_itself_alone },
      { "one star stays within a name", one_star_stays_within_a_name },
      { "two stars cross names", two_stars_cross_names },
      { "a backslash escapes a star and itself", a_backslash_escapes_a_star_and_itself },
      { "groups are looked for where they can be", groups_are_looked_for_where_they_can_be },
      { "what is hostile takes no time and no more room",
	what_is_hostile_takes_no_time_and_no_more_room })

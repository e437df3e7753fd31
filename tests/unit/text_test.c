/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "suite.h"

static void a_copy_stays_in_bounds(void)
{
	static const struct {
		const char *proves, *text, *copy;
		size_t size;
		int result;
	} rows[] = {
		{ "fits", "abc", "abc", 5, 0 },
		{ "fits exactly", "abc", "abc", 4, 0 },
		{ "is cut by one", "abc", "ab", 3, -ENOSPC },
		{ "is cut to nothing", "abc", "", 1, -ENOSPC },
		{ "nothing fits anywhere", "", "", 1, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char to[8];

		memset(to, '#', sizeof(to));
		CHECK(text_copy(to, rows[i].size, rows[i].text) == rows[i].result, rows[i].proves);
		CHECK(strcmp(to, rows[i].copy) == 0, rows[i].proves);
		CHECK(to[rows[i].size] == '#', rows[i].proves);
	}
}

static void a_text_grows_until_it_is_full(void)
{
	char buffer[6];
	struct text text = TEXT_IN(buffer);

	text_add(&text, "%d", 12);
	text_add(&text, "%s", "345");
	CU_ASSERT_FALSE(text.cut);
	CU_ASSERT_EQUAL(text.length, 5);
	text_add(&text, "%s", "6");
	CU_ASSERT_TRUE(text.cut);
	CU_ASSERT_EQUAL(text.length, 5);
	CU_ASSERT_STRING_EQUAL(buffer, "12345");
}

static void a_latin_text_keeps_its_letters_alone(void)
{
	static const struct {
		const char *proves, *text, *latin;
	} rows[] = {
		{ "letters of Spanish", "qu\xc3\xa9\n\xc2\xbfs\xc3\xad?",
		  "qu\xc3\xa9\n\xc2\xbfs\xc3\xad?" },
		{ "the last and the first beyond", "\xc9\x8f\xc9\x90", "\xc9\x8f??" },
		{ "control characters", "\xc2\x85\x1b[2J\r\x7f", "???[2J??" },
		{ "direction and width", "\xe2\x80\xae\xe2\x80\x8b", "??????" },
		{ "a letter cut", "a\xc3", "a?" },
	};
	char text[32];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		text_copy(text, sizeof(text), rows[i].text);
		text_make_latin(text);
		CHECK(strcmp(text, rows[i].latin) == 0, rows[i].proves);
	}
}

SUITE("text", { "a copy stays in bounds", a_copy_stays_in_bounds },
      { "a text grows until it is full", a_text_grows_until_it_is_full },
      { "a Latin text keeps its letters alone", a_latin_text_keeps_its_letters_alone })

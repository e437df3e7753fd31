/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "support/markup.h"

static void a_browser_gets_printable_text_alone(void)
{
	static const struct {
		const char *proves, *text, *markup;
	} rows[] = {
		{ "no tags", "<b a='\"'>&", "&lt;b a=&#39;&quot;&#39;&gt;&amp;" },
		{ "no control characters", "a\x1b[2J\n\x7f", "a?[2J??" },
		{ "nothing that turns the line around",
		  "\xe2\x80\xae"
		  "abc",
		  "???abc" },
		{ "nothing without width", "a\xe2\x80\x8b", "a???" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = NULL;
		size_t size;
		FILE *stream = open_memstream(&text, &size);

		markup_text(stream, rows[i].text);
		fclose(stream);
		CHECK(strcmp(text, rows[i].markup) == 0, rows[i].proves);
		free(text);
	}
}

SUITE("markup", { "a browser gets printable text alone", a_browser_gets_printable_text_alone })

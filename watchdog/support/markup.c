/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/markup.h"

void markup_text(FILE *stream, const char *text)
{
	for (; *text; text++) {
		if (*text == '&')
			fputs("&amp;", stream);
		else if (*text == '<')
			fputs("&lt;", stream);
		else if (*text == '>')
			fputs("&gt;", stream);
		else if (*text == '"')
			fputs("&quot;", stream);
		else if (*text == '\'')
			fputs("&#39;", stream);
		else if (*text < 0x20 || *text > 0x7e)
			putc('?', stream);
		else
			putc(*text, stream);
	}
}

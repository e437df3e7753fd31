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
		else
			putc(*text, stream);
	}
}

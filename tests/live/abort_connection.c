/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* abort_connection PID STARTED NETNS COOKIE MSEC: what connection_abort() says. */
#include "effects/connection_abort.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char *argv[])
{
	int r;

	if (argc != 6)
		return 64;
	r = connection_abort(strtoull(argv[3], NULL, 10), atoi(argv[1]),
			     strtoull(argv[2], NULL, 10), strtoull(argv[4], NULL, 10),
			     strtoull(argv[5], NULL, 10) * 1000);
	puts(r < 0 ? strerrorname_np(-r) : "done");
	return 0;
}

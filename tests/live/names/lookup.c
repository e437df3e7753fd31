/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lookup NAME: looks up the name four times by the C library, with a pause in which the probe
 * reports again. Built with musl. */
#include <netdb.h>
#include <stddef.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
	struct addrinfo *found;

	for (int i = 0; argc > 1 && i < 4; i++) {
		if (getaddrinfo(argv[1], NULL, NULL, &found) == 0)
			freeaddrinfo(found);
		usleep(999999);
		usleep(200000);
	}
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/bench/listen_on_loopback.h"

#include <err.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

int listen_on_loopback(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	if (fd < 0 || bind(fd, (struct sockaddr *)address, size) < 0 || listen(fd, 16) < 0 ||
	    getsockname(fd, (struct sockaddr *)address, &size) < 0)
		err(EXIT_FAILURE, "cannot listen on loopback");
	return fd;
}

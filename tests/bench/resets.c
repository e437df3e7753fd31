/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An agent whose connection its hub resets:
 *
 *     resets PORT COUNT MILLISECONDS
 *
 * Opens COUNT connections to itself on loopback, one after the other; the accepting end refuses the
 * MQTT session and resets each when MILLISECONDS have passed. Then waits for a signal. */
#include <arpa/inet.h>
#include <err.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* MQTT 3.1.1, 3.1 and 3.2: return code 5 is "not authorized". */
static const unsigned char connect_packet[] = {
	0x10, 12, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0, 0, 0
};
static const unsigned char connack_packet[] = { 0x20, 2, 0, 5 };

static int listen_on(struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)address, sizeof(*address)) < 0 || listen(fd, 1) < 0)
		err(EXIT_FAILURE, "cannot listen");
	return fd;
}

static void open_and_reset(int listener, const struct sockaddr_in *address, useconds_t usec)
{
	const struct linger at_once = { .l_onoff = 1 };
	int agent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), hub;

	if (agent < 0 || connect(agent, (const struct sockaddr *)address, sizeof(*address)) < 0)
		err(EXIT_FAILURE, "cannot connect");
	hub = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (hub < 0 || setsockopt(hub, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) < 0)
		err(EXIT_FAILURE, "cannot accept");
	if (write(agent, connect_packet, sizeof(connect_packet)) < 0 ||
	    write(hub, connack_packet, sizeof(connack_packet)) < 0)
		err(EXIT_FAILURE, "cannot write");
	usleep(usec);
	close(hub);
	close(agent);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int listener;

	if (argc != 4)
		errx(EXIT_FAILURE, "usage: resets PORT COUNT MILLISECONDS");
	address.sin_port = htons((unsigned short)atoi(argv[1]));
	listener = listen_on(&address);
	for (int count = atoi(argv[2]); count > 0; count--)
		open_and_reset(listener, &address, (useconds_t)atoi(argv[3]) * 1000);
	pause();
	return EXIT_SUCCESS;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check/way.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check/tls.h"
#include "support/cleanup.h"

enum {
	ADDRESSES_MAX = 8,
	SCOPED_ADDRESS_SIZE = 64, /* INET6_ADDRSTRLEN and %INTERFACE */
};

struct destination {
	struct sockaddr_storage address;
	socklen_t size;
	char text[SCOPED_ADDRESS_SIZE];
};

struct destinations {
	unsigned count;
	struct destination all[ADDRESSES_MAX];
};

/* ---- DNS */

static void take_address(struct destinations *destinations, const struct addrinfo *found)
{
	struct destination *destination = &destinations->all[destinations->count];

	if (destinations->count == ADDRESSES_MAX ||
	    found->ai_addrlen > sizeof(destination->address))
		return;
	memcpy(&destination->address, found->ai_addr, found->ai_addrlen);
	destination->size = found->ai_addrlen;
	if (getnameinfo(found->ai_addr, found->ai_addrlen, destination->text,
			sizeof(destination->text), NULL, 0, NI_NUMERICHOST) == 0)
		destinations->count++;
}

/* Returns 0 or an EAI_ of getaddrinfo(3). The request is static because the resolver's thread may
 * still use it after a timeout. */
static int resolve(const struct way *way, struct addrinfo **found)
{
	static char port[8];
	static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	static struct gaicb request;
	struct gaicb *requests[] = { &request };
	const struct timespec patience = { .tv_sec = STEP_PATIENCE / USEC_PER_SEC };
	int r;

	snprintf(port, sizeof(port), "%u", way->port);
	request = (struct gaicb){ .ar_name = way->host, .ar_service = port, .ar_request = &hints };
	r = getaddrinfo_a(GAI_NOWAIT, requests, 1, NULL);
	if (r != 0)
		return r;
	do
		r = gai_suspend((const struct gaicb *const *)requests, 1, &patience);
	while (r == EAI_INTR);
	r = gai_error(&request);
	*found = r == 0 ? request.ar_result : NULL;
	return r;
}

static bool find_addresses(struct check *check, const struct way *way,
			   struct destinations *destinations)
{
	struct addrinfo *found = NULL;
	char list[256] = "";
	int r;

	check_begin(check);
	r = resolve(way, &found);
	if (r == EAI_INPROGRESS)
		return check_tell(check, "dns", CHECK_FAILED, "no answer about %s", way->host);
	if (r != 0)
		return check_tell(check, "dns", CHECK_FAILED, "%s: %s", way->host, gai_strerror(r));
	for (const struct addrinfo *each = found; each; each = each->ai_next)
		take_address(destinations, each);
	freeaddrinfo(found);
	for (unsigned i = 0; i < destinations->count; i++) {
		size_t used = strlen(list);

		snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "",
			 destinations->all[i].text);
	}
	if (strcmp(list, way->host) == 0)
		return check_tell(check, "dns", CHECK_SKIPPED, "%s is an address", way->host);
	return check_tell(check, "dns", CHECK_OK, "%s is %s", way->host, list);
}

/* ---- route */

static bool same_address(const struct sockaddr *a, const struct sockaddr_storage *b)
{
	if (!a || a->sa_family != b->ss_family)
		return false;
	if (a->sa_family == AF_INET)
		return memcmp(&((const struct sockaddr_in *)a)->sin_addr,
			      &((const struct sockaddr_in *)b)->sin_addr,
			      sizeof(struct in_addr)) == 0;
	return a->sa_family == AF_INET6 &&
	       memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr,
		      &((const struct sockaddr_in6 *)b)->sin6_addr, sizeof(struct in6_addr)) == 0;
}

/* Stores the name of the interface that has `address`, or "?", in `name`. */
static void name_interface(const struct sockaddr_storage *address, char *name, size_t size)
{
	struct ifaddrs *all = NULL;

	snprintf(name, size, "?");
	if (getifaddrs(&all) < 0)
		return;
	for (const struct ifaddrs *each = all; each; each = each->ifa_next)
		if (same_address(each->ifa_addr, address))
			snprintf(name, size, "%s", each->ifa_name);
	freeifaddrs(all);
}

/* Looks up the route by connecting a datagram socket: that sends nothing, but the kernel must
 * choose a route. */
static int look_up_route(const struct destination *destination, char *text, size_t size)
{
	_cleanup_close_ int fd =
		socket(destination->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage local = { 0 };
	socklen_t local_size = sizeof(local);
	char address[SCOPED_ADDRESS_SIZE], interface[INTERFACE_NAME_SIZE];

	if (fd < 0 ||
	    connect(fd, (const struct sockaddr *)&destination->address, destination->size) < 0 ||
	    getsockname(fd, (struct sockaddr *)&local, &local_size) < 0)
		return -errno;
	if (getnameinfo((struct sockaddr *)&local, local_size, address, sizeof(address), NULL, 0,
			NI_NUMERICHOST) != 0)
		return -EAFNOSUPPORT;
	name_interface(&local, interface, sizeof(interface));
	snprintf(text, size, "to %s by %s, from %s", destination->text, interface, address);
	return 0;
}

/* Removes the destinations without a route. */
static bool find_routes(struct check *check, struct destinations *destinations)
{
	char text[STEP_TEXT_SIZE / 2], first[STEP_TEXT_SIZE / 2] = "";
	unsigned kept = 0;
	int error = 0;

	check_begin(check);
	for (unsigned i = 0; i < destinations->count; i++) {
		int r = look_up_route(&destinations->all[i], text, sizeof(text));

		if (r < 0) {
			error = r;
			continue;
		}
		if (kept == 0)
			memcpy(first, text, sizeof(first));
		destinations->all[kept++] = destinations->all[i];
	}
	destinations->count = kept;
	if (kept == 0)
		return check_tell(check, "route", CHECK_FAILED, "%s", strerror(-error));
	return check_tell(check, "route", CHECK_OK, "%s", first);
}

/* ---- TCP */

/* Connects to `destination` within its share of the time for the `left` destinations, this one
 * included. Returns a connected, non-blocking socket, or -errno. */
static int connect_to(struct check *check, const struct destination *destination, unsigned left)
{
	_cleanup_close_ int fd = socket(destination->address.ss_family,
					SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };
	int error = 0, r;
	socklen_t size = sizeof(error);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&destination->address, destination->size) == 0)
		return STEAL_FD(fd);
	if (errno != EINPROGRESS)
		return -errno;
	do
		r = poll(&poll_fd, 1, check_patience(check) / (int)left);
	while (r < 0 && errno == EINTR);
	if (r == 0)
		return -ETIMEDOUT;
	if (r < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		return -errno;
	return error ? -error : STEAL_FD(fd);
}

static const char *connect_hint(int error)
{
	switch (-error) {
	case ECONNREFUSED:
		return ": nothing listens there, or a firewall rejects it";
	case ETIMEDOUT:
		return ": packets are lost, in one direction or both";
	case EHOSTUNREACH:
	case ENETUNREACH:
		return ": a router, or this host, has no route";
	default:
		return "";
	}
}

/* Tries the destinations one after the other. Returns the socket, or -1 after reporting that all
 * failed. */
static int open_connection(struct check *check, const struct way *way,
			   const struct destinations *destinations)
{
	char failures[STEP_TEXT_SIZE / 2] = "";
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);

	check_begin(check);
	for (unsigned i = 0; i < destinations->count; i++) {
		const struct destination *destination = &destinations->all[i];
		int fd = connect_to(check, destination, destinations->count - i);
		size_t used = strlen(failures);

		if (fd >= 0) {
			getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size);
			check_tell(check, "tcp", i ? CHECK_WARNING : CHECK_OK,
				   "connected to %s port %u, round trip %.1f ms%s%s",
				   destination->text, way->port, info.tcpi_rtt / 1000.0,
				   i ? "; but not to " : "", failures);
			return fd;
		}
		snprintf(failures + used, sizeof(failures) - used, "%s%s: %s%s", i ? "; " : "",
			 destination->text, strerror(-fd), connect_hint(fd));
	}
	check_tell(check, "tcp", CHECK_FAILED, "%s", failures);
	return -1;
}

void check_way(struct check *check, const struct way *way)
{
	struct destinations destinations = { .count = 0 };
	_cleanup_close_ int fd = -1;

	if (!find_addresses(check, way, &destinations) || !find_routes(check, &destinations))
		return;
	fd = open_connection(check, way, &destinations);
	if (fd < 0)
		return;
	if (way->tls)
		check_tls(check, way, fd);
	else
		check_tell(check, "tls", CHECK_SKIPPED, "not asked for on port %u", way->port);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The route monitor on real network namespaces, as the path table sees what it tells.
 *
 *     device: uplink 10.77.1.2, fd77:1::2 ---- router: inside 10.77.1.1, fd77:1::1
 *
 * The program moves to `device`, a network namespace of its own; `router` is a child's. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../unit/suite.h"
#include "base/text.h"
#include "process/view.h"
#include "sources/route_monitor.h"
#include "verdict/path.h"

enum { PATIENCE_SEC = 5 };

static pid_t router;
static uint64_t device_netns, router_netns;
static struct route_monitor *monitor;
static struct path_table table;
static unsigned neighbour_events;

static usec_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (usec_t)time.tv_sec * USEC_PER_SEC + (usec_t)time.tv_nsec / 1000;
}

/* ---- the namespaces */

static uint64_t netns_of(pid_t pid)
{
	char path[64];
	struct stat status = { 0 };

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	stat(path, &status);
	return status.st_ino;
}

static void start_router(void)
{
	int ready[2];
	char byte;

	CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
	router = fork();
	if (router == 0) {
		close(ready[0]);
		if (unshare(CLONE_NEWNET) < 0)
			_exit(1);
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	CU_ASSERT_EQUAL(read(ready[0], &byte, 1), 0);
	close(ready[0]);
}

static void write_setting(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	CHECK(fd >= 0 && write(fd, value, strlen(value)) > 0, path);
	close(fd);
}

/* Runs ip(8) once for each line of `batch`; what cannot be done is passed over. */
static void ip_in(pid_t pid, const char *batch)
{
	char command[128];
	FILE *ip;

	snprintf(command, sizeof(command),
		 "PATH=$PATH:/usr/sbin:/sbin nsenter --net=/proc/%d/ns/net "
		 "ip -force -batch - >/dev/null 2>&1",
		 pid);
	ip = popen(command, "we");
	CU_ASSERT_PTR_NOT_NULL_FATAL(ip);
	fputs(batch, ip);
	pclose(ip);
}

static void ip(const char *batch)
{
	ip_in(getpid(), batch);
}

static void in_router(const char *batch)
{
	ip_in(router, batch);
}

static void build(void)
{
	char link[128];

	CU_ASSERT_EQUAL_FATAL(unshare(CLONE_NEWNET), 0);
	start_router();
	write_setting("/proc/sys/net/ipv6/conf/default/accept_dad", "0");
	snprintf(link, sizeof(link), "link add uplink type veth peer name inside netns %d\n",
		 router);
	ip(link);
	ip("link set lo up\nlink set uplink up\n"
	   "address add 10.77.1.2/24 dev uplink\naddress add fd77:1::2/64 dev uplink nodad\n"
	   "route add default via 10.77.1.1\nroute add ::/0 via fd77:1::1\n");
	in_router("link set lo up\nlink set inside up\n"
		  "address add 10.77.1.1/24 dev inside\n"
		  "address add fd77:1::1/64 dev inside nodad\n");
	write_setting("/proc/sys/net/ipv4/neigh/uplink/retrans_time_ms", "50");
	write_setting("/proc/sys/net/ipv6/neigh/uplink/retrans_time_ms", "50");
	device_netns = netns_of(getpid());
	router_netns = netns_of(router);
}

static void take(void *userdata, const struct event *event)
{
	neighbour_events += event->type == EVENT_NEIGHBOUR;
	path_take(userdata, event);
}

static int add(struct route_monitor *to, pid_t pid)
{
	int fd = process_view_open_namespace(pid, netns_of(pid));
	int r;

	CU_ASSERT_FATAL(fd >= 0);
	r = route_monitor_add(to, fd);
	close(fd);
	return r;
}

/* ---- views as text */

static void add_part(struct text *text, const char *name, const struct path_part *part)
{
	text_add(text, " %s%s%s%s%s", part->there ? "" : "no-", name, part->lost ? ",lost" : "",
		 part->back ? ",back" : "", part->doubtful ? ",doubtful" : "");
}

static const char *look_at(const struct path_table *from, uint64_t netns, const char *local,
			   const char *peer, usec_t since)
{
	static char buffer[2][256];
	static unsigned turn;
	struct text text = text_begin(buffer[++turn % 2], sizeof(buffer[0]));
	struct endpoint here, there;
	struct path_view view;

	endpoint_parse(local, &here);
	endpoint_parse(peer, &there);
	path_look(from, netns, &here, &there, since, now(), &view);
	if (!view.known)
		return "not known";
	text_add(&text, "%s%s%s", view.interface, view.disabled ? " disabled" : "",
		 view.covered ? "" : " uncovered");
	add_part(&text, "link", &view.link);
	add_part(&text, "address", &view.address);
	if (view.routes_known) {
		add_part(&text, "route", &view.route);
		add_part(&text, "hop", &view.next_hop);
	}
	return text.start;
}

/* ---- one change after the other */

struct step {
	const char *name;
	const char *device; /* what ip(8) does there */
	const char *router;
	bool send;        /* something to the peer, so that its neighbour is asked for */
	const char *view; /* of the way since then, IPv4 */
	const char *view6;
};

#define WELL "uplink link address route hop"

static const struct step steps[] = {
	{ "nothing", "", "", false, WELL, WELL },
	{ "link down", "link set uplink down\n", "", false,
	  "uplink disabled no-link,lost address no-route,lost hop",
	  "uplink disabled no-link,lost no-address,lost no-route,lost hop" },
	{ "link up, nothing else", "link set uplink up\n", "", false,
	  "uplink link,back address no-route hop", "uplink link,back no-address no-route hop" },
	{ "all as before",
	  "address add fd77:1::2/64 dev uplink nodad\n"
	  "route add default via 10.77.1.1\nroute add ::/0 via fd77:1::1\n",
	  "", false, "uplink link address route,back hop",
	  "uplink link address,back route,back hop" },
	{ "carrier lost", "", "link set inside down\n", false,
	  "uplink no-link,lost address route hop", "uplink no-link,lost address route hop" },
	{ "carrier back", "", "link set inside up\naddress add fd77:1::1/64 dev inside nodad\n",
	  false, "uplink link,back address route hop", "uplink link,back address route hop" },
	{ "link down and up",
	  "link set uplink down\nlink set uplink up\n"
	  "address add fd77:1::2/64 dev uplink nodad\n"
	  "route add default via 10.77.1.1\nroute add ::/0 via fd77:1::1\n",
	  "", false, "uplink link,lost,back address route,lost,back hop",
	  "uplink link,lost,back address,lost,back route,lost,back hop" },
	{ "link renamed",
	  "link property add dev uplink altname other\nlink set uplink down\n"
	  "link set uplink name renamed\nlink set renamed up\nlink set renamed down\n"
	  "link set renamed name uplink\nlink set uplink up\n"
	  "address add fd77:1::2/64 dev uplink nodad\n"
	  "route add default via 10.77.1.1\nroute add ::/0 via fd77:1::1\n",
	  "", false, "uplink link,lost,back address route,lost,back hop",
	  "uplink link,lost,back address,lost,back route,lost,back hop" },
	{ "addresses removed", "address flush dev uplink scope global\n", "", false,
	  "uplink link no-address,lost no-route,lost hop",
	  "uplink link no-address,lost route hop" },
	{ "addresses back",
	  "address add 10.77.1.2/24 dev uplink\naddress add fd77:1::2/64 dev uplink nodad\n"
	  "route add default via 10.77.1.1\n",
	  "", false, "uplink link address,back route,back hop",
	  "uplink link address,back route hop" },
	{ "default routes replaced",
	  "route replace default via 10.77.1.3\nroute replace ::/0 via fd77:1::3\n", "", false,
	  WELL, WELL },
	{ "the replaced ones cannot be deleted",
	  "route delete default via 10.77.1.1\nroute delete ::/0 via fd77:1::1\n", "", false, WELL,
	  WELL },
	{ "the new ones can", "route delete default\nroute delete ::/0\n", "", false,
	  "uplink link address no-route,lost hop", "uplink link address no-route,lost hop" },
	{ "a more specific one",
	  "route add 198.51.100.0/24 via 10.77.1.1\nroute add 2001:db8::/32 via fd77:1::1\n", "",
	  false, "uplink link address route,back hop", "uplink link address route,back hop" },
	{ "one that refuses",
	  "route add unreachable 198.51.100.7\nroute add blackhole 2001:db8::7/128\n", "", false,
	  "uplink link address no-route,lost hop", "uplink link address no-route,lost hop" },
	{ "does no longer",
	  "route delete unreachable 198.51.100.7\nroute delete blackhole 2001:db8::7/128\n", "",
	  false, "uplink link address route,back hop", "uplink link address route,back hop" },
	{ "a rule that refuses", "rule add to 198.51.100.7 prohibit pref 100\n", "", false,
	  "uplink link address no-route,lost hop", "uplink link address route hop" },
	{ "it goes", "rule delete to 198.51.100.7 prohibit pref 100\n", "", false,
	  "uplink link address route,back hop", "uplink link address route hop" },
	{ "a rule for some packets", "rule add fwmark 7 blackhole pref 100\n", "", false,
	  "uplink link address", "uplink link address route hop" },
	{ "it goes, too", "rule delete fwmark 7 blackhole pref 100\n", "", false,
	  "uplink link address", "uplink link address route hop" },
	{ "another table",
	  "route add default via 10.77.1.1 table 100\nroute add ::/0 via fd77:1::1 table 100\n", "",
	  false, "uplink link address", "uplink link address" },
	{ "no longer", "route delete default table 100\nroute delete ::/0 table 100\n", "", false,
	  "uplink link address", "uplink link address" },
	{ "several next hops",
	  "route add default nexthop via 10.77.1.1 nexthop via 10.77.1.3\n"
	  "route add ::/0 nexthop via fd77:1::1 nexthop via fd77:1::3\n",
	  "", false, "uplink link address", "uplink link address" },
	{ "one again", "route delete default\nroute delete ::/0\n", "", false,
	  "uplink link address", "uplink link address" },
	{ "the next hop answers", "", "", true, WELL, WELL },
	{ "the next hop fails",
	  "route replace 198.51.100.0/24 via 10.77.1.4\nroute replace 2001:db8::/32 via "
	  "fd77:1::4\n",
	  "", true, "uplink link address route no-hop,lost",
	  "uplink link address route no-hop,lost" },
	{ "the next hop is back", "",
	  "address add 10.77.1.4/24 dev inside\naddress add fd77:1::4/64 dev inside nodad\n", true,
	  "uplink link address route hop,back", "uplink link address route hop,back" },
	{ "the link is removed", "link delete uplink\n", "", false,
	  "uplink disabled no-link,lost no-address,lost no-route,lost hop",
	  "uplink disabled no-link,lost no-address,lost no-route,lost hop" },
};

static void send_something(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int fd6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, "198.51.100.7", &to.sin_addr);
	inet_pton(AF_INET6, "2001:db8::7", &to6.sin6_addr);
	sendto(fd, "", 1, 0, (struct sockaddr *)&to, sizeof(to));
	sendto(fd6, "", 1, 0, (struct sockaddr *)&to6, sizeof(to6));
	close(fd);
	close(fd6);
}

/* As the loop does. Returns false if nothing is to be told for so long. */
static bool drain(int patience_msec)
{
	struct pollfd readable = { .fd = route_monitor_fd(monitor), .events = POLLIN };
	usec_t begun = now(), deadline = route_monitor_deadline(monitor);
	usec_t rest = deadline > begun ? deadline - begun : 0;
	bool expires = rest < (usec_t)patience_msec * USEC_PER_MSEC;

	if (expires)
		patience_msec = (int)(rest / USEC_PER_MSEC) + 1;
	if (poll(&readable, 1, patience_msec) == 0 && !expires)
		return false;
	CU_ASSERT_EQUAL(route_monitor_drain(monitor), 0);
	return true;
}

static const char *look(usec_t since)
{
	return look_at(&table, device_netns, "10.77.1.2", "198.51.100.7", since);
}

static const char *look6(usec_t since)
{
	return look_at(&table, device_netns, "fd77:1::2", "2001:db8::7", since);
}

static bool as_wanted(const struct step *step, usec_t since)
{
	return strcmp(look(since), step->view) == 0 && strcmp(look6(since), step->view6) == 0;
}

static void settle(int quiet_msec)
{
	while (drain(quiet_msec))
		;
}

static void play(const struct step *step)
{
	usec_t since = now();

	ip(step->device);
	in_router(step->router);
	do {
		if (step->send)
			send_something();
		drain(100);
	} while (!as_wanted(step, since) && now() < since + PATIENCE_SEC * USEC_PER_SEC);
	settle(200); /* what follows late must not change the view */
	CHECK(as_wanted(step, since), step->name);
	if (!as_wanted(step, since))
		printf("\n    %s:\n      %s\n      %s\n", step->name, look(since), look6(since));
}

static void open_all(void)
{
	build();
	CU_ASSERT_EQUAL_FATAL(path_table_init(&table, 4), 0);
	CU_ASSERT_EQUAL_FATAL(route_monitor_open(&monitor, take, &table), 0);
}

static void close_all(void)
{
	monitor = route_monitor_close(monitor);
	path_table_release(&table);
	kill(router, SIGKILL);
	waitpid(router, NULL, 0);
}

static void test_changes(void)
{
	open_all();
	CU_ASSERT_EQUAL(add(monitor, getpid()), 0);
	settle(100);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		play(&steps[i]);
	CU_ASSERT_EQUAL(neighbour_events, 4); /* of each family one fails and answers again */
	close_all();
}

/* ---- routes that expire: of the life that an advertisement prolongs, the kernel tells nothing */

static int send_advertisement(unsigned lifetime_sec)
{
	const struct sockaddr_in6 to = {
		.sin6_family = AF_INET6,
		.sin6_addr = { .s6_addr = { 0xff, 0x02, [15] = 1 } }, /* all nodes */
		.sin6_scope_id = if_nametoindex("inside"),
	};
	struct nd_router_advert advertisement = { .nd_ra_type = ND_ROUTER_ADVERT };
	struct sockaddr_in6 from = { .sin6_family = AF_INET6, .sin6_scope_id = to.sin6_scope_id };
	int hops = 255, fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);

	advertisement.nd_ra_router_lifetime = htons((uint16_t)lifetime_sec);
	inet_pton(AF_INET6, "fe80::1", &from.sin6_addr);
	if (bind(fd, (const void *)&from, sizeof(from)) < 0)
		return 1;
	setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops));
	return sendto(fd, &advertisement, sizeof(advertisement), 0, (const void *)&to, sizeof(to)) <
	       0;
}

static void advertise(unsigned lifetime_sec)
{
	int namespace = process_view_open_namespace(router, router_netns), status = -1;
	pid_t child = fork();

	if (child == 0) {
		bool sent = setns(namespace, CLONE_NEWNET) == 0 &&
			    send_advertisement(lifetime_sec) == 0;

		_exit(sent ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	waitpid(child, &status, 0);
	close(namespace);
	CU_ASSERT_EQUAL(status, 0);
}

static void drain_until(usec_t time)
{
	while (now() < time)
		drain((int)((time - now()) / USEC_PER_MSEC) + 1);
}

static void await6(const char *view, usec_t since)
{
	while (strcmp(look6(since), view) != 0 && now() < since + PATIENCE_SEC * USEC_PER_SEC)
		drain(100);
	CHECK(strcmp(look6(since), view) == 0, view);
	if (strcmp(look6(since), view) != 0)
		printf("\n    %s\n", look6(since));
}

static void test_expiry(void)
{
	usec_t begun, prolonged;

	open_all();
	CU_ASSERT_EQUAL(add(monitor, getpid()), 0);
	settle(100);
	ip("route delete ::/0\n");
	in_router("address add fe80::1/64 dev inside nodad\n");
	settle(100);

	begun = now();
	advertise(2);
	await6("uplink link address route,back hop", begun);
	drain_until(begun + 1500 * USEC_PER_MSEC);
	prolonged = now();
	advertise(2);
	drain_until(begun + 2500 * USEC_PER_MSEC); /* it should have expired, and has not */
	CU_ASSERT_STRING_EQUAL(look6(prolonged), WELL);
	await6("uplink link address no-route,lost hop", prolonged);
	CU_ASSERT(now() > prolonged + 1900 * USEC_PER_MSEC);
	CU_ASSERT(now() < prolonged + 2500 * USEC_PER_MSEC);

	advertise(9); /* the kernel has not removed it yet */
	await6("uplink link address route,lost,back hop", prolonged);
	close_all();
}

/* ---- what others send */

struct forged {
	struct nlmsghdr header;
	union {
		struct ifinfomsg link;
		struct {
			struct rtmsg route;
			struct rtattr hops;
			struct rtnexthop hop; /* of length 0: libnl would never come to its end */
		};
	};
};

/* Sends a message to all who follow such changes: that takes root in the network namespace. */
static void forge(struct forged *forged, size_t size, unsigned group)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_groups = group };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	forged->header.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + size);
	CU_ASSERT(sendto(fd, forged, forged->header.nlmsg_len, 0, (void *)&to, sizeof(to)) > 0);
	close(fd);
}

static void test_forged(void)
{
	struct forged link = { .header.nlmsg_type = RTM_DELLINK };
	struct forged route = { .header.nlmsg_type = RTM_NEWROUTE };

	open_all();
	CU_ASSERT_EQUAL(add(monitor, getpid()), 0);
	settle(100);
	link.link.ifi_index = (int)if_nametoindex("uplink");
	forge(&link, sizeof(link.link), RTMGRP_LINK);
	route.route.rtm_family = AF_INET;
	route.route.rtm_table = RT_TABLE_MAIN;
	route.hops.rta_type = RTA_MULTIPATH;
	route.hops.rta_len = RTA_LENGTH(sizeof(route.hop));
	alarm(10);
	forge(&route, sizeof(route) - NLMSG_HDRLEN, RTMGRP_IPV4_ROUTE);
	settle(200);
	alarm(0);
	CU_ASSERT_STRING_EQUAL(look(now()), WELL);
	close_all();
}

/* ---- namespaces */

static void test_foreign_namespace(void)
{
	open_all();
	CU_ASSERT_EQUAL(add(monitor, router), 0);
	CU_ASSERT_EQUAL(netns_of(getpid()), device_netns);
	CU_ASSERT(route_monitor_knows(monitor, router_netns));
	CU_ASSERT(!route_monitor_knows(monitor, device_netns));
	CU_ASSERT_EQUAL(add(monitor, router), 0); /* once is enough */
	CU_ASSERT_EQUAL(add(monitor, getpid()), 0);
	settle(100);
	CU_ASSERT_STRING_EQUAL(look_at(&table, router_netns, "10.77.1.1", "10.77.1.2", now()),
			       "inside link address route hop");
	CU_ASSERT_STRING_EQUAL(look(now()), WELL);
	route_monitor_remove(monitor, router_netns);
	CU_ASSERT(!route_monitor_knows(monitor, router_netns));
	CU_ASSERT_STRING_EQUAL(look_at(&table, router_netns, "10.77.1.1", "10.77.1.2", now()),
			       "not known");
	CU_ASSERT_STRING_EQUAL(look(now()), WELL);
	close_all();
}

static void test_wrong_namespace(void)
{
	open_all();
	CU_ASSERT_EQUAL(process_view_open_namespace(router, router_netns + 1), -ESTALE);
	kill(router, SIGKILL);
	waitpid(router, NULL, 0);
	CU_ASSERT_EQUAL(process_view_open_namespace(router, router_netns), -ESRCH);
	close_all();
}

static int add_unprivileged(void)
{
	int own = process_view_open_namespace(getpid(), device_netns);
	int foreign = process_view_open_namespace(router, router_netns);

	if (setgid(65534) < 0 || setuid(65534) < 0)
		return 1;
	if (route_monitor_add(monitor, own) != 0)
		return 2;
	if (route_monitor_add(monitor, foreign) != -EPERM)
		return 3;
	return netns_of(getpid()) == device_netns ? 0 : 4;
}

static void test_without_privileges(void)
{
	int status = -1;
	pid_t child;

	open_all();
	fflush(stdout);
	child = fork();
	if (child == 0)
		_exit(add_unprivileged());
	waitpid(child, &status, 0);
	CU_ASSERT(WIFEXITED(status));
	CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
	close_all();
}

/* ---- too much at once */

enum { BURST = 4000 };

static void add_and_remove_routes(void)
{
	static char batch[BURST * 96];
	struct text text = TEXT_IN(batch);

	for (unsigned i = 0; i < BURST; i++)
		text_add(&text,
			 "route add 172.16.%u.%u via 10.77.1.1\n"
			 "route delete 172.16.%u.%u\n",
			 i / 250, i % 250, i / 250, i % 250);
	CU_ASSERT(!text.cut);
	ip(batch);
}

static void test_overrun(void)
{
	usec_t since;

	open_all();
	CU_ASSERT_EQUAL(add(monitor, getpid()), 0);
	settle(100);
	since = now();
	CU_ASSERT_STRING_EQUAL(look(since), WELL);
	add_and_remove_routes();
	ip("route delete default\n"); /* unseen */
	settle(100);
	CU_ASSERT_STRING_EQUAL(look(since), "uplink uncovered link address no-route,lost hop");
	CU_ASSERT_STRING_EQUAL(look(now()), "uplink link address no-route hop");
	close_all();
}

/* ---- changes must lead where a fresh look leads */

enum { OPERATIONS = 300 };

static const char *const operations[] = {
	"link set uplink down\n",
	"link set uplink up\n",
	"link set second down\n",
	"link set second up\n",
	"address add 10.77.1.2/24 dev uplink\n",
	"address delete 10.77.1.2/24 dev uplink\n",
	"address add 10.77.1.9/24 dev uplink\n",
	"address delete 10.77.1.9/24 dev uplink\n",
	"address add 10.77.1.2/24 dev second\n",
	"address delete 10.77.1.2/24 dev second\n",
	"address add 10.77.3.2/24 dev second\n",
	"address delete 10.77.3.2/24 dev second\n",
	"address add fd77:1::2/64 dev uplink nodad\n",
	"address delete fd77:1::2/64 dev uplink\n",
	"address add fd77:3::2/64 dev second nodad\n",
	"route add default via 10.77.1.1\n",
	"route append default via 10.77.1.3\n",
	"route add default via 10.77.1.1 src 10.77.1.9 metric 20\n",
	"route replace default via 10.77.3.1\n",
	"route replace default dev second metric 20\n",
	"route replace default nexthop via 10.77.1.1 nexthop via 10.77.3.1\n",
	"route delete default\n",
	"route replace ::/0 via fd77:1::1 expires 1\n",
	"route delete default metric 20\n",
	"route add 198.51.100.0/24 via 10.77.3.1 src 10.77.1.2\n",
	"route replace 198.51.100.0/24 via 10.77.1.1\n",
	"route delete 198.51.100.0/24\n",
	"route add ::/0 via fd77:1::1\n",
	"route append ::/0 via fd77:1::3\n",
	"route add ::/0 nexthop via fd77:1::1 nexthop via fd77:3::1\n",
	"route add ::/0 via fd77:3::1 metric 20\n",
	"route replace ::/0 via fd77:1::4\n",
	"route delete ::/0\n",
	"route delete ::/0 metric 20\n",
	"route add unreachable 198.51.100.7\n",
	"route replace 198.51.100.7 dev uplink\n",
	"route delete 198.51.100.7\n",
};

/* The interface is left out: which one it was tells the past. */
static const char *present(const char *local, const char *peer)
{
	const char *view = look_at(&table, device_netns, local, peer, now());

	return strstr(view, "address") ?: view;
}

static const char *present_afresh(const char *local, const char *peer)
{
	struct route_monitor *used = monitor;
	struct path_table known = table;
	const char *view;

	CU_ASSERT_EQUAL_FATAL(path_table_init(&table, 1), 0);
	CU_ASSERT_EQUAL_FATAL(route_monitor_open(&monitor, take, &table), 0);
	CU_ASSERT_EQUAL(add(monitor, getpid()), 0);
	for (int i = 0; i < 10; i++)
		drain(0);
	view = present(local, peer);
	route_monitor_close(monitor);
	path_table_release(&table);
	monitor = used;
	table = known;
	return view;
}

/* Checks that the monitor knows at most less than a fresh look, because some routes come and go
 * without a message, but nothing that differs. */
static void compare(const char *local, const char *peer, const char *after)
{
	const char *afresh = present_afresh(local, peer);
	const char *known = present(local, peer);
	bool agree = strncmp(known, afresh, strlen(known)) == 0;

	CHECK(agree, after);
	if (!agree)
		printf("\n    after %s    %s -> %s: %s, but afresh %s\n", after, local, peer, known,
		       afresh);
}

static void test_changes_lead_to_the_truth(void)
{
	open_all();
	ip("link add second type veth peer name third\nlink set second up\nlink set third up\n");
	CU_ASSERT_EQUAL(add(monitor, getpid()), 0);
	settle(100);
	srandom(1);
	for (int i = 0; i < OPERATIONS; i++) {
		const char *operation = operations[(unsigned)random() %
						   (sizeof(operations) / sizeof(operations[0]))];

		ip(operation);
		settle(10);
		compare("10.77.1.2", "198.51.100.7", operation);
		compare("10.77.1.9", "203.0.113.7", operation);
		compare("fd77:1::2", "2001:db8::7", operation);
	}
	close_all();
}

SUITE("route_monitor", { "changes", test_changes }, { "expiry", test_expiry },
      { "what others send", test_forged }, { "foreign namespace", test_foreign_namespace },
      { "wrong namespace", test_wrong_namespace },
      { "without privileges", test_without_privileges }, { "overrun", test_overrun },
      { "changes lead to the truth", test_changes_lead_to_the_truth })

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "events/trace.h"
#include "suite.h"

enum { NETNS = 7 };

static struct path_table table;

/* ---- events as trace lines, without their netns= */

static void feed_line(uint64_t netns, const char *time, const char *line)
{
	static struct agent_settings settings;
	struct event event;
	const char *complaint;
	char text[256];
	size_t column;
	int r;

	snprintf(text, sizeof(text), "%s %s netns=%llu", time, line, (unsigned long long)netns);
	r = trace_parse(text, &event, &settings, &complaint, &column);
	CHECK(r == 1 && event_is_path(event.type), text);
	if (r == 1)
		path_take(&table, &event);
}

static void feed_listing(uint64_t netns, const char *time)
{
	static const char *const lines[] = {
		"link initial=1 up=1 interface=1 interface_name=lo",
		"link initial=1 up=1 interface=2 interface_name=eth0",
		"link initial=1 up=1 interface=3 interface_name=wlan0",
		"address initial=1 up=1 interface=1 address=127.0.0.1 prefix_length=8",
		"address initial=1 up=1 interface=2 address=192.0.2.10 prefix_length=24",
		"address initial=1 up=1 interface=2 address=2001:db8::10 prefix_length=64",
		"route initial=1 up=1 interface=2 table=254 address=192.0.2.0 prefix_length=24 "
		"source=192.0.2.10",
		"route initial=1 up=1 interface=2 table=254 address=0.0.0.0 gateway=192.0.2.1",
		"route initial=1 up=1 interface=2 table=254 address=2001:db8:: prefix_length=64 "
		"metric=256",
		"route initial=1 up=1 interface=2 table=254 address=:: gateway=fe80::1 metric=1024",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		feed_line(netns, time, lines[i]);
}

/* Lines of TIME EVENT; a line "TIME @" stands for the whole listing. */
static void feed(uint64_t netns, const char *lines)
{
	char copy[1024], *rest = copy, *line;

	snprintf(copy, sizeof(copy), "%s", lines);
	while ((line = strsep(&rest, "\n"))) {
		const char *time = strsep(&line, " ");

		if (line && strcmp(line, "@") == 0)
			feed_listing(netns, time);
		else if (line)
			feed_line(netns, time, line);
	}
}

static void begin(void)
{
	CU_ASSERT_EQUAL_FATAL(path_table_init(&table, 2), 0);
	feed(NETNS, "1 namespace\n1 @\n1 namespace up=1");
}

/* ---- views as text */

static void add_part(struct text *text, const char *name, const struct path_part *part)
{
	text_add(text, " %s=%s", name, part->there ? "yes" : "no");
	if (part->lost)
		text_add(text, ",lost@%llu", (unsigned long long)(part->lost / USEC_PER_SEC));
	if (part->back)
		text_add(text, ",back@%llu", (unsigned long long)(part->back / USEC_PER_SEC));
	if (part->doubtful)
		text_add(text, ",doubtful");
	if (part->fall.state)
		text_add(text, "(%s,%u)", device_state_to_string(part->fall.state),
			 part->fall.reason);
}

static const char *describe(const struct path_view *view)
{
	static char buffer[256];
	struct text text = TEXT_IN(buffer);

	if (!view->known)
		return "not known";
	text_add(&text, "%s%s%s:", view->interface, view->disabled ? " disabled" : "",
		 view->covered ? "" : " uncovered");
	add_part(&text, "link", &view->link);
	if (!view->radio.there || view->radio.lost || view->radio.back)
		add_part(&text, "radio", &view->radio);
	if (view->loss.radio)
		text_add(&text, "(%s,%u)", radio_to_string(view->loss.radio), view->loss.reason);
	add_part(&text, "address", &view->address);
	if (view->attempt.state)
		text_add(&text, " attempt=%s,%u", view->attempted, view->attempt.reason);
	if (!view->routes_known)
		return buffer;
	add_part(&text, "route", &view->route);
	add_part(&text, "hop", &view->next_hop);
	return buffer;
}

static const char *look(const char *from, const char *to, unsigned since, unsigned until)
{
	struct endpoint local, peer;
	struct path_view view;

	CHECK(endpoint_parse(from, &local) == 0, from);
	CHECK(endpoint_parse(to, &peer) == 0, to);
	path_look(&table, NETNS, &local, &peer, since * USEC_PER_SEC, until * USEC_PER_SEC, &view);
	return describe(&view);
}

/* ---- what happened between 10 and 20, seen from there */

struct row {
	const char *name;
	const char *events;
	const char *local;
	const char *peer;
	const char *view;
};

#define LOCAL  "192.0.2.10"
#define PEER   "198.51.100.7"
#define LOCAL6 "2001:db8::10"
#define PEER6  "2001:db8:7::7"

static const struct row rows[] = {
	{ "a listing is no news", "", LOCAL, PEER, "eth0: link=yes address=yes route=yes hop=yes" },
	{ "IPv6", "", LOCAL6, PEER6, "eth0: link=yes address=yes route=yes hop=yes" },
	{ "no such address", "", "192.0.2.11", PEER,
	  "eth0: link=yes address=no route=yes hop=yes" },
	{ "no address chosen yet", "", "*", PEER, "eth0: link=yes address=no route=yes hop=yes" },

	{ "the cable is pulled", "12 link interface=2 interface_name=eth0", LOCAL, PEER,
	  "eth0: link=no,lost@12 address=yes route=yes hop=yes" },
	{ "down and up",
	  "12 link interface=2 interface_name=eth0\n"
	  "13 link up=1 interface=2 interface_name=eth0",
	  LOCAL, PEER, "eth0: link=yes,lost@12,back@13 address=yes route=yes hop=yes" },
	{ "the first loss and the last return count",
	  "12 link interface=2 interface_name=eth0\n"
	  "13 link up=1 interface=2 interface_name=eth0\n"
	  "14 link interface=2 interface_name=eth0\n"
	  "15 link up=1 interface=2 interface_name=eth0",
	  LOCAL, PEER, "eth0: link=yes,lost@12,back@15 address=yes route=yes hop=yes" },
	{ "down before, up within",
	  "9 link interface=2 interface_name=eth0\n"
	  "12 link up=1 interface=2 interface_name=eth0",
	  LOCAL, PEER, "eth0: link=yes,back@12 address=yes route=yes hop=yes" },
	{ "down and up before",
	  "8 link interface=2 interface_name=eth0\n"
	  "9 link up=1 interface=2 interface_name=eth0",
	  LOCAL, PEER, "eth0: link=yes address=yes route=yes hop=yes" },
	{ "down afterwards", "21 link interface=2 interface_name=eth0", LOCAL, PEER,
	  "eth0: link=yes address=yes route=yes hop=yes" },
	{ "another link down", "12 link interface=3 interface_name=wlan0 disabled=1", LOCAL, PEER,
	  "eth0: link=yes address=yes route=yes hop=yes" },
	{ "a link set down takes its routes along, and nobody tells",
	  "12 link interface=2 interface_name=eth0 disabled=1\n"
	  "14 link up=1 interface=2 interface_name=eth0",
	  LOCAL, PEER, "eth0: link=yes,lost@12,back@14 address=yes route=no,lost@12 hop=yes" },
	{ "a link is removed",
	  "12 link interface=2 interface_name=eth0 disabled=1 removed=1\n"
	  "12 address interface=2 address=192.0.2.10 prefix_length=24",
	  LOCAL, PEER,
	  "eth0 disabled: link=no,lost@12 address=no,lost@12 route=no,lost@12 hop=yes" },
	{ "a link changes its name", "12 link up=1 interface=2 interface_name=uplink", LOCAL, PEER,
	  "uplink: link=yes address=yes route=yes hop=yes" },

#define THROWN_OUT "radio=deauthenticated-by-the-access-point reason=4"
	{ "the radio loses its connection", "12 radio interface=2 " THROWN_OUT, LOCAL, PEER,
	  "eth0: link=yes radio=no,lost@12(deauthenticated-by-the-access-point,4) address=yes "
	  "route=yes hop=yes" },
	{ "another radio", "12 radio interface=3 " THROWN_OUT, LOCAL, PEER,
	  "eth0: link=yes address=yes route=yes hop=yes" },
#define ADDRESS_GOES "12 address interface=2 address=192.0.2.10 prefix_length=24"
#define NO_ADDRESS   "address=no,lost@12"
#define NOT_TOLD     "eth0: link=yes " NO_ADDRESS " route=no,lost@12 hop=yes"
	{ "somebody has an interface disconnected",
	  "11.9 device interface=2 device=deactivating reason=39\n" ADDRESS_GOES "\n"
	  "12.1 device interface=2 device=disconnected reason=39",
	  LOCAL, PEER,
	  "eth0: link=yes " NO_ADDRESS "(deactivating,39) route=no,lost@12(deactivating,39) "
	  "hop=yes" },
	{ "the word came with its effect",
	  ADDRESS_GOES "\n12.1 device interface=2 device=disconnected reason=39", LOCAL, PEER,
	  "eth0: link=yes " NO_ADDRESS "(disconnected,39) route=no,lost@12(disconnected,39) "
	  "hop=yes" },
	{ "somebody disconnects what was gone",
	  ADDRESS_GOES "\n13 device interface=2 device=deactivating reason=39", LOCAL, PEER,
	  NOT_TOLD },
	{ "somebody disconnected it well before",
	  "10.5 device interface=2 device=deactivating reason=39\n" ADDRESS_GOES, LOCAL, PEER,
	  NOT_TOLD },
	{ "somebody disconnects another interface",
	  "12 device interface=3 device=deactivating reason=39\n" ADDRESS_GOES, LOCAL, PEER,
	  NOT_TOLD },
	{ "it is disconnected some seconds after its link went",
	  "12 link interface=2 interface_name=eth0\n"
	  "18 device interface=2 device=unavailable reason=40",
	  LOCAL, PEER, "eth0: link=no,lost@12(unavailable,40) address=yes route=yes hop=yes" },
	{ "an attempt to connect it fails",
	  ADDRESS_GOES "\n12.1 device interface=2 device=disconnected reason=60\n"
		       "15 device interface=2 device=failed reason=5",
	  LOCAL, PEER,
	  "eth0: link=yes " NO_ADDRESS "(disconnected,60) attempt=eth0,5 "
	  "route=no,lost@12(disconnected,60) hop=yes" },
	{ "the next one does not",
	  "12 device interface=2 device=failed reason=5\n"
	  "13 device interface=2 device=activated up=1",
	  LOCAL, PEER, "eth0: link=yes address=yes route=yes hop=yes" },
	{ "a radio that roams",
	  "12 radio interface=2 radio=access-point-lost reason=1\n"
	  "13 radio interface=2 radio=connected up=1",
	  LOCAL, PEER,
	  "eth0: link=yes radio=yes,lost@12,back@13(access-point-lost,1) address=yes route=yes "
	  "hop=yes" },
	{ "the absence that lasts counts",
	  "12 radio interface=2 " THROWN_OUT "\n"
	  "13 radio interface=2 radio=connected up=1\n"
	  "14 radio interface=2 radio=access-point-lost reason=15",
	  LOCAL, PEER,
	  "eth0: link=yes radio=no,lost@12,back@13(access-point-lost,15) "
	  "address=yes route=yes hop=yes" },
	{ "a radio that left by itself was well before",
	  "12 radio interface=2 " THROWN_OUT "\n"
	  "13 radio interface=2 radio=connected up=1\n"
	  "14 radio interface=2 radio=left-by-this-host reason=3",
	  LOCAL, PEER,
	  "eth0: link=yes radio=no,lost@12,back@13(left-by-this-host,3) address=yes route=yes "
	  "hop=yes" },
	{ "a radio that was gone before", "9 radio interface=2 " THROWN_OUT, LOCAL, PEER,
	  "eth0: link=yes radio=no(deauthenticated-by-the-access-point,4) address=yes route=yes "
	  "hop=yes" },
	{ "a link that comes up has its radio",
	  "12 radio interface=2 " THROWN_OUT "\n"
	  "13 link interface=2 interface_name=eth0\n"
	  "14 link up=1 interface=2 interface_name=eth0",
	  LOCAL, PEER,
	  "eth0: link=yes,lost@13,back@14 "
	  "radio=yes,lost@12,back@14(deauthenticated-by-the-access-point,4) address=yes route=yes "
	  "hop=yes" },
	{ "other news of a link that is up bring no radio back",
	  "12 radio interface=2 " THROWN_OUT "\n"
	  "13 link up=1 interface=2 interface_name=eth0",
	  LOCAL, PEER,
	  "eth0: link=yes radio=no,lost@12(deauthenticated-by-the-access-point,4) address=yes "
	  "route=yes hop=yes" },
	{ "a listing does not know of radios",
	  "12 radio interface=2 " THROWN_OUT "\n13 namespace\n13 @\n13 namespace up=1", LOCAL, PEER,
	  "eth0 uncovered: link=yes radio=no,lost@12(deauthenticated-by-the-access-point,4) "
	  "address=yes route=yes hop=yes" },

	{ "the last address takes the routes along",
	  "12 address interface=2 address=192.0.2.10 prefix_length=24", LOCAL, PEER,
	  "eth0: link=yes address=no,lost@12 route=no,lost@12 hop=yes" },
	{ "IPv6 routes stay without an address",
	  "12 address interface=2 address=2001:db8::10 prefix_length=64", LOCAL6, PEER6,
	  "eth0: link=yes address=no,lost@12 route=yes hop=yes" },
	{ "another address keeps the routes",
	  "11 address up=1 interface=2 address=192.0.2.20 prefix_length=24\n"
	  "12 address interface=2 address=192.0.2.10 prefix_length=24",
	  LOCAL, PEER, "eth0: link=yes address=no,lost@12 route=yes hop=yes" },
	{ "a route goes with the address that it prefers",
	  "11 address up=1 interface=2 address=192.0.2.20 prefix_length=24\n"
	  "11 route interface=2 table=254 address=0.0.0.0 gateway=192.0.2.1\n"
	  "12 address interface=2 address=192.0.2.10 prefix_length=24",
	  LOCAL, "192.0.2.7", "eth0: link=yes address=no,lost@12 route=no,lost@12 hop=yes" },
	{ "an address goes and comes",
	  "12 address interface=2 address=192.0.2.10 prefix_length=24\n"
	  "13 address up=1 interface=2 address=192.0.2.10 prefix_length=24\n"
	  "14 route up=1 interface=2 table=254 address=0.0.0.0 gateway=192.0.2.1",
	  LOCAL, PEER,
	  "eth0: link=yes address=yes,lost@12,back@13 route=yes,lost@12,back@14 hop=yes" },
	{ "an address moves: its first interface tells",
	  "11 link interface=2 interface_name=eth0\n"
	  "12 address interface=2 address=192.0.2.10 prefix_length=24\n"
	  "13 address up=1 interface=3 address=192.0.2.10 prefix_length=24\n"
	  "13 route up=1 interface=3 table=254 address=0.0.0.0 gateway=192.0.2.1",
	  LOCAL, PEER,
	  "eth0: link=no,lost@11 address=yes,lost@12,back@13 route=yes,lost@12,back@13 hop=yes" },
	{ "an address is on both for a while: never lost",
	  "12 address up=1 interface=3 address=192.0.2.10 prefix_length=24\n"
	  "13 address interface=2 address=192.0.2.10 prefix_length=24",
	  LOCAL, "192.0.2.11", "eth0: link=yes address=yes route=no,lost@13 hop=yes" },
	{ "an address that moved before",
	  "8 address interface=2 address=192.0.2.10 prefix_length=24\n"
	  "9 address up=1 interface=3 address=192.0.2.10 prefix_length=24\n"
	  "12 link interface=3 interface_name=wlan0",
	  LOCAL, PEER, "wlan0: link=no,lost@12 address=yes route=no hop=yes" },

	{ "the default route is lost",
	  "12 route interface=2 table=254 address=0.0.0.0 gateway=192.0.2.1", LOCAL, PEER,
	  "eth0: link=yes address=yes route=no,lost@12 hop=yes" },
	{ "a more specific route remains",
	  "11 route up=1 interface=2 table=254 address=198.51.100.0 prefix_length=23 "
	  "gateway=192.0.2.9\n"
	  "12 route interface=2 table=254 address=0.0.0.0 gateway=192.0.2.1",
	  LOCAL, PEER, "eth0: link=yes address=yes route=yes hop=yes" },
	{ "a more specific route does not lead there",
	  "11 route up=1 interface=2 table=254 address=198.51.101.0 prefix_length=24 "
	  "gateway=192.0.2.9\n"
	  "12 route interface=2 table=254 address=0.0.0.0 gateway=192.0.2.1",
	  LOCAL, PEER, "eth0: link=yes address=yes route=no,lost@12 hop=yes" },
	{ "a second default route remains",
	  "11 route up=1 interface=3 table=254 address=0.0.0.0 gateway=10.0.0.1 metric=600\n"
	  "12 route interface=2 table=254 address=0.0.0.0 gateway=192.0.2.1",
	  LOCAL, PEER, "eth0: link=yes address=yes route=yes hop=yes" },
	{ "a route is replaced in one step",
	  "12 route up=1 replaces=1 interface=2 table=254 address=0.0.0.0 gateway=192.0.2.9", LOCAL,
	  PEER, "eth0: link=yes address=yes route=yes hop=yes" },
	{ "what was replaced is gone",
	  "11 route up=1 replaces=1 interface=2 table=254 address=0.0.0.0 gateway=192.0.2.9\n"
	  "12 route interface=2 table=254 address=0.0.0.0 gateway=192.0.2.9",
	  LOCAL, PEER, "eth0: link=yes address=yes route=no,lost@12 hop=yes" },
	{ "IPv6: the default route comes back",
	  "12 route interface=2 table=254 address=:: gateway=fe80::1 metric=1024\n"
	  "13 route up=1 interface=2 table=254 address=:: gateway=fe80::2 metric=1024",
	  LOCAL6, PEER6, "eth0: link=yes address=yes route=yes,lost@12,back@13 hop=yes" },
	{ "a route that refuses wins",
	  "12 route up=1 refuses=1 table=254 address=198.51.100.7 prefix_length=32", LOCAL, PEER,
	  "eth0: link=yes address=yes route=no,lost@12 hop=yes" },
	{ "a route that refuses loses by its metric",
	  "12 route up=1 refuses=1 table=254 address=0.0.0.0 metric=4294967295", LOCAL, PEER,
	  "eth0: link=yes address=yes route=yes hop=yes" },
	{ "a rule that refuses comes before all routes",
	  "12 route up=1 rule=1 refuses=1 address=198.51.100.7 prefix_length=32 metric=100\n"
	  "13 route rule=1 refuses=1 address=198.51.100.7 prefix_length=32 metric=100",
	  LOCAL, PEER, "eth0: link=yes address=yes route=yes,lost@12,back@13 hop=yes" },
	{ "but not after the main table",
	  "12 route up=1 rule=1 refuses=1 address=0.0.0.0 metric=40000", LOCAL, PEER,
	  "eth0: link=yes address=yes route=yes hop=yes" },
	{ "nor to other destinations",
	  "12 route up=1 rule=1 refuses=1 address=198.51.100.8 prefix_length=32 metric=100", LOCAL,
	  PEER, "eth0: link=yes address=yes route=yes hop=yes" },
	{ "a rule that refuses some packets leaves it open",
	  "12 route up=1 rule=1 refuses=1 partial=1 address=0.0.0.0 metric=100", LOCAL, PEER,
	  "eth0: link=yes address=yes" },
	{ "a rule for another table leaves it open",
	  "12 route up=1 rule=1 table=100 address=0.0.0.0 metric=100", LOCAL, PEER,
	  "eth0: link=yes address=yes" },
	{ "another table may decide",
	  "12 route up=1 interface=3 table=100 address=0.0.0.0 gateway=10.0.0.1", LOCAL, PEER,
	  "eth0: link=yes address=yes" },
	{ "another table that does not lead there does not",
	  "12 route up=1 interface=3 table=100 address=10.0.0.0 prefix_length=8", LOCAL, PEER,
	  "eth0: link=yes address=yes route=yes hop=yes" },
	{ "another table did",
	  "9 route up=1 interface=3 table=100 address=0.0.0.0 gateway=10.0.0.1\n"
	  "12 route interface=3 table=100 address=0.0.0.0 gateway=10.0.0.1",
	  LOCAL, PEER, "eth0: link=yes address=yes" },
	{ "another table did once",
	  "8 route up=1 interface=3 table=100 address=0.0.0.0 gateway=10.0.0.1\n"
	  "9 route interface=3 table=100 address=0.0.0.0 gateway=10.0.0.1",
	  LOCAL, PEER, "eth0: link=yes address=yes route=yes hop=yes" },
	{ "several next hops",
	  "9 route up=1 replaces=1 partial=1 interface=2 table=254 address=0.0.0.0 "
	  "gateway=192.0.2.8\n"
	  "9 route up=1 partial=1 interface=2 table=254 address=0.0.0.0 gateway=192.0.2.9",
	  LOCAL, PEER, "eth0: link=yes address=yes" },

	{ "several next hops, replaced by one",
	  "8 route up=1 replaces=1 partial=1 interface=2 table=254 address=0.0.0.0 "
	  "gateway=192.0.2.8\n"
	  "8 route up=1 partial=1 interface=3 table=254 address=0.0.0.0 gateway=192.0.2.9\n"
	  "9 route up=1 replaces=1 interface=2 table=254 address=0.0.0.0 gateway=192.0.2.1",
	  LOCAL, PEER, "eth0: link=yes address=yes route=yes hop=yes" },
	{ "one of several next hops comes and goes untold: nothing can be said",
	  "8 route up=1 replaces=1 partial=1 interface=2 table=254 address=0.0.0.0 "
	  "gateway=192.0.2.8\n"
	  "8 route up=1 partial=1 interface=3 table=254 address=0.0.0.0 gateway=192.0.2.9\n"
	  "9 link interface=2 interface_name=eth0 disabled=1\n"
	  "9 link interface=3 interface_name=wlan0 disabled=1\n"
	  "9 link up=1 interface=2 interface_name=eth0",
	  LOCAL, PEER, "eth0: link=yes address=yes" },
	{ "the gateway fails", "12 neighbour interface=2 address=192.0.2.1", LOCAL, PEER,
	  "eth0: link=yes address=yes route=yes hop=no,lost@12" },
	{ "the gateway answers again",
	  "12 neighbour interface=2 address=192.0.2.1\n"
	  "14 neighbour up=1 interface=2 address=192.0.2.1",
	  LOCAL, PEER, "eth0: link=yes address=yes route=yes hop=yes,lost@12,back@14" },
	{ "IPv6: the gateway fails", "12 neighbour interface=2 address=fe80::1", LOCAL6, PEER6,
	  "eth0: link=yes address=yes route=yes hop=no,lost@12" },
	{ "its namesake on another link fails", "12 neighbour interface=3 address=fe80::1", LOCAL6,
	  PEER6, "eth0: link=yes address=yes route=yes hop=yes" },
	{ "a peer next door fails", "12 neighbour interface=2 address=192.0.2.7", LOCAL,
	  "192.0.2.7", "eth0: link=yes address=yes route=yes hop=no,lost@12" },
	{ "one of two gateways fails",
	  "11 route up=1 interface=2 table=254 address=0.0.0.0 gateway=192.0.2.9\n"
	  "12 neighbour interface=2 address=192.0.2.1",
	  LOCAL, PEER, "eth0: link=yes address=yes route=yes hop=yes" },
	{ "both gateways fail",
	  "11 route up=1 interface=2 table=254 address=0.0.0.0 gateway=192.0.2.9\n"
	  "12 neighbour interface=2 address=192.0.2.1\n"
	  "13 neighbour interface=2 address=192.0.2.9",
	  LOCAL, PEER, "eth0: link=yes address=yes route=yes hop=no,lost@13" },
	{ "another neighbour fails", "12 neighbour interface=2 address=192.0.2.8", LOCAL, PEER,
	  "eth0: link=yes address=yes route=yes hop=yes" },

	{ "loopback", "12 link interface=2 interface_name=eth0", "127.0.0.1", "127.0.0.53",
	  "lo: link=yes address=yes route=yes hop=yes" },
	{ "loopback set down", "12 link interface=1 interface_name=lo disabled=1", "127.0.0.1",
	  "127.0.0.1", "lo disabled: link=no,lost@12 address=yes route=yes hop=yes" },
	{ "to ourselves: the link does not matter", "12 link interface=2 interface_name=eth0",
	  LOCAL, LOCAL, "lo: link=yes address=yes route=yes hop=yes" },
	{ "to ourselves: the address does",
	  "12 address interface=2 address=192.0.2.10 prefix_length=24", LOCAL, LOCAL,
	  "lo: link=yes address=no,lost@12 route=no,lost@12 hop=yes" },

	{ "a loss told late may have been before",
	  "21 link within=2s interface=2 interface_name=eth0", LOCAL, PEER,
	  "eth0: link=yes,doubtful address=yes route=yes hop=yes" },
	{ "a loss told late, but surely later", "22 link within=1s interface=2 interface_name=eth0",
	  LOCAL, PEER, "eth0: link=yes address=yes route=yes hop=yes" },
	{ "a loss told late is a loss all the same",
	  "12 link within=4s interface=2 interface_name=eth0", LOCAL, PEER,
	  "eth0: link=no,lost@12 address=yes route=yes hop=yes" },
	{ "what is told late to be back may have been back",
	  "12 route interface=2 table=254 address=0.0.0.0 gateway=192.0.2.1\n"
	  "21 route within=2s up=1 interface=2 table=254 address=0.0.0.0 gateway=192.0.2.1",
	  LOCAL, PEER, "eth0: link=yes address=yes route=no,lost@12,doubtful hop=yes" },
	{ "told late, and no matter", "21 link within=2s interface=3 interface_name=eth1", LOCAL,
	  PEER, "eth0: link=yes address=yes route=yes hop=yes" },

	{ "a route that expires later",
	  "9 route up=1 interface=2 table=254 address=:: gateway=fe80::1 metric=1024 "
	  "expires_in=12s",
	  LOCAL6, PEER6, "eth0: link=yes address=yes route=yes hop=yes" },
	{ "a route that should have expired, and nobody tells",
	  "9 route up=1 interface=2 table=254 address=:: gateway=fe80::1 metric=1024 expires_in=5s",
	  LOCAL6, PEER6, "eth0: link=yes address=yes route=yes,doubtful hop=yes" },
	{ "a route has expired",
	  "9 route up=1 interface=2 table=254 address=:: gateway=fe80::1 metric=1024 "
	  "expires_in=5s\n"
	  "14 route interface=2 table=254 address=:: gateway=fe80::1 metric=1024",
	  LOCAL6, PEER6, "eth0: link=yes address=yes route=no,lost@14 hop=yes" },
	{ "and is told late",
	  "9 route up=1 interface=2 table=254 address=:: gateway=fe80::1 metric=1024 "
	  "expires_in=5s\n"
	  "21 route within=7s interface=2 table=254 address=:: gateway=fe80::1 metric=1024",
	  LOCAL6, PEER6, "eth0: link=yes address=yes route=yes,doubtful hop=yes" },
	{ "a route has expired, and is removed later",
	  "9 route up=1 interface=2 table=254 address=:: gateway=fe80::1 metric=1024 "
	  "expires_in=5s\n"
	  "14 route interface=2 table=254 address=:: gateway=fe80::1 metric=1024\n"
	  "19 route interface=2 table=254 address=:: gateway=fe80::1 metric=1024",
	  LOCAL6, PEER6, "eth0: link=yes address=yes route=no,lost@14 hop=yes" },
	{ "an advertisement brings it back",
	  "9 route up=1 interface=2 table=254 address=:: gateway=fe80::1 metric=1024 "
	  "expires_in=5s\n"
	  "14 route interface=2 table=254 address=:: gateway=fe80::1 metric=1024\n"
	  "15 route up=1 interface=2 table=254 address=:: gateway=fe80::1 metric=1024 "
	  "expires_in=9s",
	  LOCAL6, PEER6, "eth0: link=yes address=yes route=yes,lost@14,back@15 hop=yes" },
	{ "its life is prolonged",
	  "9 route up=1 interface=2 table=254 address=:: gateway=fe80::1 metric=1024 "
	  "expires_in=5s\n"
	  "13 route up=1 interface=2 table=254 address=:: gateway=fe80::1 metric=1024 "
	  "expires_in=9s",
	  LOCAL6, PEER6, "eth0: link=yes address=yes route=yes hop=yes" },
	{ "for ever",
	  "9 route up=1 interface=2 table=254 address=:: gateway=fe80::1 metric=1024 "
	  "expires_in=5s\n"
	  "13 route up=1 interface=2 table=254 address=:: gateway=fe80::1 metric=1024",
	  LOCAL6, PEER6, "eth0: link=yes address=yes route=yes hop=yes" },
	{ "another route expires",
	  "9 route up=1 interface=3 table=254 address=2001:db8:9:: prefix_length=64 expires_in=5s",
	  LOCAL6, PEER6, "eth0: link=yes address=yes route=yes hop=yes" },
	{ "a better route expires, one remains",
	  "9 route up=1 interface=3 table=254 address=2001:db8:7:: prefix_length=64 expires_in=5s",
	  LOCAL6, PEER6, "wlan0: link=yes address=yes route=yes hop=yes" },

	{ "overrun, nothing missed", "12 namespace\n12 @\n13 namespace up=1", LOCAL, PEER,
	  "eth0 uncovered: link=yes address=yes route=yes hop=yes" },
	{ "overrun, not yet listed anew", "12 namespace", LOCAL, PEER, "not known" },
	{ "overrun, an earlier loss is not forgotten",
	  "11 link interface=2 interface_name=eth0\n12 namespace\n12 @\n13 namespace up=1", LOCAL,
	  PEER, "eth0 uncovered: link=yes,lost@11,back@12 address=yes route=yes hop=yes" },
	{ "overrun, what is not listed again is gone",
	  "12 namespace\n"
	  "12 link initial=1 up=1 interface=2 interface_name=eth0\n"
	  "13 namespace up=1",
	  LOCAL, PEER, "eth0 uncovered: link=yes address=no,lost@13 route=no,lost@13 hop=yes" },
};

static void test_views(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *view;

		begin();
		feed(NETNS, rows[i].events);
		view = look(rows[i].local, rows[i].peer, 10, 20);
		CHECK(strcmp(view, rows[i].view) == 0, rows[i].name);
		if (strcmp(view, rows[i].view) != 0)
			printf("\n    %s: %s\n", rows[i].name, view);
		path_table_release(&table);
	}
}

/* ---- the past, told later as it was seen at the time */

enum { STEPS = 500 };

static void any_change(unsigned step)
{
	static const char *const things[] = {
		"link interface=2 interface_name=eth0",
		"link interface=3 interface_name=wlan0",
		"address interface=2 address=192.0.2.10 prefix_length=24",
		"address interface=3 address=192.0.2.10 prefix_length=24",
		"address interface=3 address=192.0.2.30 prefix_length=24",
		"route interface=2 table=254 address=0.0.0.0 gateway=192.0.2.1",
		"route interface=3 table=254 address=0.0.0.0 gateway=192.0.2.1 metric=600",
		"route interface=3 table=254 address=198.51.100.0 prefix_length=24",
		"neighbour interface=2 address=192.0.2.1",
	};
	const char *thing = things[(unsigned)random() % (sizeof(things) / sizeof(things[0]))];
	unsigned kind = (unsigned)random() % 8;
	char time[16], line[128];

	snprintf(time, sizeof(time), "%u", step);
	snprintf(line, sizeof(line), "%s%s%s%s", thing, kind % 2 ? " up=1" : "",
		 kind == 2 && strncmp(thing, "link", 4) == 0 ? " disabled=1" : "",
		 kind == 3 && strncmp(thing, "route", 5) == 0 ? " replaces=1" : "");
	feed_line(NETNS, time, line);
}

static void parts_at(unsigned time, bool parts[3])
{
	struct endpoint local, peer;
	struct path_view view;

	endpoint_parse(LOCAL, &local);
	endpoint_parse(PEER, &peer);
	path_look(&table, NETNS, &local, &peer, time * USEC_PER_SEC, time * USEC_PER_SEC, &view);
	CU_ASSERT(view.known && view.covered && view.routes_known);
	parts[0] = view.address.there;
	parts[1] = view.route.there;
	parts[2] = view.next_hop.there;
}

static void test_past_as_seen(void)
{
	static bool seen[STEPS][3];

	begin();
	srandom(1);
	for (unsigned step = 2; step < STEPS; step++) {
		any_change(step);
		parts_at(step, seen[step]);
	}
	for (unsigned step = 2; step < STEPS; step++) {
		bool parts[3];

		parts_at(step, parts);
		CU_ASSERT_EQUAL(memcmp(parts, seen[step], sizeof(parts)), 0);
	}
	path_table_release(&table);
}

/* ---- limits */

static void feed_route(unsigned time, unsigned number, bool up)
{
	char when[16], line[128];

	snprintf(when, sizeof(when), "%u", time);
	snprintf(line, sizeof(line),
		 "route %s interface=3 table=254 address=10.%u.%u.0 "
		 "prefix_length=24",
		 up ? "up=1" : "", number / 256, number % 256);
	feed_line(NETNS, when, line);
}

#define ALL_WELL "eth0: link=yes address=yes route=yes hop=yes"

static void test_too_much_is_not_known(void)
{
	begin();
	for (unsigned i = 0; i < 1000; i++)
		feed_route(2, i, true);
	CU_ASSERT_STRING_EQUAL(look(LOCAL, PEER, 10, 20), ALL_WELL);
	for (unsigned i = 1000; i < 1100; i++)
		feed_route(3, i, true);
	CU_ASSERT_STRING_EQUAL(look(LOCAL, PEER, 10, 20), "not known");
	for (unsigned i = 0; i < 1100; i++)
		feed_route(4, i, false);
	CU_ASSERT_STRING_EQUAL(look(LOCAL, PEER, 10, 20), "not known");
	feed(NETNS, "5 namespace\n5 @\n5 namespace up=1");
	CU_ASSERT_STRING_EQUAL(look(LOCAL, PEER, 10, 20), ALL_WELL);
	path_table_release(&table);
}

static void test_churn_costs_only_history(void)
{
	begin();
	feed(NETNS, "2 link interface=2 interface_name=eth0");
	for (unsigned i = 0; i < 5000; i++) {
		feed_route(3 + i, i, true);
		feed_route(3 + i, i, false);
	}
	CU_ASSERT_STRING_EQUAL(look(LOCAL, PEER, 1, 6000),
			       "eth0 uncovered: link=no address=yes route=yes hop=yes");
	CU_ASSERT_STRING_EQUAL(look(LOCAL, PEER, 4900, 6000),
			       "eth0: link=no address=yes route=yes hop=yes");
	path_table_release(&table);
}

static bool knows(uint64_t netns)
{
	struct endpoint local = { 0 }, peer = { 0 };
	struct path_view view;

	path_look(&table, netns, &local, &peer, 10, 20, &view);
	return view.known;
}

static void test_namespaces(void)
{
	begin();
	CU_ASSERT(knows(NETNS));
	CU_ASSERT(!knows(8));
	feed(8, "2 @\n2 namespace up=1"); /* never begun */
	CU_ASSERT(!knows(8));
	feed(8, "3 namespace\n3 namespace up=1");
	CU_ASSERT(knows(8));
	feed(9, "4 namespace\n4 namespace up=1"); /* no room for a third */
	CU_ASSERT(!knows(9));
	feed(8, "5 namespace"); /* no longer looked at: makes room */
	feed(9, "6 namespace\n6 namespace up=1");
	CU_ASSERT(knows(9));
	CU_ASSERT(knows(NETNS));
	CU_ASSERT(!knows(8));
	path_table_release(&table);
}

SUITE("path", { "views", test_views }, { "the past as it was seen", test_past_as_seen },
      { "too much is not known", test_too_much_is_not_known },
      { "churn costs only history", test_churn_costs_only_history },
      { "namespaces", test_namespaces })

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/own_peer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "process/service.h"
#include "support/cleanup.h"
#include "support/clock.h"

enum {
	LOOKS_MOST = 32,    /* a second */
	SOCKETS_MAX = 4096, /* of a process; more are not compared */
	LISTENS = 0x0a,     /* TCP_LISTEN as /proc/net/tcp has it */
	LOOPBACK_NET = 127, /* RFC 1122, 3.2.1.3 */
	LINE_SIZE = 256,    /* of that file: it pads to 150 columns */
	ENDPOINT_HEX = 48,  /* 32 digits, a colon, 4 digits */
};

/* A look that takes longer is paid for by a rest: each reads all descriptors of the process, and
 * all sockets of its network namespace. */
#define SHORT_LOOK (5 * USEC_PER_MSEC)

/* ---- the sockets of a process */

struct inodes {
	unsigned count;
	uint32_t list[SOCKETS_MAX];
};

static void keep_inode(void *userdata, uint32_t inode)
{
	struct inodes *inodes = userdata;

	if (inodes->count < SOCKETS_MAX)
		inodes->list[inodes->count++] = inode;
}

static bool has_inode(const struct inodes *inodes, uint32_t inode)
{
	for (unsigned i = 0; i < inodes->count; i++)
		if (inodes->list[i] == inode)
			return true;
	return false;
}

/* ---- /proc/PID/net/tcp */

/* As that file has it: words of 32 bits as the machine reads them. `wide`: as tcp6 has it. */
static void format(const struct endpoint *endpoint, bool wide, char text[static ENDPOINT_HEX])
{
	uint32_t words[4] = { 0 };
	unsigned first = 0;

	memcpy(words, endpoint->address, sizeof(words));
	if (endpoint->family == AF_INET && wide) { /* ::ffff:a.b.c.d */
		words[3] = words[0];
		words[0] = words[1] = 0;
		memcpy(&words[2], (const uint8_t[]){ 0, 0, 0xff, 0xff }, sizeof(words[2]));
	} else if (endpoint->family == AF_INET) {
		words[3] = words[0];
		first = 3;
	}
	*text = '\0';
	for (unsigned i = first; i < 4; i++)
		snprintf(text + (size_t)8 * (i - first), 9, "%08" PRIX32, words[i]);
	snprintf(text + (size_t)8 * (4 - first), 6, ":%04" PRIX16, endpoint->port);
}

struct search {
	char local[ENDPOINT_HEX], peer[ENDPOINT_HEX];
	const struct inodes *inodes;
};

static bool is_wanted(const struct search *search, const char *line)
{
	char from[ENDPOINT_HEX], to[ENDPOINT_HEX];
	unsigned state;
	uint32_t inode;

	if (sscanf(line, " %*[^:]: %47s %47s %x %*s %*s %*s %*s %*s %" SCNu32, from, to, &state,
		   &inode) != 4 ||
	    strcmp(from, search->peer) != 0)
		return false;
	return (state == LISTENS || strcmp(to, search->local) == 0) &&
	       has_inode(search->inodes, inode);
}

static FILE *open_table(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/net/%s", (int)pid, name);
	return fopen(path, "re");
}

static bool file_has(pid_t pid, const char *name, const struct search *search)
{
	_cleanup_fclose_ FILE *file = open_table(pid, name);
	char line[LINE_SIZE];

	while (file && fgets(line, sizeof(line), file))
		if (is_wanted(search, line))
			return true;
	return false;
}

static bool table_has(pid_t pid, bool wide, const struct endpoint *local,
		      const struct endpoint *peer, const struct inodes *inodes)
{
	struct search search = { .inodes = inodes };

	format(local, wide, search.local);
	format(peer, wide, search.peer);
	return file_has(pid, wide ? "tcp6" : "tcp", &search);
}

/* ---- from outside */

static bool is_on_this_host(const struct endpoint *local, const struct endpoint *peer)
{
	static const uint8_t loopback6[16] = { [15] = 1 };

	if (peer->family == AF_INET && peer->address[0] == LOOPBACK_NET)
		return true;
	if (peer->family == AF_INET6 && memcmp(peer->address, loopback6, 16) == 0)
		return true;
	return peer->family && peer->family == local->family &&
	       memcmp(peer->address, local->address, sizeof(peer->address)) == 0;
}

static bool may_look(struct own_peer_looks *looks, usec_t now)
{
	if (now >= looks->since + USEC_PER_SEC) {
		looks->since = now;
		looks->count = 0;
	}
	return now >= looks->next && looks->count++ < LOOKS_MOST;
}

static bool holds_both_ends(pid_t pid, const struct endpoint *local, const struct endpoint *peer)
{
	struct inodes inodes = { 0 };

	if (process_service_sockets(pid, keep_inode, &inodes) < 0)
		return false;
	return (peer->family == AF_INET && table_has(pid, false, local, peer, &inodes)) ||
	       table_has(pid, true, local, peer, &inodes);
}

bool own_peer_look(struct own_peer_looks *looks, pid_t pid, const struct endpoint *local,
		   const struct endpoint *peer, usec_t now)
{
	enum { REST = 9 }; /* times as long as the look took */
	usec_t begun, ended;
	bool holds;

	if (pid <= 0 || !is_on_this_host(local, peer) || !may_look(looks, now))
		return false;
	begun = clock_now(CLOCK_MONOTONIC);
	holds = holds_both_ends(pid, local, peer);
	ended = clock_now(CLOCK_MONOTONIC);
	if (ended - begun > SHORT_LOOK)
		looks->next = ended + REST * (ended - begun);
	return holds;
}

/* ---- what a process opens and accepts */

enum { PORTS_MAX = 64 };

struct survey_of_ports {
	const struct inodes *inodes;
	unsigned count;
	unsigned listens[PORTS_MAX];
	struct own_peer_use *use;
	const struct peer_pattern *peers;
	unsigned peer_count;
};

static bool is_listened_at(const struct survey_of_ports *survey, unsigned port)
{
	for (unsigned i = 0; i < survey->count; i++)
		if (survey->listens[i] == port)
			return true;
	return false;
}

/* Reads what format() writes; an IPv4 address in tcp6 becomes one of IPv4 again. */
static bool read_endpoint(const char *text, struct endpoint *endpoint)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const char *colon = strchr(text, ':');
	size_t count = colon ? (size_t)(colon - text) / 8 : 0;

	if (count != 1 && count != 4)
		return false;
	*endpoint = (struct endpoint){ .family = count == 4 ? AF_INET6 : AF_INET };
	for (size_t i = 0; i < count; i++) {
		uint32_t word = 0;

		if (sscanf(text + 8 * i, "%8" SCNx32, &word) != 1)
			return false;
		memcpy(endpoint->address + sizeof(word) * i, &word, sizeof(word));
	}
	if (count == 4 && memcmp(endpoint->address, mapped, sizeof(mapped)) == 0) {
		endpoint->family = AF_INET;
		memcpy(endpoint->address, endpoint->address + sizeof(mapped), 4);
		memset(endpoint->address + 4, 0, sizeof(mapped));
	}
	return sscanf(colon, ":%" SCNx16, &endpoint->port) == 1;
}

static void take_opened(struct survey_of_ports *survey, const char *peer_text)
{
	struct endpoint peer;

	survey->use->opened = true;
	if (!read_endpoint(peer_text, &peer))
		return;
	for (unsigned i = 0; i < survey->peer_count; i++)
		survey->use->wanted |= peer_pattern_matches(&survey->peers[i], &peer);
}

/* The file has the sockets that listen first. */
static void take_line(struct survey_of_ports *survey, const char *line)
{
	char peer[ENDPOINT_HEX];
	unsigned port, state;
	uint32_t inode;

	if (sscanf(line, " %*[^:]: %*[^:]:%x %47s %x %*s %*s %*s %*s %*s %" SCNu32, &port, peer,
		   &state, &inode) != 4 ||
	    !has_inode(survey->inodes, inode))
		return;
	survey->use->listens |= state == LISTENS;
	if (state == LISTENS && survey->count < PORTS_MAX)
		survey->listens[survey->count++] = port;
	else if (state != LISTENS && !is_listened_at(survey, port))
		take_opened(survey, peer);
}

static void survey_file(struct survey_of_ports *survey, pid_t pid, const char *name)
{
	_cleanup_fclose_ FILE *file = open_table(pid, name);
	char line[LINE_SIZE];

	while (file && fgets(line, sizeof(line), file))
		take_line(survey, line);
}

int own_peer_look_at_use(pid_t pid, const struct peer_pattern *peers, unsigned peer_count,
			 struct own_peer_use *use)
{
	struct inodes inodes = { 0 };
	struct survey_of_ports survey = {
		.inodes = &inodes,
		.use = use,
		.peers = peers,
		.peer_count = peer_count,
	};
	int r = process_service_sockets(pid, keep_inode, &inodes);

	if (r < 0)
		return r;
	survey_file(&survey, pid, "tcp");
	survey_file(&survey, pid, "tcp6");
	return 0;
}

bool own_peer_only_accepts(pid_t pid)
{
	struct own_peer_use use = { 0 };

	return own_peer_look_at_use(pid, NULL, 0, &use) == 0 && use.listens && !use.opened;
}

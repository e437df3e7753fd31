/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "settings/peer_pattern.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static unsigned address_bits(uint8_t family)
{
	return family == AF_INET6 ? 128 : family == AF_INET ? 32 : 0;
}

/* Clears all but the first `bits` bits of `address`. */
static void keep_prefix(uint8_t address[16], unsigned bits)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned kept = bits > 8 * i ? bits - 8 * i : 0;

		if (kept < 8)
			address[i] &= (uint8_t) ~(0xffu >> kept);
	}
}

/* Removes "/LENGTH" from `text`. Returns LENGTH, -1 if there is none, or -EINVAL. */
static int take_prefix_length(char *text)
{
	char *slash = strchr(text, '/');
	size_t digits;
	int length = 0;

	if (!slash)
		return -1;
	digits = strspn(slash + 1, "0123456789");
	if (digits == 0 || digits > 3)
		return -EINVAL;
	for (size_t i = 1; i <= digits; i++)
		length = 10 * length + (slash[i] - '0');
	memmove(slash, slash + 1 + digits, strlen(slash + 1 + digits) + 1);
	return length;
}

int peer_pattern_parse(const char *text, struct peer_pattern *pattern)
{
	char rest[PEER_PATTERN_TEXT_SIZE];
	struct endpoint endpoint;
	int length;

	if (text_copy(rest, sizeof(rest), text) < 0)
		return -EINVAL;
	length = take_prefix_length(rest);
	/* without brackets, the last group of an IPv6 address could be a port */
	if (length == -EINVAL || (rest[0] != '[' && strchr(rest, ':') != strrchr(rest, ':')) ||
	    endpoint_parse(rest, &endpoint) < 0)
		return -EINVAL;
	if (length > (int)address_bits(endpoint.family) || (length >= 0 && !endpoint.family))
		return -EINVAL;

	*pattern = (struct peer_pattern){
		.family = endpoint.family,
		.prefix_length =
			(uint8_t)(length < 0 ? (int)address_bits(endpoint.family) : length),
		.port = endpoint.port,
	};
	memcpy(pattern->address, endpoint.address, sizeof(pattern->address));
	keep_prefix(pattern->address, pattern->prefix_length);
	return 0;
}

void peer_pattern_format(const struct peer_pattern *pattern, char *text, size_t size)
{
	struct endpoint endpoint = { .family = pattern->family };
	bool brackets = pattern->family == AF_INET6;
	char address[ADDRESS_TEXT_SIZE], length[8] = "", port[8] = "";

	memcpy(endpoint.address, pattern->address, sizeof(endpoint.address));
	endpoint_address(&endpoint, address);
	if (pattern->prefix_length != address_bits(pattern->family))
		snprintf(length, sizeof(length), "/%u", pattern->prefix_length);
	if (pattern->port != 0)
		snprintf(port, sizeof(port), ":%u", pattern->port);
	snprintf(text, size, "%s%s%s%s%s", brackets ? "[" : "", pattern->family ? address : "*",
		 brackets ? "]" : "", length, port);
}

bool peer_pattern_matches(const struct peer_pattern *pattern, const struct endpoint *peer)
{
	uint8_t address[16];

	if (pattern->port != 0 && pattern->port != peer->port)
		return false;
	if (pattern->family == 0)
		return true;
	if (pattern->family != peer->family)
		return false;
	memcpy(address, peer->address, sizeof(address));
	keep_prefix(address, pattern->prefix_length);
	return memcmp(address, pattern->address, address_bits(pattern->family) / 8) == 0;
}

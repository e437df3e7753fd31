/* Which of an agent's connections lead to its hub. */
#pragma once

#include "event.h"

enum { PEER_PATTERN_TEXT_SIZE = ENDPOINT_TEXT_SIZE + 4 };

struct peer_pattern {
	uint8_t family;        /* 0: any address */
	uint8_t prefix_length; /* bits of `address` that count */
	uint8_t address[16];   /* the bits that do not count are 0 */
	uint16_t port;         /* 0: any */
};

/* Reads "*:8883", "192.0.2.7:5671", "192.0.2.0/24:443", "[2001:db8::]/32:8883" or "*" into
 * `pattern`. Returns 0, or -EINVAL; host names are not resolved and therefore invalid. */
int peer_pattern_parse(const char *text, struct peer_pattern *pattern);

/* The same text back; always terminated, PEER_PATTERN_TEXT_SIZE bytes are enough. */
void peer_pattern_format(const struct peer_pattern *pattern, char *text, size_t size);

/* False for an endpoint that is not known, unless the pattern takes any. */
bool peer_pattern_matches(const struct peer_pattern *pattern, const struct endpoint *peer);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Patterns for the hub's addresses: they decide which of an agent's connections count. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/endpoint.h"

enum { PEER_PATTERN_TEXT_SIZE = ENDPOINT_TEXT_SIZE + 4 };

struct peer_pattern {
	uint8_t family;        /* 0: any address */
	uint8_t prefix_length; /* the significant bits of `address` */
	uint8_t address[16];   /* the other bits are 0 */
	uint16_t port;         /* 0: any */
};

/* Reads "*:8883", "192.0.2.7:5671", "192.0.2.0/24:443", "[2001:db8::]/32:8883" or "*" into
 * `pattern`. Returns 0, or -EINVAL; host names are not resolved and therefore invalid. */
int peer_pattern_parse(const char *text, struct peer_pattern *pattern);

/* Writes what peer_pattern_parse() reads. `text` is always terminated; PEER_PATTERN_TEXT_SIZE bytes
 * are enough. */
void peer_pattern_format(const struct peer_pattern *pattern, char *text, size_t size);

/* Returns true if `pattern` matches `peer`. Only "*" matches an endpoint that is not known. */
bool peer_pattern_matches(const struct peer_pattern *pattern, const struct endpoint *peer);

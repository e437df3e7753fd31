/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses and ports, as values and as text. */
#pragma once

#include <stdint.h>

enum {
	ADDRESS_TEXT_SIZE = 46,  /* INET6_ADDRSTRLEN */
	ENDPOINT_TEXT_SIZE = 56, /* an address in brackets, a colon, a port */
};

/* One end of a connection. */
struct endpoint {
	uint8_t family; /* AF_INET or AF_INET6; v4-mapped addresses are AF_INET. 0: not known */
	uint16_t port;  /* host byte order */
	uint8_t address[16]; /* network byte order; the first 4 bytes for AF_INET */
};

/* Formats the address of `endpoint` into `text` and returns `text`; "" when not known. */
const char *endpoint_address(const struct endpoint *endpoint, char text[static ADDRESS_TEXT_SIZE]);

/* Formats `endpoint` into `text` and returns `text`: "192.0.2.7:8883", "[2001:db8::7]:8883";
 * without a port "192.0.2.7" and "2001:db8::7"; "*" for an address that is not known. */
const char *endpoint_format(const struct endpoint *endpoint, char text[static ENDPOINT_TEXT_SIZE]);

/* Reads what endpoint_format() writes, and an IPv6 address in brackets without a port. Returns 0,
 * or -EINVAL. */
int endpoint_parse(const char *text, struct endpoint *endpoint);

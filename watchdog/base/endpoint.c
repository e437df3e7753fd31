/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

const char *endpoint_address(const struct endpoint *endpoint, char text[static ADDRESS_TEXT_SIZE])
{
	if (endpoint->family == 0 ||
	    !inet_ntop(endpoint->family, endpoint->address, text, ADDRESS_TEXT_SIZE))
		text[0] = '\0';
	return text;
}

const char *endpoint_format(const struct endpoint *endpoint, char text[static ENDPOINT_TEXT_SIZE])
{
	char address[ADDRESS_TEXT_SIZE];
	bool brackets = endpoint->family == AF_INET6 && endpoint->port != 0;

	endpoint_address(endpoint, address);
	if (address[0] == '\0')
		text_copy(address, sizeof(address), "*");
	if (endpoint->port == 0)
		snprintf(text, ENDPOINT_TEXT_SIZE, "%s", address);
	else
		snprintf(text, ENDPOINT_TEXT_SIZE, "%s%s%s:%u", brackets ? "[" : "", address,
			 brackets ? "]" : "", endpoint->port);
	return text;
}

static int port_parse(const char *text, uint16_t *port)
{
	unsigned long number = 0;

	if (*text == '\0')
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		number = 10 * number + (unsigned long)(*text - '0');
		if (number > UINT16_MAX)
			return -EINVAL;
	}
	*port = (uint16_t)number;
	return 0;
}

static int address_parse(const char *text, struct endpoint *endpoint)
{
	endpoint->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (strcmp(text, "*") == 0)
		endpoint->family = 0;
	else if (inet_pton(endpoint->family, text, endpoint->address) != 1)
		return -EINVAL;
	return 0;
}

int endpoint_parse(const char *text, struct endpoint *endpoint)
{
	char address[ENDPOINT_TEXT_SIZE];
	char *start = address, *port = NULL;

	if (text_copy(address, sizeof(address), text) < 0)
		return -EINVAL;
	*endpoint = (struct endpoint){ 0 };

	if (address[0] == '[') {
		char *end = strchr(address, ']');

		if (!end || (end[1] != '\0' && end[1] != ':'))
			return -EINVAL;
		start = address + 1;
		port = end[1] == ':' ? end + 2 : NULL;
		*end = '\0';
		if (!strchr(start, ':'))
			return -EINVAL;
	} else {
		char *colon = strchr(address, ':');

		if (colon && colon == strrchr(address, ':')) { /* more than one: bare IPv6 */
			*colon = '\0';
			port = colon + 1;
		}
	}
	if (port && port_parse(port, &endpoint->port) < 0)
		return -EINVAL;
	return address_parse(start, endpoint);
}

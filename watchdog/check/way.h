/* The way to a hub, step by step: DNS, route, TCP, TLS, certificate, clock. */
#pragma once

#include "check/step.h"

struct way {
	const char *host; /* a name or an address */
	uint16_t port;
	bool tls;
	const char *authorities; /* a file of certificates to trust; NULL: the system's */
};

/* Tells of each step up to the first that fails and keeps the next from being taken. */
void check_way(struct check *check, const struct way *way);

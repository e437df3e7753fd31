/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks the path to a hub, step by step: DNS, route, TCP, TLS, certificate, clock. */
#pragma once

#include "check/step.h"

struct way {
	const char *host; /* a name or an address */
	uint16_t port;
	bool tls;
	const char *authorities; /* a file of certificates to trust; NULL: the system's */
};

/* Checks each step, up to the first failure without which the next step makes no sense. */
void check_way(struct check *check, const struct way *way);

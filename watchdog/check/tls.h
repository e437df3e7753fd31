/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TLS to the hub, by OpenSSL. */
#pragma once

#include "check/way.h"

/* Checks the handshake on the connected, non-blocking socket `fd`; the certificate's name, chain
 * and validity; and the clock, if the port is 443. */
void check_tls(struct check *check, const struct way *way, int fd);

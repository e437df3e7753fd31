/* TLS as a client of the hub would do it, by OpenSSL. */
#pragma once

#include "check/way.h"

/* Tells of the handshake on the connected, non-blocking socket `fd`; of the certificate's name, its
 * chain and its validity; and of the clock, so far as it can be told. */
void check_tls(struct check *check, const struct way *way, int fd);

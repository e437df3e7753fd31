/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A listener on loopback, for the load programs. */
#pragma once

struct sockaddr_in;

/* Listens at a free port of 127.0.0.1, which is put into `*address`. Returns the socket; ends the
 * program if it cannot. */
int listen_on_loopback(struct sockaddr_in *address);

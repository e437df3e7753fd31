/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verdict on an agent whose name lookups fail: it cannot reconnect, because its hub has no
 * address. */
#pragma once

#include "record/record.h"
#include "verdict/circumstances.h"

/* glibc asks each of up to three name servers for 5 s (timeout: in resolv.conf(5), MAXNS in its
 * header): in a shorter silence, the last one may still answer. */
#define NAME_SERVER_SILENCE (15 * USEC_PER_SEC)

/* Overwrites `*verdict`: name-not-found, name-server-failing or name-server-silent, at most
 * `likely`. ENDED_BY is unknown: no socket ended. Reads of `given` settings, mode, time, path (to
 * the peer or, if none is known, to the name server) and `lookups`, where `failed` > 0. */
void verdict_on_lookups(const struct circumstances *given, struct verdict *verdict);

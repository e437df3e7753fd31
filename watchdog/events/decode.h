/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decodes the probe's records into events. The core knows their layout nowhere else. */
#pragma once

#include <stddef.h>

#include "events/event.h"

/* Decodes one record of `size` bytes at `data`, of any alignment, into `*event`. Reads nothing
 * beyond `size`; texts in `*event` are terminated whatever the record holds.
 *
 * Returns 0, or
 *   -EBADMSG         `size` is less than a header, or not what the header or the type says
 *   -EPROTO          the record has another PROBE_RECORD_VERSION
 *   -EOPNOTSUPP      the type is not known to this version
 *   -ERANGE          a state, reset reason, family, shutdown, signal or MQTT packet is out of range
 *
 * After an error `*event` is unspecified, and the caller counts the record as lost. */
int decode_record(const void *data, size_t size, struct event *event);

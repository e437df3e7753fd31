/* Probe record -> event. The only place in user space that knows the probe's layout. */
#pragma once

#include <stddef.h>

#include "event.h"

/* EVENT_SAMPLED records come many in a row, each of this size. */
enum { DECODE_SAMPLE_SIZE = 272 };

/* Decodes one ring buffer record of `size` bytes at `data` (any alignment) into `*event`.
 *
 * Returns 0, or
 *   -EBADMSG         shorter than its header or than it says, or longer than its type is
 *   -EPROTO          written by a probe of another PROBE_RECORD_VERSION
 *   -EOPNOTSUPP      a type this version does not know
 *   -ERANGE          a field holds a value outside its list (state, reset reason, family, MQTT)
 * On error `*event` is unspecified and the caller counts the record as lost. Never reads past
 * `size`. Text fields come out terminated, whatever the record held. */
int decode_record(const void *data, size_t size, struct event *event);

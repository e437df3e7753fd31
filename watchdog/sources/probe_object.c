/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/probe_object.h"

#include <stdbool.h>
#include <stdlib.h>
#include <zlib.h>

enum { GZIP = 16 }; /* inflateInit2(): the bytes have gzip's header */

static bool inflate_into(void *object, size_t size, const void *packed, size_t packed_size)
{
	z_stream stream = {
		.next_in = (Bytef *)packed,
		.avail_in = (uInt)packed_size,
		.next_out = object,
		.avail_out = (uInt)size,
	};
	bool whole;

	if (inflateInit2(&stream, GZIP + MAX_WBITS) != Z_OK)
		return false;
	whole = inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_out == 0;
	inflateEnd(&stream);
	return whole;
}

void *probe_object_unpack(const void *(*packed)(size_t *ret), size_t size)
{
	void *object = malloc(size);
	size_t packed_size;
	const void *bytes = packed(&packed_size);

	if (object && inflate_into(object, size, bytes, packed_size))
		return object;
	free(object);
	return NULL;
}

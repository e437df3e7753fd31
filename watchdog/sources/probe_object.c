/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/probe_object.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
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

/* What the packed bytes say at their end: records that packaging/slim_object.c has put into
 * columns.
 */
struct records {
	uint32_t begin, end, size;
};
enum { RECORDS = 2 };

/* Puts the records at `to` in order, from `from`. */
static void put_back(uint8_t *to, const uint8_t *from, const struct records *records)
{
	for (uint32_t column = 0; column < records->size; column++)
		for (uint32_t at = records->begin + column; at < records->end; at += records->size)
			to[at] = *from++;
}

void *probe_object_unpack(const void *(*packed)(size_t *ret), size_t size)
{
	const size_t whole = size + RECORDS * sizeof(struct records);
	uint8_t *object = malloc(2 * whole), *columns = object ? object + whole : NULL;
	size_t packed_size;
	const void *bytes = packed(&packed_size);
	struct records records[RECORDS];

	if (!columns || !inflate_into(columns, whole, bytes, packed_size)) {
		free(object);
		return NULL;
	}
	memcpy(object, columns, size);
	memcpy(records, columns + size, sizeof(records));
	for (unsigned i = 0; i < RECORDS; i++)
		put_back(object, columns + records[i].begin, &records[i]);
	return object;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The format is LZMA's own (.lzma, `xz --format=lzma`). A range coder has a number in the place of
 * the bits: for each, the part of the range that it is in tells whether it is 0, and how likely
 * that was is learned as it goes. The bits tell literals, and matches with what is unpacked
 * already. */
#include "support/packed_object.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "support/cleanup.h"

/* The header has the properties, the size of the dictionary, and that of the object. All that is
 * unpacked is the dictionary here, and the skeleton knows the size. */
enum { HEADER = 13 };

/* Of the properties there is one set (pb=3, lp=0, lc=0): where a bit is in 8 bytes, the size of an
 * instruction, tells much about it; the literal before a literal tells nothing. */
enum { PROPERTIES = (3 * 5 + 0) * 9 + 0, PLACES = 8 };

/* What came before, as far as it matters: the last two or three literals and matches. */
enum {
	ALL_LITERALS = 0,
	STATES_AFTER_LITERAL = 7, /* and those from here on are after a match */
	STATES = 12,
};

enum {
	SHORTEST = 2,       /* match */
	LENGTH_CLASSES = 4, /* of lengths, for what distances are likely */
	DISTANCES = 4,      /* that are remembered */
	FIRST_LONG_SLOT = 14,
	LOW_BITS = 4,         /* of a long distance, which have chances */
	MIDDLE_CHANCES = 115, /* of the trees of distances before */
};

/* How likely a bit is 0. */
typedef uint16_t chance;
enum { CERTAIN_BITS = 11, CERTAIN = 1 << CERTAIN_BITS, EVEN = CERTAIN / 2, INERTIA = 5 };

/* Trees of bits begin at 1: the bits so far, after a 1, are the index of the next one's chance. */
struct length_chances {
	chance above_low, above_middle;
	chance low[PLACES][1 << 3], middle[PLACES][1 << 3], high[1 << 8];
};

struct chances {
	chance match[STATES][PLACES];
	chance known_distance[STATES];
	chance not_last[STATES], not_second[STATES], not_third[STATES];
	chance longer_than_byte[STATES][PLACES];
	chance literal[3 << 8]; /* after a literal; after a match, where it went on with 0, with 1
				 */
	chance slot[LENGTH_CLASSES][1 << 6];
	chance middle[MIDDLE_CHANCES], low[1 << LOW_BITS];
	struct length_chances length, known_length;
};

struct unpacking {
	const uint8_t *packed, *end;
	bool beyond_end; /* more was read than there is */
	uint32_t range, code;
	uint8_t *object;
	size_t size, done;
	unsigned state;
	uint32_t distances[DISTANCES]; /* of the last matches, from the last one; less 1 */
	struct chances chances;
};

/* ---- bits */

static void take_byte(struct unpacking *on)
{
	on->beyond_end |= on->packed == on->end;
	on->code = on->code << 8 | (on->beyond_end ? 0 : *on->packed++);
}

static void widen(struct unpacking *on)
{
	if (on->range >> 24)
		return;
	on->range <<= 8;
	take_byte(on);
}

static unsigned take_bit(struct unpacking *on, chance *zero)
{
	uint32_t bound;

	widen(on);
	bound = (on->range >> CERTAIN_BITS) * *zero;
	if (on->code < bound) {
		on->range = bound;
		*zero = (chance)(*zero + ((CERTAIN - *zero) >> INERTIA));
		return 0;
	}
	on->range -= bound;
	on->code -= bound;
	*zero = (chance)(*zero - (*zero >> INERTIA));
	return 1;
}

static unsigned take_number(struct unpacking *on, chance *tree, unsigned bits)
{
	unsigned node = 1;

	for (unsigned i = 0; i < bits; i++)
		node = node << 1 | take_bit(on, &tree[node]);
	return node - (1U << bits);
}

/* The lowest bit comes first. */
static unsigned take_number_backwards(struct unpacking *on, chance *tree, unsigned bits)
{
	unsigned node = 1, number = 0;

	for (unsigned i = 0; i < bits; i++) {
		unsigned bit = take_bit(on, &tree[node]);

		node = node << 1 | bit;
		number |= bit << i;
	}
	return number;
}

/* Bits that are 0 as often as 1. */
static uint32_t take_plain_number(struct unpacking *on, unsigned bits)
{
	uint32_t number = 0;

	for (unsigned i = 0; i < bits; i++) {
		bool one;

		widen(on);
		on->range >>= 1;
		one = on->code >= on->range;
		on->code -= one ? on->range : 0;
		number = number << 1 | one;
	}
	return number;
}

/* ---- literals and matches */

static size_t place(const struct unpacking *on)
{
	return on->done % PLACES;
}

static bool after_literal(const struct unpacking *on)
{
	return on->state < STATES_AFTER_LITERAL;
}

/* A literal after a match is not the byte that the match went on with, but likely similar. */
static unsigned take_other_literal(struct unpacking *on, unsigned other)
{
	chance *chances = on->chances.literal;
	unsigned node = 1, alike = 1 << 8;

	while (node < 1 << 8) {
		unsigned expected = (other <<= 1) & alike;
		unsigned bit = take_bit(on, &chances[alike + expected + node]);

		node = node << 1 | bit;
		alike &= bit ? expected : ~expected;
	}
	return node;
}

static void take_literal(struct unpacking *on)
{
	unsigned literal =
		after_literal(on)
			? take_number(on, on->chances.literal, 8)
			: take_other_literal(on, on->object[on->done - on->distances[0] - 1]);

	on->object[on->done++] = (uint8_t)literal;
	if (on->state < 4)
		on->state = ALL_LITERALS;
	else
		on->state -= on->state < 10 ? 3 : 6;
}

static unsigned take_length(struct unpacking *on, struct length_chances *chances)
{
	if (!take_bit(on, &chances->above_low))
		return SHORTEST + take_number(on, chances->low[place(on)], 3);
	if (!take_bit(on, &chances->above_middle))
		return SHORTEST + 8 + take_number(on, chances->middle[place(on)], 3);
	return SHORTEST + 16 + take_number(on, chances->high, 8);
}

/* A slot has the two highest bits of a distance, and how many follow. */
static uint32_t take_distance(struct unpacking *on, unsigned length)
{
	struct chances *chances = &on->chances;
	unsigned class =
		length - SHORTEST < LENGTH_CLASSES ? length - SHORTEST : LENGTH_CLASSES - 1;
	unsigned slot = take_number(on, chances->slot[class], 6), bits = slot / 2 - 1;
	uint32_t least;

	if (slot < 4)
		return slot;
	least = (2 + slot % 2) << bits;
	if (slot < FIRST_LONG_SLOT)
		return least + take_number_backwards(on, &chances->middle[least - slot], bits);
	least += take_plain_number(on, bits - LOW_BITS) << LOW_BITS;
	return least + take_number_backwards(on, chances->low, LOW_BITS);
}

/* Puts `distance` before those of which it was number `was`. */
static void remember(struct unpacking *on, uint32_t distance, unsigned was)
{
	for (; was > 0; was--)
		on->distances[was] = on->distances[was - 1];
	on->distances[0] = distance;
}

static unsigned take_match(struct unpacking *on)
{
	unsigned length = take_length(on, &on->chances.length);

	on->state = after_literal(on) ? 7 : 10;
	remember(on, take_distance(on, length), DISTANCES - 1);
	return length;
}

/* A match at one of the last distances. */
static unsigned take_known_match(struct unpacking *on)
{
	struct chances *chances = &on->chances;
	unsigned state = on->state, number = 0;

	if (take_bit(on, &chances->not_last[state]))
		number = !take_bit(on, &chances->not_second[state])
				 ? 1
				 : 2 + take_bit(on, &chances->not_third[state]);
	else if (!take_bit(on, &chances->longer_than_byte[state][place(on)])) {
		on->state = after_literal(on) ? 9 : 11;
		return 1;
	}
	remember(on, on->distances[number], number);
	on->state = after_literal(on) ? 8 : 11;
	return take_length(on, &chances->known_length);
}

static bool copy(struct unpacking *on, unsigned length)
{
	if (on->distances[0] >= on->done || length > on->size - on->done)
		return false;
	for (; length > 0; length--, on->done++)
		on->object[on->done] = on->object[on->done - on->distances[0] - 1];
	return true;
}

static bool take_next(struct unpacking *on)
{
	if (!take_bit(on, &on->chances.match[on->state][place(on)])) {
		take_literal(on);
		return true;
	}
	return copy(on, take_bit(on, &on->chances.known_distance[on->state]) ? take_known_match(on)
									     : take_match(on));
}

/* ---- an object */

static void begin(struct unpacking *on)
{
	chance *chances = (chance *)&on->chances;

	for (size_t i = 0; i < sizeof(on->chances) / sizeof(*chances); i++)
		chances[i] = EVEN;
	on->range = UINT32_MAX;
	for (unsigned i = 0; i < 1 + sizeof(on->code); i++)
		take_byte(on); /* the first is always 0 */
}

void *packed_object_unpack(const void *(*packed)(size_t *ret), size_t size)
{
	_cleanup_free_ void *object = malloc(size);
	size_t packed_size;
	const uint8_t *bytes = packed(&packed_size);
	struct unpacking on = { .object = object, .size = size };

	if (!object || packed_size < HEADER || bytes[0] != PROPERTIES)
		return NULL;
	on.packed = bytes + HEADER;
	on.end = bytes + packed_size;
	begin(&on);
	while (on.done < size)
		if (!take_next(&on))
			return NULL;
	return on.beyond_end ? NULL : STEAL_POINTER(object);
}

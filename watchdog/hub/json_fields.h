/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads a JSON object (RFC 8259), field by field, without allocating. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { JSON_DEPTH_MAX = 16, JSON_TEXT_SIZE = 2048 };

/* Takes one value that is neither object nor array. `name` is the name of its field, "" in an
 * array; names of objects around it do not matter to hubs. `value` is unescaped and printable
 * ASCII: every other byte is '?'; longer ones are cut. Valid during the call. */
typedef void (*json_take)(void *userdata, const char *name, const char *value);

/* Returns false if `text` is not one JSON object, or too deep. Fields before the mistake were
 * taken. */
bool json_fields(const char *text, size_t size, json_take take, void *userdata);

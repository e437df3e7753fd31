/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes JSON (RFC 8259), one value after the other, with the commas between them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *stream;
	bool follows; /* the next value needs a comma */
};

/* Writes `text` in quotes. It must be UTF-8. */
void json_quote(FILE *stream, const char *text);

/* `name` is NULL inside an array and at the top. `bracket` is '{' or '['. */
void json_open(struct json *json, const char *name, char bracket);
void json_close(struct json *json, char bracket);
void json_string(struct json *json, const char *name, const char *value);
void json_number(struct json *json, const char *name, uint64_t value);
void json_boolean(struct json *json, const char *name, bool value);

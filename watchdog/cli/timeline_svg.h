/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The timeline as an SVG picture. */
#pragma once

#include <stdio.h>

#include "cli/agents_past.h"

/* Writes one SVG document without external resources. Returns 0 or -errno. */
int timeline_svg_write(FILE *stream, const struct agents_past *past);

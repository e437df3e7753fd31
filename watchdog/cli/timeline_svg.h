/* The timeline as a picture. */
#pragma once

#include <stdio.h>

#include "cli/agents_past.h"

/* Writes one SVG document that refers to nothing outside of it. Returns 0 or -errno. */
int timeline_svg_write(FILE *stream, const struct agents_past *past);

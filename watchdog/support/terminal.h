/* What the terminal can show, and a pager in front of it. */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

/* True if `stream` is a terminal that wants colour: no TERM=dumb, no NO_COLOR (no-color.org). */
bool terminal_wants_colour(FILE *stream);

/* True if the locale's encoding is UTF-8. */
bool terminal_is_utf8(void);

/* The columns of standard output; 80 if it is no terminal. */
unsigned terminal_width(void);

/* Puts a pager behind standard output if that is a terminal: $SYSTEMD_PAGER, else $PAGER, else
 * less; "" and "cat" mean none. Returns its process, 0 for none; to be handed to pager_finish()
 * once all is printed. */
pid_t pager_start(void);
void pager_finish(pid_t pager);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The abilities of the terminal, and a pager in front of it. */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

/* Returns true if `stream` is a terminal that wants colour: no TERM=dumb, no NO_COLOR
 * (no-color.org). */
bool terminal_wants_colour(FILE *stream);

/* Returns true if the locale's encoding is UTF-8. */
bool terminal_is_utf8(void);

/* Returns the columns of standard output; 80 if it is no terminal. */
unsigned terminal_width(void);

/* Returns true if the pager must not open a shell, an editor or another file: systemd's rule,
 * $SYSTEMD_PAGERSECURE in systemctl(1). True if that variable is neither absent nor a false
 * boolean. Without it: if this process acts with the rights of another user, by sudo, pkexec, doas,
 * su or a set-user-ID bit. */
bool pager_is_secure(void);

/* Returns the command of the pager, for the shell: $SYSTEMD_PAGER, else $PAGER, else less. Only
 * less if it must be secure and $SYSTEMD_PAGERSECURE does not say so. NULL for "" and "cat": none.
 * The text is the environment's. */
const char *pager_command(void);

/* Starts pager_command() for standard output if that is a terminal, with LESSSECURE=1 if
 * pager_is_secure(). Returns its process, to be given to pager_finish() once all is printed; 0:
 * there is none. */
pid_t pager_start(void);
void pager_finish(pid_t pager);

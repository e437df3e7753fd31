/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of system calls. */
#pragma once

/* Returns the name of system call `number` of this architecture, if it is one of those in which
 * programs wait or use a disk; else NULL. Static text. */
const char *system_call_name(int number);

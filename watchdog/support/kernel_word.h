/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The word of the running kernel. Programs of 32 bits may run on one of 64. */
#pragma once

/* Returns the size of the kernel's pointers and of its `unsigned long`: 4 or 8. */
unsigned kernel_word(void);

/* Likewise of a kernel whose `machine` is that of uname(2). */
unsigned kernel_word_of(const char *machine);

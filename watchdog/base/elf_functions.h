/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the functions lie that a program or a library exports: what ld.so(8) would find in its ELF
 * file (elf(5)). The file may be anybody's: whatever it holds, at most ELF_READS_MAX reads are
 * made, of ELF_READ_MAX bytes each, and all memory is on the stack. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ELF_FUNCTIONS_MAX = 8,
	ELF_NAME_SIZE = 32,    /* of a function, with the null byte */
	ELF_READ_MAX = 2048,   /* bytes */
	ELF_READS_MAX = 20000, /* each is a system call: some 10 ms in all */
};

/* A file, by a function that reads `size` bytes from `offset` on into `buffer`, and returns false
 * if the file has not that many there. */
struct elf_file {
	bool (*read)(void *userdata, uint64_t offset, void *buffer, size_t size);
	void *userdata;
};

/* Fills in `offsets`, in bytes from the beginning of the file, of the `count` functions in `names`
 * (ELF_FUNCTIONS_MAX at most, each shorter than ELF_NAME_SIZE). Each offset is above 0, and the
 * file has a byte there. Returns 0; or -ENOENT if one of them is not exported, or the file is no
 * program and no library of this machine's word size and byte order. */
int elf_functions_find(const struct elf_file *file, const char *const *names, unsigned count,
		       uint64_t *offsets);

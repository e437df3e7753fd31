/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/resident_set.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	SEGMENTS_MAX = 32,
	LARGE_BLOCK =
		128 * 1024, /* the default of malloc(3); once set, it no longer grows by itself */
};

void resident_set_keep_small(void)
{
	mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
}

/* Gives back pages that are not mapped for writing: nobody has written there, so nothing is lost
 * (madvise(2)). */
static void give_back(uintptr_t begin, uintptr_t end)
{
	uintptr_t start = begin & -(uintptr_t)sysconf(_SC_PAGESIZE);

	madvise((void *)start, end - start, MADV_DONTNEED);
}

static int give_back_object(struct dl_phdr_info *object, size_t size, void *userdata)
{
	ElfW(Phdr) segments[SEGMENTS_MAX]; /* a copy: the table itself lies in one of them */
	unsigned count = object->dlpi_phnum < SEGMENTS_MAX ? object->dlpi_phnum : SEGMENTS_MAX;

	(void)size, (void)userdata;
	memcpy(segments, object->dlpi_phdr, count * sizeof(*segments));
	for (unsigned i = 0; i < count; i++) {
		uintptr_t begin = object->dlpi_addr + segments[i].p_vaddr;

		if (segments[i].p_type == PT_LOAD && !(segments[i].p_flags & PF_W))
			give_back(begin, begin + segments[i].p_memsz);
	}
	return 0;
}

void resident_set_shrink(void)
{
	malloc_trim(0);
	dl_iterate_phdr(give_back_object, NULL);
}

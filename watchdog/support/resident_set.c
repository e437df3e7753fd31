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
	STACK_BELOW = 512 * 1024,
	STACK_KEPT = 8 * 1024, /* for the calls on the way to the kernel */
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

void resident_set_drop(const void *memory, size_t size)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t begin = ((uintptr_t)memory + page - 1) & -page;
	uintptr_t end = ((uintptr_t)memory + size) & -page;

	if (end > begin)
		madvise((void *)begin, end - begin, MADV_DONTNEED);
}

/* The kernel keeps a gap of 1 MiB below a stack (stack_guard_gap), so there is nothing else in this
 * range. */
static void give_back_stack(void)
{
	const char *frame = __builtin_frame_address(0);

	resident_set_drop(frame - STACK_BELOW, STACK_BELOW - STACK_KEPT);
}

void resident_set_shrink(void)
{
	malloc_trim(0);
	give_back_stack();
	dl_iterate_phdr(give_back_object, NULL);
}

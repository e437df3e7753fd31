/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever is in a file named libssl: the reader ends after so many reads, asks for no more bytes
 * at once than it says, and each offset that it gives is one of the file. */
#include "base/elf_functions.h"

#include "fuzz.h"

struct input {
	const uint8_t *data;
	size_t size;
	unsigned reads;
};

static bool read_input(void *userdata, uint64_t offset, void *buffer, size_t size)
{
	struct input *input = userdata;

	MUST(++input->reads <= ELF_READS_MAX);
	MUST(size > 0 && size <= ELF_READ_MAX);
	if (size > input->size || offset > input->size - size)
		return false;
	memcpy(buffer, input->data + offset, size);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "SSL_read", "SSL_read_ex", "SSL_write", "SSL_write_ex",
					     "SSL_free" };
	enum { COUNT = sizeof(names) / sizeof(names[0]) };
	struct input input = { data, size, 0 };
	const struct elf_file file = { read_input, &input };
	uint64_t offsets[COUNT];

	if (elf_functions_find(&file, names, COUNT, offsets) == 0)
		for (unsigned i = 0; i < COUNT; i++)
			MUST(offsets[i] > 0 && offsets[i] < size);
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/elf_functions.h"

#include <errno.h>
#include <limits.h>
#include <link.h>
#include <string.h>

enum {
	SEGMENTS_MAX = ELF_READ_MAX / sizeof(ElfW(Phdr)), /* a library has about 10 */
	DYNAMIC_MAX = 256, /* entries of the dynamic section; a library has about 30 */
	CHAIN_MAX = 512,   /* symbols with the same place in the hash table; about 3 are usual */
};

#define NATIVE_CLASS (sizeof(ElfW(Addr)) == 8 ? ELFCLASS64 : ELFCLASS32)
#define NATIVE_DATA  (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB)

/* Tables are named by their addresses, as in a process; 0: there is none. */
struct image {
	const struct elf_file *file;
	unsigned segment_count;
	ElfW(Phdr) segments[SEGMENTS_MAX];
	uint64_t symbols, names, gnu_hash, hash;
};

/* ---- reading by offset and by address */

static bool read_at(const struct image *image, uint64_t offset, void *buffer, size_t size)
{
	return image->file->read(image->file->userdata, offset, buffer, size);
}

/* Returns the offset in the file of what a process sees at `address`; 0 if that is not in the file.
 * Nothing that is looked for begins there: the ELF header does. */
static uint64_t offset_of(const struct image *image, uint64_t address)
{
	for (unsigned i = 0; i < image->segment_count; i++) {
		const ElfW(Phdr) *segment = &image->segments[i];

		if (segment->p_type == PT_LOAD && address >= segment->p_vaddr &&
		    address - segment->p_vaddr < segment->p_filesz)
			return segment->p_offset + (address - segment->p_vaddr);
	}
	return 0;
}

static bool read_address(const struct image *image, uint64_t address, void *buffer, size_t size)
{
	uint64_t offset = offset_of(image, address);

	return offset != 0 && read_at(image, offset, buffer, size);
}

/* Returns entry `number` of a table of 32-bit words; 0 if it cannot be read. 0 ends each chain. */
static uint32_t word(const struct image *image, uint64_t table, uint64_t number)
{
	uint32_t value;

	return read_address(image, table + number * sizeof(value), &value, sizeof(value)) ? value
											  : 0;
}

/* ---- what ld.so(8) reads first */

static bool is_native(const ElfW(Ehdr) * header)
{
	return memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
	       header->e_ident[EI_CLASS] == NATIVE_CLASS &&
	       header->e_ident[EI_DATA] == NATIVE_DATA &&
	       (header->e_type == ET_DYN || header->e_type == ET_EXEC);
}

static bool read_segments(struct image *image)
{
	ElfW(Ehdr) header;

	if (!read_at(image, 0, &header, sizeof(header)) || !is_native(&header) ||
	    header.e_phentsize != sizeof(image->segments[0]) || header.e_phnum == 0 ||
	    header.e_phnum > SEGMENTS_MAX)
		return false;
	image->segment_count = header.e_phnum;
	return read_at(image, header.e_phoff, image->segments,
		       header.e_phnum * sizeof(image->segments[0]));
}

static void take_dynamic(struct image *image, const ElfW(Dyn) * entry)
{
	switch (entry->d_tag) {
	case DT_SYMTAB:
		image->symbols = entry->d_un.d_ptr;
		break;
	case DT_STRTAB:
		image->names = entry->d_un.d_ptr;
		break;
	case DT_GNU_HASH:
		image->gnu_hash = entry->d_un.d_ptr;
		break;
	case DT_HASH:
		image->hash = entry->d_un.d_ptr;
		break;
	}
}

static bool read_dynamic(struct image *image)
{
	uint64_t offset = 0;
	ElfW(Dyn) entry;

	for (unsigned i = 0; i < image->segment_count; i++)
		if (image->segments[i].p_type == PT_DYNAMIC)
			offset = image->segments[i].p_offset;
	for (unsigned i = 0; i < DYNAMIC_MAX && offset != 0; i++) {
		if (!read_at(image, offset + i * sizeof(entry), &entry, sizeof(entry)) ||
		    entry.d_tag == DT_NULL)
			break;
		take_dynamic(image, &entry);
	}
	return image->symbols && image->names && (image->gnu_hash || image->hash);
}

/* ---- looking a name up */

/* Returns the function's offset if symbol `number` defines it, else 0. */
static uint64_t function_at(const struct image *image, uint32_t number, const char *name)
{
	size_t size = strlen(name) + 1;
	char found[ELF_NAME_SIZE];
	ElfW(Sym) symbol;
	uint64_t offset;

	if (!read_address(image, image->symbols + (uint64_t)number * sizeof(symbol), &symbol,
			  sizeof(symbol)) ||
	    ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_shndx == SHN_UNDEF ||
	    !read_address(image, image->names + symbol.st_name, found, size) ||
	    memcmp(found, name, size) != 0)
		return 0;
	offset = offset_of(image, symbol.st_value);
	return offset != 0 && read_at(image, offset, found, 1) ? offset : 0;
}

/* glibc's _dl_setup_hash() and check_match(): the numbers of buckets, of the first symbol and of
 * the words of a bloom filter, and its shift; then the filter, which only saves time, the buckets,
 * and a hash for each symbol, whose lowest bit ends a chain. */
static uint64_t find_by_gnu_hash(const struct image *image, const char *name)
{
	uint32_t header[4], hash = 5381, number;
	uint64_t buckets, chains, offset = 0;

	if (!read_address(image, image->gnu_hash, header, sizeof(header)) || header[0] == 0)
		return 0;
	for (const char *c = name; *c; c++)
		hash = hash * 33 + (unsigned char)*c;
	buckets = image->gnu_hash + sizeof(header) + (uint64_t)header[2] * sizeof(ElfW(Addr));
	chains = buckets + (uint64_t)header[0] * sizeof(uint32_t);
	number = word(image, buckets, hash % header[0]);
	for (unsigned i = 0; i < CHAIN_MAX && number >= header[1] && offset == 0; i++, number++) {
		uint32_t other = word(image, chains, number - header[1]);

		if ((other | 1) == (hash | 1))
			offset = function_at(image, number, name);
		if (other & 1)
			break;
	}
	return offset;
}

/* System V ABI, "Hash Table": the numbers of buckets and of symbols, buckets, chains. */
static uint64_t find_by_hash(const struct image *image, const char *name)
{
	uint32_t bucket_count = word(image, image->hash, 0), hash = 0, number;
	uint64_t offset = 0;

	if (bucket_count == 0)
		return 0;
	for (const char *c = name; *c; c++) {
		hash = (hash << 4) + (unsigned char)*c;
		hash = (hash ^ (hash >> 24 & 0xf0)) & 0x0fffffff;
	}
	number = word(image, image->hash, 2 + hash % bucket_count);
	for (unsigned i = 0; i < CHAIN_MAX && number != STN_UNDEF && offset == 0; i++) {
		offset = function_at(image, number, name);
		number = word(image, image->hash, 2 + (uint64_t)bucket_count + number);
	}
	return offset;
}

int elf_functions_find(const struct elf_file *file, const char *const *names, unsigned count,
		       uint64_t *offsets)
{
	struct image image = { .file = file };

	if (!read_segments(&image) || !read_dynamic(&image))
		return -ENOENT;
	for (unsigned i = 0; i < count; i++) {
		offsets[i] = image.gnu_hash ? find_by_gnu_hash(&image, names[i])
					    : find_by_hash(&image, names[i]);
		if (offsets[i] == 0)
			return -ENOENT;
	}
	return 0;
}

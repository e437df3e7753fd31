/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/elf_functions.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

#include "suite.h"
#include "support/cleanup.h"

/* The smallest library that exports a function. It is in memory as it is in the file, but a page
 * further on. */
enum { BASE = 0x1000, ENTRIES = 5 };

struct library {
	ElfW(Ehdr) header;
	ElfW(Phdr) segments[2];
	ElfW(Dyn) dynamic[ENTRIES];
	struct {
		uint32_t bucket_count, first, bloom_count, bloom_shift;
		ElfW(Addr) bloom;
		uint32_t bucket, chain[2];
	} gnu_hash;
	struct {
		uint32_t bucket_count, chain_count, bucket, chain[3];
	} hash;
	ElfW(Sym) symbols[3];
	char names[32];
	char code[16];
};

#define AT(member) (BASE + offsetof(struct library, member))

static const char *const wanted[] = { "SSL_read" };

static uint32_t gnu_hash_of(const char *name)
{
	uint32_t hash = 5381;

	for (; *name; name++)
		hash = hash * 33 + (unsigned char)*name;
	return hash;
}

static void begin(struct library *library)
{
	*library = (struct library){
		.header = { .e_type = ET_DYN,
			    .e_phoff = offsetof(struct library, segments),
			    .e_phentsize = sizeof(ElfW(Phdr)),
			    .e_phnum = 2 },
		.segments = { { .p_type = PT_LOAD,
				.p_vaddr = BASE,
				.p_filesz = sizeof(struct library) },
			      { .p_type = PT_DYNAMIC,
				.p_offset = offsetof(struct library, dynamic) } },
		.dynamic = { { DT_SYMTAB, { AT(symbols) } },
			     { DT_STRTAB, { AT(names) } },
			     { DT_GNU_HASH, { AT(gnu_hash) } } },
		.gnu_hash = { .bucket_count = 1, .first = 1, .bloom_count = 1, .bucket = 1 },
		.hash = { .bucket_count = 1, .chain_count = 3, .bucket = 1, .chain = { 0, 2, 0 } },
		.names = "\0SSL_free\0SSL_read",
	};
	memcpy(library->header.e_ident, ELFMAG, SELFMAG);
	library->header.e_ident[EI_CLASS] = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
	library->header.e_ident[EI_DATA] =
		__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
	library->gnu_hash.chain[0] = gnu_hash_of("SSL_free") & ~1U;
	library->gnu_hash.chain[1] = gnu_hash_of("SSL_read") | 1;
	for (unsigned i = 1; i <= 2; i++)
		library->symbols[i] = (ElfW(Sym)){
			.st_name = i == 1 ? 1 : 10,
			.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
			.st_shndx = 1,
			.st_value = AT(code) + i,
		};
}

static void without_gnu_hash(struct library *library)
{
	library->dynamic[2] = (ElfW(Dyn)){ DT_HASH, { AT(hash) } };
}

/* ---- the file, and what is read of it */

struct memory {
	const void *start;
	size_t size;
	unsigned reads;
	bool endless; /* what is not there is 2 all over: no chain ends, each number is odd */
};

static bool read_memory(void *userdata, uint64_t offset, void *buffer, size_t size)
{
	struct memory *memory = userdata;

	memory->reads++;
	if (size <= memory->size && offset <= memory->size - size)
		memcpy(buffer, (const char *)memory->start + offset, size);
	else if (memory->endless)
		memset(buffer, 2, size);
	else
		return false;
	return true;
}

static int find(const struct library *library, bool endless, uint64_t *offset)
{
	struct memory memory = { library, sizeof(*library), 0, endless };
	const struct elf_file file = { read_memory, &memory };
	int r = elf_functions_find(&file, wanted, 1, offset);

	CU_ASSERT(memory.reads <= ELF_READS_MAX);
	return r;
}

static bool pread_whole(void *userdata, uint64_t offset, void *buffer, size_t size)
{
	return pread(*(int *)userdata, buffer, size, (off_t)offset) == (ssize_t)size;
}

/* ---- tests */

static void a_function_is_found(void)
{
	struct library library;
	uint64_t offset = 0;

	begin(&library);
	CU_ASSERT_EQUAL(find(&library, false, &offset), 0);
	CU_ASSERT_EQUAL(offset, offsetof(struct library, code) + 2);
	without_gnu_hash(&library);
	CU_ASSERT_EQUAL(find(&library, false, &offset), 0);
	CU_ASSERT_EQUAL(offset, offsetof(struct library, code) + 2);
}

static void empty(struct library *library)
{
	memset(library, 0, sizeof(*library));
}

static void of_another_word_size(struct library *library)
{
	library->header.e_ident[EI_CLASS] ^= ELFCLASS32 ^ ELFCLASS64;
}

static void core_dump(struct library *library)
{
	library->header.e_type = ET_CORE;
}

static void many_segments(struct library *library)
{
	library->header.e_phnum = 60000;
}

static void no_dynamic_section(struct library *library)
{
	library->segments[1].p_type = PT_NULL;
}

static void far_dynamic_section(struct library *library)
{
	library->segments[1].p_offset = UINTPTR_MAX - 4;
}

static void no_hash_table(struct library *library)
{
	library->dynamic[2].d_tag = DT_NULL;
}

static void no_buckets(struct library *library)
{
	library->gnu_hash.bucket_count = 0;
}

static void no_buckets_of_the_older_kind(struct library *library)
{
	without_gnu_hash(library);
	library->hash.bucket_count = 0;
}

static void bucket_beyond_the_end(struct library *library)
{
	library->gnu_hash.bucket = UINT32_MAX;
}

static void chain_in_a_circle(struct library *library)
{
	without_gnu_hash(library);
	library->hash.chain[1] = 1;
}

static void name_without_end(struct library *library)
{
	memset(library->names + 10, 'S', sizeof(library->names) - 10);
}

static void imported(struct library *library)
{
	library->symbols[2].st_shndx = SHN_UNDEF;
}

static void variable(struct library *library)
{
	library->symbols[2].st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT);
}

static void outside_of_the_segments(struct library *library)
{
	library->symbols[2].st_value = AT(code) + sizeof(library->code);
}

static void beyond_the_end_of_the_file(struct library *library)
{
	library->segments[0].p_filesz = UINTPTR_MAX - BASE;
	library->symbols[2].st_value = (uintptr_t)1 << 31;
}

#define ROW(name)           \
	{                   \
#name, name \
	}
static const struct {
	const char *name;
	void (*spoil)(struct library *library);
} rows[] = {
	ROW(empty),
	ROW(of_another_word_size),
	ROW(core_dump),
	ROW(many_segments),
	ROW(no_dynamic_section),
	ROW(far_dynamic_section),
	ROW(no_hash_table),
	ROW(no_buckets),
	ROW(no_buckets_of_the_older_kind),
	ROW(bucket_beyond_the_end),
	ROW(chain_in_a_circle),
	ROW(name_without_end),
	ROW(imported),
	ROW(variable),
	ROW(outside_of_the_segments),
	ROW(beyond_the_end_of_the_file),
};

static void others_are_refused(void)
{
	struct library library;
	uint64_t offset = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin(&library);
		rows[i].spoil(&library);
		CHECK(find(&library, false, &offset) == -ENOENT, rows[i].name);
	}
}

/* Sparse, and everywhere as its author likes: reading it all would never end. */
static void an_endless_file_is_left_in_time(void)
{
	struct library library;
	uint64_t offset = 0;

	begin(&library);
	library.segments[0].p_filesz = UINTPTR_MAX - BASE;
	library.gnu_hash.bucket_count = UINT32_MAX;
	CU_ASSERT_EQUAL(find(&library, true, &offset), -ENOENT);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin(&library);
		library.segments[0].p_filesz = UINTPTR_MAX - BASE;
		rows[i].spoil(&library);
		find(&library, true, &offset); /* counts the reads */
	}
}

/* The C library of this machine, as its linker made it. */
static void it_is_as_the_dynamic_linker_has_it(void)
{
	static const char *const name[] = { "readdir" };
	const uintptr_t address = (uintptr_t)readdir;
	_cleanup_fclose_ FILE *maps = fopen("/proc/self/maps", "re");
	uint64_t begin_at = 0, end = 0, start = 0, offset = 0;
	char line[4352], path[4096] = "";
	_cleanup_close_ int fd = -1;

	CU_ASSERT_PTR_NOT_NULL_FATAL(maps);
	while (fgets(line, sizeof(line), maps) && !(address >= begin_at && address < end))
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %*s %*s %4095s",
			   &begin_at, &end, &start, path) < 3)
			end = 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(
		elf_functions_find(&(struct elf_file){ pread_whole, &fd }, name, 1, &offset), 0);
	CU_ASSERT_EQUAL(offset, address - begin_at + start);
}

SUITE("elf_functions", { "a function is found", a_function_is_found },
      { "others are refused", others_are_refused },
      { "an endless file is left in time", an_endless_file_is_left_in_time },
      { "it is as the dynamic linker has it", it_is_as_the_dynamic_linker_has_it })

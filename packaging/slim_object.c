/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* slim_object FILE...: takes out of BPF objects what loading them does not need. A build tool.
 *
 * - The line info of .BTF.ext (struct btf_ext_header of libbpf): it only makes the log of the
 *   verifier easier to read.
 * - The labels of basic blocks, LBB...: clang gives them symbols, and no relocation refers to them.
 *   Their names are blanked, so that they pack to nothing.
 *
 * Both were two fifths of an object, and each program of connwatch has the objects in it. */
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LABEL "LBB"

/* The beginning of .BTF.ext; offsets count from its end. */
struct btf_ext_header {
	uint16_t magic;
	uint8_t version;
	uint8_t flags;
	uint32_t header_length;
	uint32_t func_info_offset, func_info_length;
	uint32_t line_info_offset, line_info_length;
	uint32_t relocations_offset, relocations_length;
};

static void fail(const char *path, const char *what)
{
	fprintf(stderr, "slim_object: %s: %s\n", path, what);
	exit(EXIT_FAILURE);
}

/* ---- line info */

static void drop_lines(const char *path, Elf_Data *data)
{
	struct btf_ext_header header;
	char *rest;

	if (data->d_size < sizeof(header))
		fail(path, ".BTF.ext is too short");
	memcpy(&header, data->d_buf, sizeof(header));
	rest = (char *)data->d_buf + header.header_length;
	if (header.header_length < sizeof(header) ||
	    header.line_info_offset + header.line_info_length != header.relocations_offset ||
	    header.header_length + header.relocations_offset + header.relocations_length !=
		    data->d_size)
		fail(path, ".BTF.ext has another layout");
	memmove(rest + header.line_info_offset, rest + header.relocations_offset,
		header.relocations_length);
	data->d_size -= header.line_info_length;
	header.relocations_offset = header.line_info_offset;
	header.line_info_length = 0;
	memcpy(data->d_buf, &header, sizeof(header));
	elf_flagdata(data, ELF_C_SET, ELF_F_DIRTY);
}

/* ---- labels */

static bool is_label(Elf *elf, size_t strings, const GElf_Sym *symbol)
{
	const char *name = elf_strptr(elf, strings, symbol->st_name);

	return name && GELF_ST_TYPE(symbol->st_info) == STT_NOTYPE &&
	       GELF_ST_BIND(symbol->st_info) == STB_LOCAL &&
	       strncmp(name, LABEL, strlen(LABEL)) == 0;
}

/* Closes the gaps. `moved` gets the new number of each symbol. */
static void drop_labels(Elf *elf, Elf_Scn *section, Elf_Data *data, size_t *moved)
{
	size_t count = data->d_size / sizeof(Elf64_Sym), kept = 0;
	GElf_Shdr header;
	GElf_Sym symbol;

	gelf_getshdr(section, &header);
	for (size_t i = 0; i < count; i++) {
		gelf_getsym(data, (int)i, &symbol);
		moved[i] = kept;
		if (is_label(elf, header.sh_link, &symbol)) {
			header.sh_info--; /* one local symbol less */
			continue;
		}
		gelf_update_sym(data, (int)kept++, &symbol);
	}
	data->d_size = kept * sizeof(Elf64_Sym);
	gelf_update_shdr(section, &header);
}

static void blank_label_names(Elf *elf, Elf_Scn *symbols)
{
	GElf_Shdr header;
	Elf_Data *data;
	char *names;

	gelf_getshdr(symbols, &header);
	data = elf_getdata(elf_getscn(elf, header.sh_link), NULL);
	names = data->d_buf;
	for (size_t at = 0, length; at < data->d_size; at += length + 1) {
		length = strlen(names + at);
		if (strncmp(names + at, LABEL, strlen(LABEL)) == 0)
			memset(names + at, 0, length);
	}
	elf_flagdata(data, ELF_C_SET, ELF_F_DIRTY);
}

static void renumber(Elf_Data *data, const size_t *moved)
{
	GElf_Rel relocation;

	for (int i = 0; gelf_getrel(data, i, &relocation); i++) {
		size_t symbol = moved[GELF_R_SYM(relocation.r_info)];

		relocation.r_info = GELF_R_INFO(symbol, GELF_R_TYPE(relocation.r_info));
		gelf_update_rel(data, i, &relocation);
	}
}

/* ---- a file */

static Elf_Scn *find_symbols(Elf *elf)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	while ((section = elf_nextscn(elf, section)) && gelf_getshdr(section, &header))
		if (header.sh_type == SHT_SYMTAB)
			break;
	return section;
}

static void slim(const char *path, Elf *elf)
{
	Elf_Scn *symbols = find_symbols(elf), *section = NULL;
	Elf_Data *data = symbols ? elf_getdata(symbols, NULL) : NULL;
	size_t *moved, names;

	if (!data || elf_getshdrstrndx(elf, &names) < 0)
		fail(path, "no BPF object");
	moved = calloc(data->d_size / sizeof(Elf64_Sym), sizeof(*moved));
	if (!moved)
		fail(path, "no memory");
	drop_labels(elf, symbols, data, moved);
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;

		gelf_getshdr(section, &header);
		if (header.sh_type == SHT_REL)
			renumber(elf_getdata(section, NULL), moved);
		if (strcmp(elf_strptr(elf, names, header.sh_name), ".BTF.ext") == 0)
			drop_lines(path, elf_getdata(section, NULL));
	}
	blank_label_names(elf, symbols);
	free(moved);
}

int main(int argc, char **argv)
{
	elf_version(EV_CURRENT);
	for (int i = 1; i < argc; i++) {
		int fd = open(argv[i], O_RDWR | O_CLOEXEC);
		Elf *elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_RDWR, NULL);

		if (!elf || gelf_getclass(elf) != ELFCLASS64)
			fail(argv[i], "no ELF object of 64 bits");
		slim(argv[i], elf);
		if (elf_update(elf, ELF_C_WRITE) < 0)
			fail(argv[i], elf_errmsg(-1));
		elf_end(elf);
		close(fd);
	}
	return EXIT_SUCCESS;
}

#include "probe_functions.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <string.h>

#include "support/cleanup.h"

DEFINE_CLEANUP(Elf *, elf_end);

/* A symbol has an address, its section says what lies where in the file (elf(5)). */
static uint64_t offset_of(Elf *elf, const GElf_Sym *symbol)
{
	Elf_Scn *section = elf_getscn(elf, symbol->st_shndx);
	GElf_Shdr header;

	if (symbol->st_shndx == SHN_UNDEF || !gelf_getshdr(section, &header))
		return 0;
	return symbol->st_value - header.sh_addr + header.sh_offset;
}

/* Fills in the offsets of those functions that are defined in one symbol table. */
static void look_through(Elf *elf, Elf_Scn *section, const GElf_Shdr *header,
			 const char *const *names, unsigned count, uint64_t *offsets)
{
	Elf_Data *data = elf_getdata(section, NULL);
	const char *name;
	GElf_Sym symbol;

	for (int i = 0; data && gelf_getsym(data, i, &symbol); i++) {
		if (GELF_ST_TYPE(symbol.st_info) != STT_FUNC)
			continue;
		name = elf_strptr(elf, header->sh_link, symbol.st_name);
		for (unsigned k = 0; name && k < count; k++)
			if (!offsets[k] && strcmp(name, names[k]) == 0)
				offsets[k] = offset_of(elf, &symbol);
	}
}

int functions_find(const char *path, const char *const *names, unsigned count, uint64_t *offsets)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_(elf_end_held) Elf *elf = NULL;
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	if (fd < 0)
		return -errno;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	memset(offsets, 0, count * sizeof(*offsets));
	while (elf && (section = elf_nextscn(elf, section)))
		if (gelf_getshdr(section, &header) &&
		    (header.sh_type == SHT_DYNSYM || header.sh_type == SHT_SYMTAB))
			look_through(elf, section, &header, names, count, offsets);
	for (unsigned i = 0; i < count; i++)
		if (!offsets[i])
			return -ENOENT;
	return 0;
}

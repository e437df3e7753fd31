/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/probe_types.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sources/probe_btf.h"
#include "sources/probe_late.h"
#include "support/cleanup.h"

struct probe_types {
	const char *path;
	const uint8_t *bytes; /* the file */
	size_t size;
	bool is_mapped;
	const uint8_t *types; /* within it */
	const char *names;
	uint32_t names_size;
	uint32_t *offsets; /* by number, from 1: where in `types` it is */
	uint32_t count;    /* one more than the highest number */
	uint32_t *targets; /* numbers of what probe_types_find() finds */
	uint32_t targets_count;
	struct btf *whole; /* libbpf reads it: we cannot. NULL: we can */
	int cut;           /* the file in memory, or -EBADF */
	char cut_path[PROBE_BTF_PATH_SIZE];
};

/* ---- one type */

enum { HEAD = sizeof(struct btf_type) / sizeof(uint32_t) };

/* A type in words: a head, whose last word may be the number of another type; what comes behind it,
 * once or for each of its parts; the first number of another type, and how many there are (of parts
 * each has one); whether a part begins with its name. */
static const struct kind {
	uint8_t once, each, reference, references;
	bool is_data, has_names;
} KINDS[] = {
	[BTF_KIND_INT] = { .once = 1, .is_data = true },
	[BTF_KIND_PTR] = { .reference = 2, .references = 1, .is_data = true },
	[BTF_KIND_ARRAY] = { .once = 3, .reference = HEAD, .references = 2, .is_data = true },
	[BTF_KIND_STRUCT] = { .each = 3,
			      .reference = HEAD + 1,
			      .is_data = true,
			      .has_names = true },
	[BTF_KIND_UNION] = { .each = 3, .reference = HEAD + 1, .is_data = true, .has_names = true },
	[BTF_KIND_ENUM] = { .each = 2, .is_data = true, .has_names = true },
	[BTF_KIND_FWD] = { .is_data = true },
	[BTF_KIND_TYPEDEF] = { .reference = 2, .references = 1, .is_data = true },
	[BTF_KIND_VOLATILE] = { .reference = 2, .references = 1, .is_data = true },
	[BTF_KIND_CONST] = { .reference = 2, .references = 1, .is_data = true },
	[BTF_KIND_RESTRICT] = { .reference = 2, .references = 1, .is_data = true },
	[BTF_KIND_FUNC_PROTO] = { .each = 2 },
	[BTF_KIND_VAR] = { .once = 1 },
	[BTF_KIND_DATASEC] = { .each = 3 },
	[BTF_KIND_FLOAT] = { .is_data = true },
	[BTF_KIND_DECL_TAG] = { .once = 1 },
	[BTF_KIND_TYPE_TAG] = { .reference = 2, .references = 1, .is_data = true },
	[BTF_KIND_ENUM64] = { .each = 3, .is_data = true, .has_names = true },
};
enum { KINDS_COUNT = sizeof(KINDS) / sizeof(KINDS[0]) };

static const struct kind *kind_of(const struct btf_type *type)
{
	return &KINDS[btf_kind(type)];
}

static size_t size_of(const struct btf_type *type)
{
	const struct kind *kind = kind_of(type);

	return sizeof(uint32_t) * (HEAD + kind->once + (size_t)kind->each * btf_vlen(type));
}

/* Returns the number of other types that the type names. */
static uint32_t count_references(const struct btf_type *type)
{
	const struct kind *kind = kind_of(type);

	return kind->each && kind->reference ? btf_vlen(type) : kind->references;
}

static uint32_t *reference_of(struct btf_type *type, uint32_t index)
{
	const struct kind *kind = kind_of(type);

	return (uint32_t *)type + kind->reference + (size_t)index * (kind->each ?: 1);
}

static struct btf_type *type_at(const struct probe_types *types, uint32_t number)
{
	return (struct btf_type *)(types->types + types->offsets[number]);
}

static const char *name_at(const struct probe_types *types, uint32_t offset)
{
	return offset < types->names_size ? types->names + offset : "";
}

/* ---- reading */

static void read_all(struct probe_types *types, int fd)
{
	uint8_t *bytes = malloc(types->size);
	size_t have = 0;
	ssize_t n;

	while (bytes && have < types->size && (n = read(fd, bytes + have, types->size - have)) > 0)
		have += (size_t)n;
	types->size = have;
	types->bytes = bytes;
}

/* The kernel's own can be mapped since 6.16. */
static int read_file(struct probe_types *types)
{
	_cleanup_close_ int fd = open(types->path, O_RDONLY | O_CLOEXEC);
	struct stat file;
	void *mapped;

	if (fd < 0 || fstat(fd, &file) < 0)
		return -errno;
	types->size = (size_t)file.st_size;
	mapped = mmap(NULL, types->size, PROT_READ, MAP_PRIVATE, fd, 0);
	types->is_mapped = mapped != MAP_FAILED;
	if (types->is_mapped)
		types->bytes = mapped;
	else
		read_all(types, fd);
	return types->bytes ? 0 : -ENOMEM;
}

/* Finds the two parts of the file. Returns the size of the types; 0: it is not as expected. */
static size_t find_parts(struct probe_types *types)
{
	const struct btf_header *header = (const void *)types->bytes;
	size_t types_at, names_at;

	if (types->size < sizeof(*header) || header->magic != BTF_MAGIC ||
	    header->hdr_len < sizeof(*header))
		return 0;
	types_at = (size_t)header->hdr_len + header->type_off;
	names_at = (size_t)header->hdr_len + header->str_off;
	if (types_at % sizeof(uint32_t) || types_at + header->type_len > types->size ||
	    names_at + header->str_len > types->size || header->str_len == 0 ||
	    types->bytes[names_at + header->str_len - 1] != '\0')
		return 0;
	types->types = types->bytes + types_at;
	types->names = (const char *)types->bytes + names_at;
	types->names_size = header->str_len;
	return header->type_len;
}

static bool begins_with(const char *text, const char *begin)
{
	return strncmp(text, begin, strlen(begin)) == 0;
}

static bool is_target(const struct probe_types *types, const struct btf_type *type)
{
	const char *name = name_at(types, type->name_off);

	return btf_is_func(type) ? begins_with(name, "bpf_")
				 : btf_is_typedef(type) && begins_with(name, "btf_trace_");
}

/* Lists where each type is. Returns false if there is a kind that we do not know. */
static bool list_types(struct probe_types *types, size_t size)
{
	size_t most = size / sizeof(struct btf_type) + 1, at = 0;

	types->offsets = malloc(2 * most * sizeof(*types->offsets));
	if (!types->offsets)
		return false;
	types->targets = types->offsets + most;
	for (types->count = 1; at + sizeof(struct btf_type) <= size; types->count++) {
		const struct btf_type *type = (const void *)(types->types + at);

		if (btf_kind(type) >= KINDS_COUNT || btf_kind(type) == 0)
			return false;
		types->offsets[types->count] = (uint32_t)at;
		if (is_target(types, type))
			types->targets[types->targets_count++] = types->count;
		at += size_of(type);
	}
	return at == size;
}

/* ---- what the programs know */

struct wanted_name {
	const char *name;
	size_t length;
};

struct wanted {
	struct wanted_name *names;
	size_t count;
	uint32_t lengths[256]; /* by the first byte: a bit for each length, modulo 32 */
};

static bool is_named_kind(const struct btf_type *type)
{
	return btf_is_composite(type) || btf_is_any_enum(type) || btf_is_typedef(type);
}

/* What follows "___" in a name tells the programs' types of one name apart. */
static void list_wanted(struct wanted *wanted, const struct btf *known)
{
	for (uint32_t i = 1; i < btf__type_cnt(known); i++) {
		const struct btf_type *type = btf__type_by_id(known, i);
		const char *name = btf__name_by_offset(known, type->name_off), *end;
		size_t length;

		if (!is_named_kind(type) || !name || !*name)
			continue;
		end = strstr(name + 1, "___");
		length = end ? (size_t)(end - name) : strlen(name);
		wanted->names[wanted->count++] = (struct wanted_name){ name, length };
		wanted->lengths[(uint8_t)*name] |= 1U << length % 32;
	}
}

static bool is_wanted(const struct wanted *wanted, const char *name)
{
	uint32_t lengths = wanted->lengths[(uint8_t)*name];
	size_t length = lengths ? strlen(name) : 0;

	if (!(lengths >> length % 32 & 1))
		return false;
	for (size_t i = 0; i < wanted->count; i++)
		if (wanted->names[i].length == length &&
		    memcmp(wanted->names[i].name, name, length) == 0)
			return true;
	return false;
}

/* ---- the file in memory */

/* Types that go into it, in their order there. */
struct selection {
	uint32_t *numbers; /* by number there, from 1 */
	uint32_t *places;  /* by number in the kernel: that there; 0: none */
	uint32_t count;    /* one more than the highest number there */
};

static void select_type(const struct probe_types *types, struct selection *selection,
			uint32_t number)
{
	if (selection->places[number] || !kind_of(type_at(types, number))->is_data)
		return;
	selection->places[number] = selection->count;
	selection->numbers[selection->count++] = number;
}

/* What a type contains goes with it, and not what it points to. */
static int select_contained(const struct probe_types *types, struct selection *selection)
{
	for (uint32_t i = 1; i < selection->count; i++) {
		struct btf_type *type = type_at(types, selection->numbers[i]);
		uint32_t count = btf_is_ptr(type) ? 0 : count_references(type);

		for (uint32_t j = 0; j < count; j++) {
			uint32_t number = *reference_of(type, j);

			if (number >= types->count)
				return -EINVAL;
			if (number)
				select_type(types, selection, number);
		}
	}
	return 0;
}

/* The numbers go too: they tell how long a pointer is. */
static int select_types(const struct probe_types *types, const struct wanted *wanted,
			struct selection *selection)
{
	for (uint32_t number = 1; number < types->count; number++) {
		const struct btf_type *type = type_at(types, number);

		if (btf_is_int(type) || (is_named_kind(type) && type->name_off &&
					 is_wanted(wanted, name_at(types, type->name_off))))
			select_type(types, selection, number);
	}
	return select_contained(types, selection);
}

/* The file: its types, and their names behind them. */
struct cut {
	uint8_t *types;
	char *names;
	size_t types_size, names_size, names_room;
};

/* Has the word name what it names in the file that was read. */
static void add_name(const struct probe_types *types, struct cut *cut, uint32_t *word)
{
	const char *name = name_at(types, *word);
	size_t size = strlen(name) + 1;

	*word = 0;
	if (size == 1 || size > cut->names_room - cut->names_size)
		return;
	memcpy(cut->names + cut->names_size, name, size);
	*word = (uint32_t)cut->names_size;
	cut->names_size += size;
}

static void add_type(const struct probe_types *types, const struct selection *selection,
		     uint32_t number, struct cut *cut)
{
	size_t size = size_of(type_at(types, number));
	struct btf_type *type = memcpy(cut->types + cut->types_size, type_at(types, number), size);
	const struct kind *kind = kind_of(type);

	cut->types_size += size;
	for (uint32_t i = 0; i < count_references(type); i++) {
		uint32_t *word = reference_of(type, i);

		*word = *word < types->count ? selection->places[*word] : 0;
	}
	for (uint32_t i = 0; kind->has_names && i < btf_vlen(type); i++)
		add_name(types, cut, (uint32_t *)type + HEAD + (size_t)i * kind->each);
	add_name(types, cut, &type->name_off);
}

static bool write_all(int fd, const void *bytes, size_t size)
{
	return write(fd, bytes, size) == (ssize_t)size;
}

/* All are no longer than what was read, but for names that several of them have. */
static int write_file(const struct probe_types *types, const struct selection *selection)
{
	_cleanup_free_ uint8_t *room = malloc(3 * types->size);
	struct cut cut = { .types = room, .names_size = 1, .names_room = 2 * types->size };
	struct btf_header header = {
		.magic = BTF_MAGIC,
		.version = BTF_VERSION,
		.hdr_len = sizeof(header),
	};

	if (!room)
		return -ENOMEM;
	cut.names = (char *)room + types->size;
	cut.names[0] = '\0';
	for (uint32_t i = 1; i < selection->count; i++)
		add_type(types, selection, selection->numbers[i], &cut);
	header.str_off = header.type_len = (uint32_t)cut.types_size;
	header.str_len = (uint32_t)cut.names_size;
	lseek(types->cut, 0, SEEK_SET);
	return write_all(types->cut, &header, sizeof(header)) &&
			       write_all(types->cut, cut.types, cut.types_size) &&
			       write_all(types->cut, cut.names, cut.names_size)
		       ? 0
		       : -EIO;
}

int probe_types_cut(struct probe_types *types, const struct btf *known)
{
	_cleanup_free_ struct wanted_name *names = calloc(btf__type_cnt(known), sizeof(*names));
	_cleanup_free_ uint32_t *numbers = calloc(2 * (size_t)types->count, sizeof(*numbers));
	struct selection selection = { .numbers = numbers, .count = 1 };
	struct wanted wanted = { .names = names };
	int r;

	if (types->whole)
		return 0;
	if (!names || !numbers)
		return -ENOMEM;
	selection.places = numbers + types->count;
	list_wanted(&wanted, known);
	r = select_types(types, &wanted, &selection);
	return r < 0 ? r : write_file(types, &selection);
}

/* ---- the targets of programs */

/* Those of the load that is going on. */
static const struct probe_types *loading;

/* Called by libbpf for each program on a tracepoint, and for each iterator. Its name for the target
 * is behind the slash. */
static int find_target(struct bpf_program *program, struct bpf_prog_load_opts *options,
		       long is_iterator)
{
	const char *target = strchr(bpf_program__section_name(program), '/');
	char name[128];

	if (!options->attach_prog_fd) { /* it has no types, or is prepared already */
		probe_late_keep(program, options);
		return 0;
	}
	options->attach_prog_fd = 0;
	snprintf(name, sizeof(name), "%s%s", is_iterator ? "bpf_iter_" : "btf_trace_",
		 target ? target + 1 : "");
	options->attach_btf_id =
		probe_types_find(loading, is_iterator ? BTF_KIND_FUNC : BTF_KIND_TYPEDEF, name);
	if (!options->attach_btf_id)
		return -ESRCH;
	probe_late_keep(program, options);
	return 0;
}

/* For good: libbpf's objects point to it as long as they are open. */
static int register_with_libbpf(void)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, of_tracepoint, .prog_prepare_load_fn = find_target);
	LIBBPF_OPTS(libbpf_prog_handler_opts, of_iterator, .prog_prepare_load_fn = find_target,
		    .cookie = true);
	static bool done;
	int r;

	if (done)
		return 0;
	r = libbpf_register_prog_handler("raw_tp+", BPF_PROG_TYPE_RAW_TRACEPOINT, 0,
					 &of_tracepoint);
	if (r >= 0)
		r = libbpf_register_prog_handler("iter+", BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER,
						 &of_iterator);
	done = r >= 0;
	return r;
}

uint32_t probe_types_find(const struct probe_types *types, uint32_t kind, const char *name)
{
	int32_t number;

	for (uint32_t i = 0; i < types->targets_count; i++) {
		const struct btf_type *type = type_at(types, types->targets[i]);

		if (btf_kind(type) == kind && strcmp(name_at(types, type->name_off), name) == 0)
			return types->targets[i];
	}
	number = types->whole ? btf__find_by_name_kind(types->whole, name, kind) : 0;
	return number > 0 ? (uint32_t)number : 0;
}

/* ---- opening */

static int prepare(struct probe_types *types)
{
	size_t size;
	int r = read_file(types);

	if (r < 0)
		return r;
	size = find_parts(types);
	if (size == 0 || !list_types(types, size)) {
		types->targets_count = 0;
		types->whole = btf__parse(types->path, NULL);
		return types->whole ? 0 : -errno;
	}
	types->cut = memfd_create("btf", MFD_CLOEXEC);
	if (types->cut < 0)
		return -errno;
	snprintf(types->cut_path, sizeof(types->cut_path), "/proc/self/fd/%d", types->cut);
	return 0;
}

int probe_types_open(struct probe_types **ret, const char *btf)
{
	struct probe_types *types = calloc(1, sizeof(*types));
	int r = types ? register_with_libbpf() : -ENOMEM;

	if (r >= 0) {
		types->path = btf ?: PROBE_BTF_OF_KERNEL;
		types->cut = -EBADF;
		r = prepare(types);
		loading = types;
	}
	if (r < 0) {
		probe_types_free(types);
		return r;
	}
	*ret = types;
	return 0;
}

struct probe_types *probe_types_free(struct probe_types *types)
{
	loading = NULL;
	if (!types)
		return NULL;
	btf__free(types->whole);
	free(types->offsets);
	if (types->is_mapped)
		munmap((void *)types->bytes, types->size);
	else
		free((void *)types->bytes);
	if (types->cut >= 0)
		close(types->cut);
	free(types);
	return NULL;
}

const char *probe_types_path(const struct probe_types *types)
{
	return types->whole ? types->path : types->cut_path;
}

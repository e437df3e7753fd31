/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libbpf gets those of the kernel's types that the programs know, with all that is inside of them,
 * as they are. */
#include "sources/probe_types.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "suite.h"

/* A kernel's types: a socket with an array of enums in a part without a name, a pointer to a file;
 * a function, and a tracepoint. */
static struct btf *make_kernel(void)
{
	struct btf *btf = btf__new_empty();
	int number = btf__add_int(btf, "unsigned int", 4, 0), file, color, colors, part, prototype,
	    constant, pointer;

	file = btf__add_struct(btf, "file", 4);
	btf__add_field(btf, "mode", number, 0, 0);
	prototype = btf__add_func_proto(btf, number);
	btf__add_func_param(btf, "file", file);
	color = btf__add_enum(btf, "color", 4);
	btf__add_enum_value(btf, "RED", 3);
	btf__add_enum_value(btf, "BLUE", 7);
	colors = btf__add_array(btf, number, color, 2);
	part = btf__add_union(btf, NULL, 8);
	btf__add_field(btf, "colors", colors, 0, 0);
	constant = btf__add_const(btf, number);
	pointer = btf__add_ptr(btf, file);
	btf__add_struct(btf, "sock", 32);
	btf__add_field(btf, "state", constant, 0, 0);
	btf__add_field(btf, "part", part, 64, 0);
	btf__add_field(btf, "file", pointer, 128, 0);
	btf__add_field(btf, "flag", number, 192, 1);
	btf__add_typedef(btf, "btf_trace_opened", btf__add_ptr(btf, prototype));
	btf__add_func(btf, "bpf_iter_sock", BTF_FUNC_GLOBAL, prototype);
	return btf;
}

/* Returns a descriptor of a file in memory with its path. */
static int write_btf(const struct btf *btf, uint8_t change_at, uint8_t change, char path[static 32])
{
	int fd = memfd_create("kernel", MFD_CLOEXEC);
	uint32_t size;
	uint8_t *bytes = (uint8_t *)btf__raw_data(btf, &size);

	bytes[change_at] ^= change;
	CU_ASSERT_EQUAL(write(fd, bytes, size), (ssize_t)size);
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

/* The types that the programs know: the socket under two names. */
static struct btf *make_known(void)
{
	struct btf *btf = btf__new_empty();

	btf__add_struct(btf, "sock___later", 4);
	btf__add_struct(btf, "no_type_of_the_kernel", 4);
	return btf;
}

static const char *name_of(const struct btf *btf, uint32_t offset)
{
	return btf__name_by_offset(btf, offset);
}

static void check_sock(const struct btf *cut)
{
	int number = btf__find_by_name_kind(cut, "sock", BTF_KIND_STRUCT);
	const struct btf_type *sock = btf__type_by_id(cut, number > 0 ? (uint32_t)number : 0);
	const struct btf_member *members = btf_members(sock);
	const struct btf_type *part, *color;

	CU_ASSERT_FATAL(number > 0 && btf_vlen(sock) == 4);
	CU_ASSERT_EQUAL(sock->size, 32);
	CU_ASSERT_STRING_EQUAL(name_of(cut, members[3].name_off), "flag");
	CU_ASSERT_EQUAL(btf_member_bit_offset(sock, 3), 192);
	CU_ASSERT_STRING_EQUAL(name_of(cut, members[1].name_off), "part");
	part = btf__type_by_id(cut, members[1].type);
	CU_ASSERT_EQUAL(btf__resolve_size(cut, btf_members(part)->type), 8);
	color = btf__type_by_id(cut,
				btf_array(btf__type_by_id(cut, btf_members(part)->type))->type);
	CU_ASSERT_STRING_EQUAL(name_of(cut, color->name_off), "color");
	CU_ASSERT_STRING_EQUAL(name_of(cut, btf_enum(color)[1].name_off), "BLUE");
	CU_ASSERT_EQUAL(btf_enum(color)[1].val, 7);
	CU_ASSERT(btf_is_ptr(btf__type_by_id(cut, members[2].type)));
}

static void what_the_programs_know_is_cut_out(void)
{
	struct btf *kernel = make_kernel(), *known = make_known(), *cut;
	struct probe_types *types = NULL;
	char path[32];
	int fd = write_btf(kernel, 0, 0, path);

	CU_ASSERT_EQUAL_FATAL(probe_types_open(&types, path), 0);
	CU_ASSERT_EQUAL(probe_types_cut(types, known), 0);
	cut = btf__parse(probe_types_path(types), NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(cut);
	check_sock(cut);
	CU_ASSERT(btf__find_by_name(cut, "file") < 0);
	CU_ASSERT(btf__find_by_name(cut, "bpf_iter_sock") < 0);
	CU_ASSERT(btf__type_cnt(cut) < btf__type_cnt(kernel));
	btf__free(cut);
	probe_types_free(types);
	close(fd);
	btf__free(known);
	btf__free(kernel);
}

static void check_targets(const struct btf *kernel, const struct probe_types *types)
{
	static const struct {
		const char *name;
		uint32_t kind;
		bool found;
	} rows[] = {
		{ "bpf_iter_sock", BTF_KIND_FUNC, true },
		{ "btf_trace_opened", BTF_KIND_TYPEDEF, true },
		{ "bpf_iter_sock", BTF_KIND_TYPEDEF, false },
		{ "bpf_iter_soc", BTF_KIND_FUNC, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int32_t number = btf__find_by_name_kind(kernel, rows[i].name, rows[i].kind);

		CHECK(probe_types_find(types, rows[i].kind, rows[i].name) ==
			      (rows[i].found ? (uint32_t)number : 0),
		      rows[i].name);
	}
}

static void targets_are_found(void)
{
	struct btf *kernel = make_kernel();
	struct probe_types *types = NULL;
	char path[32];
	int fd = write_btf(kernel, 0, 0, path);

	CU_ASSERT_EQUAL_FATAL(probe_types_open(&types, path), 0);
	check_targets(kernel, types);
	probe_types_free(types);
	close(fd);
	btf__free(kernel);
}

/* A type that contains one that is not there. */
static void what_is_damaged_is_refused(void)
{
	struct btf *kernel = btf__new_empty(), *known = make_known();
	struct probe_types *types = NULL;
	char path[32];
	int fd;

	libbpf_set_print(NULL);
	btf__add_struct(kernel, "sock", 4);
	btf__add_field(kernel, "state", 1000, 0, 0);
	fd = write_btf(kernel, 0, 0, path);
	CU_ASSERT_EQUAL_FATAL(probe_types_open(&types, path), 0);
	CU_ASSERT(probe_types_cut(types, known) == -EINVAL);
	types = probe_types_free(types);
	close(fd);
	fd = write_btf(kernel, 0, 1, path); /* its first byte says that it is BTF */
	CU_ASSERT(probe_types_open(&types, path) < 0);
	close(fd);
	CU_ASSERT(probe_types_open(&types, "/proc/self/fd/-1") == -ENOENT);
	btf__free(known);
	btf__free(kernel);
}

SUITE("probe_types", { "what the programs know is cut out", what_the_programs_know_is_cut_out },
      { "targets are found", targets_are_found },
      { "what is damaged is refused", what_is_damaged_is_refused })

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file of BTF that is not of the running kernel is refused, and says why. */
#include "sources/probe_btf.h"

#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "suite.h"

enum { LARGE = 100000 };

/* A kernel's types, as far as they are compared; members are numbers of 4 bytes. */
static const struct {
	const char *name;
	uint32_t size;
	const char *members[5];
	uint32_t offsets[5];
} TYPES[] = {
	{ "sock_common", 100, { "skc_family", "skc_state" }, { 16, 20 } },
	{ "sock", 700, { "__sk_common", "sk_err", "sk_err_soft" }, { 0, 400, 404 } },
	{ "inet_connection_sock", 1200, { "icsk_inet", "icsk_retransmits" }, { 0, 1000 } },
	{ "tcp_sock",
	  2000,
	  { "rcv_nxt", "copied_seq", "write_seq", "snd_una", "inet_conn" },
	  { 1300, 1304, 1308, 1312, 0 } },
	{ "task_struct", 9000, { "tgid", "comm", "signal" }, { 2000, 2004, 2020 } },
	{ "signal_struct", 900, { "group_exit_code" }, { 100 } },
};
enum { TYPES_COUNT = sizeof(TYPES) / sizeof(TYPES[0]) };

/* What one file has otherwise. */
struct change {
	const char *without; /* a member */
	const char *moved;   /* a member */
	uint32_t to;         /* where it is then */
	const char *resized; /* a type */
	uint32_t size;       /* how large it is then */
	size_t word;         /* 0: no type of that size */
	bool other_endianness;
};

static bool is_named(const char *name, const char *changed)
{
	return changed && strcmp(name, changed) == 0;
}

static void add_type(struct btf *btf, size_t index, int number, const struct change *change)
{
	const char *name = TYPES[index].name;

	btf__add_struct(btf, name,
			is_named(name, change->resized) ? change->size : TYPES[index].size);
	for (size_t i = 0; i < 5 && TYPES[index].members[i]; i++) {
		const char *member = TYPES[index].members[i];
		uint32_t offset =
			is_named(member, change->moved) ? change->to : TYPES[index].offsets[i];

		if (!is_named(member, change->without))
			btf__add_field(btf, member, number, offset * 8, 0);
	}
}

/* Returns a descriptor of a file in memory. */
static int write_file(const void *bytes, size_t size)
{
	int fd = memfd_create("btf", MFD_CLOEXEC);

	if (write(fd, bytes, size) != (ssize_t)size)
		abort();
	return fd;
}

static int make_file(const struct change *change)
{
	struct btf *btf = btf__new_empty();
	int number = btf__add_int(btf, "int", 4, BTF_INT_SIGNED), fd;
	const void *bytes;
	uint32_t size;

	if (change->word)
		btf__add_int(btf, "long unsigned int", change->word, 0);
	for (size_t i = 0; i < TYPES_COUNT; i++)
		add_type(btf, i, number, change);
	if (change->other_endianness)
		btf__set_endianness(btf, __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
						 ? BTF_BIG_ENDIAN
						 : BTF_LITTLE_ENDIAN);
	bytes = btf__raw_data(btf, &size);
	fd = write_file(bytes, size);
	btf__free(btf);
	return fd;
}

static const struct probe_btf_kernel of_64_bits = { .word = 8, .machine = "x86_64" };

static void a_file_of_another_kernel_is_refused(void)
{
	static const struct {
		const char *name;
		struct change change;
		const char *says; /* NULL: it is taken */
	} rows[] = {
		{ "a kernel's file", { .word = 8 }, NULL },
		{ "a file that was cut down to what is read", { .word = 0 }, NULL },
		{ "32 bits", { .word = 4 }, "32 bits, and this one (x86_64) has 64" },
		{ "the other order", { .word = 8, .other_endianness = true }, "order of bytes" },
		{ "a member that is missing", { .without = "rcv_nxt" }, "tcp_sock.rcv_nxt" },
		{ "a member of a task", { .without = "signal" }, "lacks task_struct.signal" },
		{ "inside of what comes first",
		  { .moved = "snd_una", .to = 1196 },
		  "tcp_sock.snd_una is at 1196 of 2000" },
		{ "behind the end", { .moved = "comm", .to = 9000 }, "task_struct.comm" },
		{ "a type too large",
		  { .resized = "signal_struct", .size = LARGE },
		  "signal_struct.group_exit_code" },
	};
	char reason[PROBE_BTF_REASON_SIZE];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int fd = make_file(&rows[i].change);
		int r = probe_btf_compare(fd, &of_64_bits, reason);

		CHECK(r == (rows[i].says ? -ENOEXEC : 0), rows[i].name);
		CHECK(!rows[i].says || strstr(reason, rows[i].says), rows[i].name);
		close(fd);
	}
}

static void what_is_no_btf_is_refused(void)
{
	struct btf *btf = btf__new_empty();
	char reason[PROBE_BTF_REASON_SIZE];
	const struct {
		const char *name;
		int fd;
		const char *says;
	} rows[] = {
		{ "nothing", write_file("", 0), "empty" },
		{ "text", write_file("BTF of the kernel", 17), "not BTF" },
		{ "a directory", open("/", O_RDONLY | O_CLOEXEC), "no file" },
		{ "a device", open("/dev/zero", O_RDONLY | O_CLOEXEC), "no file" },
		{ "too much", write_file("", 0), "64 MiB" },
		{ "no types", write_file("", 0), "lacks sock_common.skc_family" },
		{ "a part of a file", make_file(&(struct change){ 0 }), "not BTF" },
	};
	enum { TOO_MUCH = 4, NO_TYPES, A_PART, COUNT };
	uint32_t size;
	const void *bytes = btf__raw_data(btf, &size);

	CU_ASSERT_EQUAL(ftruncate(rows[TOO_MUCH].fd, (64 << 20) + 1), 0);
	CU_ASSERT_EQUAL(write(rows[NO_TYPES].fd, bytes, size), (ssize_t)size);
	CU_ASSERT_EQUAL(ftruncate(rows[A_PART].fd, 200), 0);
	for (size_t i = 0; i < COUNT; i++) {
		CHECK(probe_btf_compare(rows[i].fd, &of_64_bits, reason) == -ENOEXEC, rows[i].name);
		CHECK(strstr(reason, rows[i].says) != NULL, rows[i].name);
		close(rows[i].fd);
	}
	btf__free(btf);
}

SUITE("probe_btf", { "a file of another kernel is refused", a_file_of_another_kernel_is_refused },
      { "what is no BTF is refused", what_is_no_btf_is_refused })

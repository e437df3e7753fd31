/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/probe_btf.h"

#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "sources/probe_self_test.h"
#include "support/cleanup.h"
#include "support/kernel_word.h"

#define OWN_FILES "/usr/lib/connwatch/btf"

/* The BTF of a kernel with everything built in takes some 12 MiB. */
#define SIZE_MAX_FILE (64 << 20)

/* Of a complaint, with a path in it. */
enum { TEXT_SIZE = PATH_MAX + 512 };

/* No type of the kernel that the probe reads is larger. */
#define SIZE_MAX_TYPE (64 << 10)

DEFINE_CLEANUP(struct btf *, btf__free);

__attribute__((format(printf, 2, 3))) static int refuse(char reason[static PROBE_BTF_REASON_SIZE],
							const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason, PROBE_BTF_REASON_SIZE, format, arguments);
	va_end(arguments);
	return -ENOEXEC;
}

/* ---- what the types of every kernel have in common */

/* Of what the probe reads. `inside`: a type that is the first part of this one, and before all
 * other members; NULL: the member may be anywhere. */
static const struct {
	const char *type;
	const char *member;
	const char *inside;
} KNOWN[] = {
	{ "sock_common", "skc_family", NULL },
	{ "sock_common", "skc_state", NULL },
	{ "sock", "sk_err", "sock_common" },
	{ "sock", "sk_err_soft", "sock_common" },
	{ "inet_connection_sock", "icsk_retransmits", "sock" },
	{ "tcp_sock", "rcv_nxt", "inet_connection_sock" },
	{ "tcp_sock", "copied_seq", "inet_connection_sock" },
	{ "tcp_sock", "write_seq", "inet_connection_sock" },
	{ "tcp_sock", "snd_una", "inet_connection_sock" },
	{ "task_struct", "tgid", NULL },
	{ "task_struct", "comm", NULL },
	{ "task_struct", "signal", NULL },
	{ "signal_struct", "group_exit_code", NULL },
};

static const struct btf_type *find_struct(const struct btf *btf, const char *name)
{
	int32_t id = btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT);

	return id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;
}

/* Returns the offset of a member in bytes, or -ENOENT. */
static int64_t find_member(const struct btf *btf, const struct btf_type *type, const char *name)
{
	const struct btf_member *members = btf_members(type);

	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		const char *here = btf__name_by_offset(btf, members[i].name_off);

		if (here && strcmp(here, name) == 0)
			return btf_member_bit_offset(type, i) / 8;
	}
	return -ENOENT;
}

static int compare_member(const struct btf *btf, size_t index,
			  char reason[static PROBE_BTF_REASON_SIZE])
{
	const char *type = KNOWN[index].type, *member = KNOWN[index].member;
	const struct btf_type *found = find_struct(btf, type), *inside;
	int64_t offset = found ? find_member(btf, found, member) : -ENOENT;
	uint32_t begin = 0;

	if (offset < 0)
		return refuse(reason, "it lacks %s.%s, which the probe reads", type, member);
	if (KNOWN[index].inside) {
		inside = find_struct(btf, KNOWN[index].inside);
		begin = inside ? inside->size : 0;
	}
	if (found->size > SIZE_MAX_TYPE || offset < begin || offset >= found->size)
		return refuse(reason, "%s.%s is at %lld of %u bytes, where it is in no kernel",
			      type, member, (long long)offset, found->size);
	return 0;
}

static int compare_types(const struct btf *btf, const struct probe_btf_kernel *kernel,
			 char reason[static PROBE_BTF_REASON_SIZE])
{
	enum btf_endianness own =
		__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? BTF_LITTLE_ENDIAN : BTF_BIG_ENDIAN;
	size_t word = btf__pointer_size(btf); /* 0: it has no type of that size */
	int r = 0;

	if (btf__endianness(btf) != own)
		return refuse(reason, "it is of a kernel with another order of bytes");
	if (word && word != kernel->word)
		return refuse(reason, "it is of a kernel of %zu bits, and this one (%s) has %u",
			      word * 8, kernel->machine, kernel->word * 8);
	for (size_t i = 0; r == 0 && i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++)
		r = compare_member(btf, i, reason);
	return r;
}

/* ---- the file */

static void set_path(char path[static PROBE_BTF_PATH_SIZE], int fd)
{
	snprintf(path, PROBE_BTF_PATH_SIZE, "/proc/self/fd/%d", fd);
}

int probe_btf_compare(int fd, const struct probe_btf_kernel *kernel,
		      char reason[static PROBE_BTF_REASON_SIZE])
{
	_cleanup_(btf__free_held) struct btf *btf = NULL;
	char path[PROBE_BTF_PATH_SIZE];
	struct stat file;

	if (fstat(fd, &file) < 0) {
		refuse(reason, "%s", strerror(errno));
		return -errno;
	}
	if (!S_ISREG(file.st_mode) || file.st_size == 0)
		return refuse(reason, "it is no file, or empty");
	if (file.st_size > SIZE_MAX_FILE)
		return refuse(reason, "it has more than %d MiB", SIZE_MAX_FILE >> 20);
	set_path(path, fd);
	btf = btf__parse_raw(path);
	if (!btf && errno == ENOMEM) {
		refuse(reason, "no memory");
		return -ENOMEM;
	}
	if (!btf)
		return refuse(reason, "it is not BTF, or damaged");
	return compare_types(btf, kernel, reason);
}

/* ---- which one */

/* The name of the machine is the kernel's, whatever our own words are. */
static struct probe_btf_kernel running_kernel(const struct utsname *name)
{
	return (struct probe_btf_kernel){
		.word = kernel_word_of(name->machine),
		.machine = name->machine,
	};
}

static int open_file(struct probe_btf *ret, const char *path, const struct utsname *name,
		     bool has_own, char complaint[static TEXT_SIZE])
{
	const char *instead = has_own ? "; the kernel's own is used" : "";
	const struct probe_btf_kernel kernel = running_kernel(name);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char reason[PROBE_BTF_REASON_SIZE], tried[PROBE_BTF_PATH_SIZE];
	int r;

	if (fd < 0) {
		r = -errno;
		snprintf(complaint, TEXT_SIZE, "%s%s cannot be opened%s",
			 has_own ? ""
				 : "the kernel has no BTF (" PROBE_BTF_OF_KERNEL
				   ", CONFIG_DEBUG_INFO_BTF), and ",
			 path, instead);
		return r;
	}
	set_path(tried, fd);
	r = probe_btf_compare(fd, &kernel, reason);
	if (r >= 0)
		r = probe_self_test(tried, reason);
	if (r < 0 && r != -EPERM) { /* loading the probe will tell that */
		snprintf(complaint, TEXT_SIZE, "%s is not the BTF of this kernel, %s: %s%s", path,
			 name->release, reason, instead);
		return r;
	}
	ret->fd = STEAL_FD(fd);
	set_path(ret->path, ret->fd);
	return 0;
}

int probe_btf_open(struct probe_btf *ret, const char *named, const char **complaint)
{
	static char text[TEXT_SIZE];
	char own[PATH_MAX];
	struct utsname name;
	bool is_named = named && *named, has_own = access(PROBE_BTF_OF_KERNEL, R_OK) == 0;
	int r;

	*ret = (struct probe_btf){ .fd = -1 };
	if (has_own && !is_named)
		return 0;
	uname(&name);
	snprintf(own, sizeof(own), OWN_FILES "/%s.btf", name.release);
	r = open_file(ret, is_named ? named : own, &name, has_own, text);
	if (r < 0)
		*complaint = text;
	return has_own ? 0 : r;
}

void probe_btf_close(struct probe_btf *btf)
{
	if (btf->fd >= 0)
		close(btf->fd);
	btf->fd = -1;
}

const char *probe_btf_path(const struct probe_btf *btf)
{
	return btf->fd >= 0 ? btf->path : NULL;
}

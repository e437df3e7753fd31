/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "process/libraries.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"
#include "support/cleanup.h"

/* A root directory of somebody who means harm. */
struct place {
	char path[32];
	int root;
};

static struct place make_place(void)
{
	struct place place = { .path = "/tmp/libraries-test-XXXXXX" };

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(place.path));
	place.root = open(place.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CU_ASSERT_FATAL(place.root >= 0);
	CU_ASSERT_EQUAL(mkdirat(place.root, "usr", 0700), 0);
	CU_ASSERT_EQUAL(mkdirat(place.root, "usr/lib", 0700), 0);
	return place;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *at)
{
	(void)status, (void)type, (void)at;
	return remove(path);
}

static void remove_place(struct place *place)
{
	close(place->root);
	nftw(place->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void write_file(const struct place *place, const char *name)
{
	int fd = openat(place->root, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(ftruncate(fd, 4096), 0);
	close(fd);
}

static unsigned count_below(const struct place *place)
{
	struct libraries found = {};
	unsigned count;

	alarm(10); /* the end of a test that waits */
	libraries_add_below(&found, place->root, LIBRARY_SSL);
	alarm(0);
	count = found.count;
	for (unsigned i = 0; i < found.count; i++)
		CU_ASSERT_EQUAL(fcntl(found.files[i], F_GETFD), FD_CLOEXEC);
	libraries_close(&found);
	CU_ASSERT_EQUAL(found.count, 0);
	return count;
}

static void installed_ones_are_found(void)
{
	struct place place = make_place();

	CU_ASSERT_EQUAL(mkdirat(place.root, "usr/lib/arm-linux-gnueabihf", 0700), 0);
	write_file(&place, "usr/lib/arm-linux-gnueabihf/libssl.so.1.1");
	write_file(&place, "usr/lib/libssl.so.3");
	write_file(&place, "usr/lib/libssl3.so");
	/* each file once, by whatever name */
	CU_ASSERT_EQUAL(symlinkat("libssl.so.3", place.root, "usr/lib/libssl.so.4"), 0);
	CU_ASSERT_EQUAL(symlinkat("usr/lib", place.root, "lib"), 0);
	CU_ASSERT_EQUAL(symlinkat("/usr/lib", place.root, "lib64"), 0);
	CU_ASSERT_EQUAL(count_below(&place), 2);
	remove_place(&place);
}

static void others_are_not_opened(void)
{
	const struct sockaddr_un address = { AF_UNIX, "libssl.so.5" };
	struct place place = make_place();
	int here = open(".", O_PATH | O_CLOEXEC), end = socket(AF_UNIX, SOCK_STREAM, 0);

	CU_ASSERT_EQUAL(mkfifoat(place.root, "usr/lib/libssl.so.3", 0600), 0);
	CU_ASSERT_EQUAL(mkdirat(place.root, "usr/lib/libssl.so.4", 0700), 0);
	CU_ASSERT_EQUAL(chdir(place.path) == 0 && chdir("usr/lib") == 0 &&
				bind(end, (const void *)&address, sizeof(address)) == 0 &&
				fchdir(here) == 0,
			true);
	CU_ASSERT_EQUAL(symlinkat("/dev/zero", place.root, "usr/lib/libssl.so.6"), 0);
	CU_ASSERT_EQUAL(symlinkat("libssl.so.7", place.root, "usr/lib/libssl.so.7"), 0);
	CU_ASSERT_EQUAL(count_below(&place), 0);
	close(end);
	close(here);
	remove_place(&place);
}

static void no_link_leads_out(void)
{
	static const char *const ways[] = { "/etc/passwd", "../../../../../../etc/passwd",
					    "/proc/self/exe", "/proc/self/root/etc/passwd" };
	struct place place = make_place();

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		char name[32];

		snprintf(name, sizeof(name), "usr/lib/libssl.so.%zu", i);
		CU_ASSERT_EQUAL(symlinkat(ways[i], place.root, name), 0);
	}
	CU_ASSERT_EQUAL(symlinkat("/etc", place.root, "lib64"), 0);
	CU_ASSERT_EQUAL(count_below(&place), 0);
	remove_place(&place);
}

/* From now on openat2(2) fails with `error`, as in some sandboxes. */
static bool refuse_openat2(unsigned error)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static unsigned count_in_own_root(void)
{
	struct libraries found = {};
	unsigned count;

	libraries_add_installed(&found, getpid(), LIBRARY_SSL);
	count = found.count;
	libraries_close(&found);
	return count;
}

/* In a child: 0 if it finds `own` libraries in its own root, and none by a link out of another. */
static int look_without_openat2(const struct place *place, unsigned error, unsigned own)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(refuse_openat2(error) && count_in_own_root() == own && count_below(place) == 0
			      ? EXIT_SUCCESS
			      : EXIT_FAILURE);
	return waitpid(child, &status, 0) == child ? status : -1;
}

static void no_link_leads_out_without_openat2(void)
{
	struct place place = make_place();
	unsigned own = count_in_own_root();

	CU_ASSERT_EQUAL(symlinkat("/etc/passwd", place.root, "usr/lib/libssl.so.3"), 0);
	CU_ASSERT_EQUAL(look_without_openat2(&place, ENOSYS, own), 0);
	CU_ASSERT_EQUAL(look_without_openat2(&place, EPERM, own), 0);
	remove_place(&place);
}

static void many_are_cut(void)
{
	struct place place = make_place();

	for (unsigned i = 0; i < 100; i++) {
		char name[32];

		snprintf(name, sizeof(name), "usr/lib/libssl.so.%u", i);
		write_file(&place, name);
	}
	CU_ASSERT_EQUAL(count_below(&place), LIBRARIES_MAX);
	remove_place(&place);
}

static unsigned count_c_libraries(const struct place *place)
{
	struct libraries found = {};
	unsigned count;

	libraries_add_below(&found, place->root, LIBRARY_C);
	count = found.count;
	libraries_close(&found);
	return count;
}

static void c_libraries_are_found_too(void)
{
	struct place place = make_place();

	CU_ASSERT_EQUAL(count_c_libraries(&place), 0);
	write_file(&place, "usr/lib/libc.so.6");
	write_file(&place, "usr/lib/ld-musl-x86_64.so.1");
	write_file(&place, "usr/lib/libcrypt.so.1");
	write_file(&place, "usr/lib/libssl.so.3");
	write_file(&place, "usr/lib/libcrypto.so.3");
	CU_ASSERT_EQUAL(count_c_libraries(&place), 2);
	CU_ASSERT_EQUAL(count_below(&place), 2);
	remove_place(&place);
}

static bool has(const struct libraries *found, const struct place *place, const char *name)
{
	struct stat wanted, other;

	CU_ASSERT_EQUAL_FATAL(fstatat(place->root, name, &wanted, AT_SYMLINK_NOFOLLOW), 0);
	for (unsigned i = 0; i < found->count; i++)
		if (fstat(found->files[i], &other) == 0 && other.st_ino == wanted.st_ino)
			return true;
	return false;
}

/* Maps a file, and puts a FIFO in its place. As root, the mapped file is found all the same. */
static void what_is_mapped_is_found(void)
{
	struct place place = make_place();
	struct libraries found = {};
	int fd;
	void *mapping;

	write_file(&place, "usr/lib/libssl-of-mine.so");
	fd = openat(place.root, "usr/lib/libssl-of-mine.so", O_RDONLY | O_CLOEXEC);
	mapping = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	close(fd);
	CU_ASSERT_FATAL(mapping != MAP_FAILED);
	libraries_add_program(&found, getpid());
	CU_ASSERT_EQUAL(found.count, 1);
	libraries_add_mapped(&found, getpid(), LIBRARY_SSL);
	CU_ASSERT(has(&found, &place, "usr/lib/libssl-of-mine.so"));
	libraries_close(&found);
	CU_ASSERT_EQUAL(unlinkat(place.root, "usr/lib/libssl-of-mine.so", 0), 0);
	CU_ASSERT_EQUAL(mkfifoat(place.root, "usr/lib/libssl-of-mine.so", 0600), 0);
	alarm(10);
	libraries_add_mapped(&found, getpid(), LIBRARY_SSL);
	alarm(0);
	CU_ASSERT(!has(&found, &place, "usr/lib/libssl-of-mine.so"));
	libraries_close(&found);
	munmap(mapping, 4096);
	remove_place(&place);
}

SUITE("libraries", { "installed ones are found", installed_ones_are_found },
      { "others are not opened", others_are_not_opened },
      { "no link leads out", no_link_leads_out },
      { "no link leads out without openat2", no_link_leads_out_without_openat2 },
      { "C libraries are found, too", c_libraries_are_found_too }, { "many are cut", many_are_cut },
      { "what is mapped is found", what_is_mapped_is_found })

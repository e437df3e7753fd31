/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "process/libraries.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "support/cleanup.h"

/* headers before Linux 5.12 */
#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif

enum {
	ENTRIES_MAX = 16384,     /* of a directory; /usr/lib/x86_64-linux-gnu may have 5000 */
	SUBDIRECTORIES_MAX = 8,  /* named after an architecture */
	MAPPINGS_MAX = 64,       /* of such files: each has one that is executable */
	MAPS_SIZE_MAX = 4 << 20, /* bytes; a browser has some 200 KiB */
	MAPS_LINE_SIZE = 4352, /* bytes; a line of /proc/PID/maps (proc(5)): a path and what stands
				  before it */
};

/* ---- opening */

/* Of such a process, links lead nowhere else than ours. */
static bool is_own_root(int root)
{
	struct stat own, other;

	return stat("/", &own) == 0 && fstat(root, &other) == 0 && own.st_dev == other.st_dev &&
	       own.st_ino == other.st_ino;
}

/* Opens `path` as a process with the root directory `root` would (openat2(2)). Some sandboxes
 * refuse that call: RestrictSUIDSGID= of systemd.exec(5) with ENOSYS, containers with EPERM. Then
 * nothing is opened below another root than ours. Returns a descriptor, or -errno. */
static int open_below(int root, const char *path, int flags)
{
	const struct open_how how = {
		.flags = (unsigned)flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(__NR_openat2, root, path, &how, sizeof(how));

	if (fd < 0 && (errno == ENOSYS || errno == EPERM) && is_own_root(root))
		fd = openat(root, path + strspn(path, "/"), flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool is_there(const struct libraries *libraries, const struct stat *file)
{
	struct stat other;

	for (unsigned i = 0; i < libraries->count; i++)
		if (fstat(libraries->files[i], &other) == 0 && other.st_dev == file->st_dev &&
		    other.st_ino == file->st_ino)
			return true;
	return false;
}

/* Adds what `found` (O_PATH, the caller's) names: only a regular file is opened at all, and none
 * counts whose bytes come from a program, which may never hand them over. */
static void add(struct libraries *libraries, int found)
{
	struct statfs system;
	struct stat status;
	char path[32];
	int fd;

	if (libraries->count == LIBRARIES_MAX || fstat(found, &status) < 0 ||
	    !S_ISREG(status.st_mode) || is_there(libraries, &status))
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", found);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstatfs(fd, &system) == 0 && system.f_type == FUSE_SUPER_MAGIC)
		close(fd);
	else
		libraries->files[libraries->count++] = fd;
}

static void add_below(struct libraries *libraries, int root, const char *path)
{
	_cleanup_close_ int found = open_below(root, path, O_PATH);

	if (found >= 0)
		add(libraries, found);
}

void libraries_close(struct libraries *libraries)
{
	while (libraries->count > 0)
		close(libraries->files[--libraries->count]);
}

/* ---- where it may be */

void libraries_add_program(struct libraries *libraries, pid_t pid)
{
	_cleanup_close_ int found = -1;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	found = open(path, O_PATH | O_CLOEXEC);
	if (found >= 0)
		add(libraries, found);
}

/* Calls `take` for the names in `directory` below `root` that match the pattern `wanted`, `most` at
 * most. */
static void look_through(struct libraries *libraries, int root, const char *directory,
			 const char *wanted, unsigned most,
			 void (*take)(struct libraries *libraries, int root, const char *path))
{
	int fd = open_below(root, directory, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_NOCTTY);
	_cleanup_closedir_ DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	char path[PATH_MAX];

	if (fd >= 0 && !entries)
		close(fd);
	for (unsigned i = 0; entries && most > 0 && i < ENTRIES_MAX; i++) {
		entry = readdir(entries);
		if (!entry)
			break;
		if (fnmatch(wanted, entry->d_name, 0) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		take(libraries, root, path);
		most--;
	}
}

/* Patterns of file names (fnmatch(3)). */
struct names {
	const char *installed[2], *mapped[3];
};

static const struct names *names_of(enum library which)
{
	static const struct names ssl = { { "libssl.so.*", "libcrypto.so.*" },
					  { "libssl*", "libcrypto*" } };
	static const struct names c = { { "libc.so.6", "ld-musl-*.so.1" },
					{ "libc.so*", "libc-2*", "ld-musl-*" } };

	return which == LIBRARY_SSL ? &ssl : &c;
}

static void add_all_in(struct libraries *libraries, int root, const char *directory,
		       enum library which)
{
	const struct names *names = names_of(which);

	for (size_t i = 0; i < 2; i++)
		look_through(libraries, root, directory, names->installed[i], LIBRARIES_MAX,
			     add_below);
}

static void add_ssl_in(struct libraries *libraries, int root, const char *directory)
{
	add_all_in(libraries, root, directory, LIBRARY_SSL);
}

static void add_c_in(struct libraries *libraries, int root, const char *directory)
{
	add_all_in(libraries, root, directory, LIBRARY_C);
}

void libraries_add_below(struct libraries *libraries, int root, enum library which)
{
	static const char *const directories[] = { "usr/lib", "usr/lib64", "lib", "lib64" };
	void (*add_in)(struct libraries *, int, const char *) =
		which == LIBRARY_SSL ? add_ssl_in : add_c_in;

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		add_in(libraries, root, directories[i]);
	look_through(libraries, root, "usr/lib", "*-linux-gnu*", SUBDIRECTORIES_MAX, add_in);
}

static int open_root(pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

void libraries_add_installed(struct libraries *libraries, pid_t pid, enum library which)
{
	_cleanup_close_ int root = open_root(pid);

	if (root >= 0)
		libraries_add_below(libraries, root, which);
}

/* The file that is mapped at `range`, or the one that has its name. */
static void add_mapping(struct libraries *libraries, pid_t pid, const char *range, const char *name)
{
	_cleanup_close_ int found = -1, root = -1;
	char path[128];

	snprintf(path, sizeof(path), "/proc/%d/map_files/%s", (int)pid, range);
	found = open(path, O_PATH | O_CLOEXEC);
	if (found >= 0) {
		add(libraries, found);
		return;
	}
	root = open_root(pid);
	if (root >= 0)
		add_below(libraries, root, name);
}

static bool is_mapped_name(const struct names *names, const char *name)
{
	for (size_t i = 0; i < 3 && names->mapped[i]; i++)
		if (fnmatch(names->mapped[i], name, 0) == 0)
			return true;
	return false;
}

/* Returns true if a line of /proc/PID/maps is of such a file. */
static bool read_mapping(const char *line, const struct names *names, char range[static 64],
			 char name[static PATH_MAX])
{
	char mode[8];

	return sscanf(line, "%63s %7s %*s %*s %*s %4095[^\n]", range, mode, name) == 3 &&
	       mode[2] == 'x' && is_mapped_name(names, basename(name));
}

void libraries_add_mapped(struct libraries *libraries, pid_t pid, enum library which)
{
	char line[MAPS_LINE_SIZE], path[32], range[64], name[PATH_MAX];
	_cleanup_fclose_ FILE *maps = NULL;
	unsigned found = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	for (size_t size = 0; maps && size < MAPS_SIZE_MAX && found < MAPPINGS_MAX;
	     size += strlen(line)) {
		if (!fgets(line, sizeof(line), maps))
			break;
		if (read_mapping(line, names_of(which), range, name)) {
			add_mapping(libraries, pid, range, name);
			found++;
		}
	}
}

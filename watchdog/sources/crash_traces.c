/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/crash_traces.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/cleanup.h"

enum {
	PATH_SIZE = 512,
	TEXT_SIZE = 64,
	WATCHDOGS_MAX = 8, /* that are looked at */
};

/* Reads the beginning of a file, without its line break. Returns false if there is nothing. */
static bool read_beginning(int directory, const char *path, char text[static TEXT_SIZE])
{
	_cleanup_close_ int fd =
		openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, TEXT_SIZE - 1);

	if (n <= 0)
		return false;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return true;
}

/* kmsg_dump() of a panic begins with "Panic#1 Part1"; others are of an oops, or of a shutdown. */
static bool is_panic(int directory, const char *name, usec_t since)
{
	char text[TEXT_SIZE];
	struct stat status;

	return strncmp(name, "dmesg-", strlen("dmesg-")) == 0 &&
	       fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(status.st_mode) && (usec_t)status.st_mtim.tv_sec * USEC_PER_SEC >= since &&
	       read_beginning(directory, name, text) &&
	       strncmp(text, "Panic#", strlen("Panic#")) == 0;
}

/* systemd-pstore makes directories in its own, one deep. */
static bool has_panic(int above, const char *path, usec_t since, unsigned depth)
{
	int fd = openat(above, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	bool found = false;

	if (!directory) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (!found && (entry = readdir(directory)))
		found = is_panic(fd, entry->d_name, since) ||
			(depth > 0 && entry->d_name[0] != '.' &&
			 has_panic(fd, entry->d_name, since, depth - 1));
	closedir(directory);
	return found;
}

static const char *path_of(const char *root, const char *name, char path[static PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "%s%s", root, name);
	return path;
}

static bool is_kept(const char *root)
{
	char path[PATH_SIZE], backend[TEXT_SIZE];

	return read_beginning(AT_FDCWD,
			      path_of(root, "/sys/module/pstore/parameters/backend", path),
			      backend) &&
	       backend[0] != '\0' && strcmp(backend, "(null)") != 0;
}

static uint32_t watchdog_status(const char *root)
{
	char path[PATH_SIZE], text[TEXT_SIZE];
	uint32_t status = 0;

	for (unsigned i = 0; i < WATCHDOGS_MAX; i++) {
		snprintf(path, sizeof(path), "%s/sys/class/watchdog/watchdog%u/bootstatus", root,
			 i);
		if (read_beginning(AT_FDCWD, path, text))
			status |= (uint32_t)strtoul(text, NULL, 0);
	}
	return status;
}

void crash_traces_look(const char *root, usec_t since, struct crash_traces *traces)
{
	char path[PATH_SIZE];

	*traces = (struct crash_traces){
		.kept = is_kept(root),
		.panicked = has_panic(AT_FDCWD, path_of(root, "/sys/fs/pstore", path), since, 0) ||
			    has_panic(AT_FDCWD, path_of(root, "/var/lib/systemd/pstore", path),
				      since, 1),
		.watchdog = watchdog_status(root),
	};
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "process/view.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "support/cleanup.h"
#include "support/small_file.h"

enum { FILES_MAX = 65536, WRITTEN_MAX = 1024 };

/* A process that has ended is no file any more. */
static int error(void)
{
	return errno == ENOENT ? -ESRCH : -errno;
}

int process_view_namespace(pid_t pid, uint64_t *inode)
{
	char path[64];
	struct stat status;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	if (stat(path, &status) < 0)
		return error();
	*inode = status.st_ino;
	return 0;
}

int process_view_open_namespace(pid_t pid, uint64_t inode)
{
	_cleanup_close_ int fd = -1;
	char path[64];
	struct stat status;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error();
	if (fstat(fd, &status) < 0)
		return -errno;
	if (status.st_ino != inode)
		return -ESTALE;
	return STEAL_FD(fd);
}

/* ---- its files */

/* What /proc/PID/fdinfo has of an open file, proc(5). */
struct open_file {
	unsigned mode;
	int mount;
	uint32_t inode; /* 0: Linux before 5.14, or unknown */
};

static bool read_open_file(pid_t pid, const char *number, struct open_file *file)
{
	char path[64], text[256];
	const char *flags, *mount, *inode;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%.16s", (int)pid, number);
	if (!small_file_read(path, text, sizeof(text)))
		return false;
	flags = strstr(text, "flags:");
	mount = strstr(text, "mnt_id:");
	inode = strstr(text, "ino:");
	*file = (struct open_file){};
	return flags && sscanf(flags, "flags: %o", &file->mode) == 1 && mount &&
	       sscanf(mount, "mnt_id: %d", &file->mount) == 1 &&
	       (!inode || sscanf(inode, "ino: %u", &file->inode) == 1);
}

/* All sockets of a host are on one mount, which no namespace has another of. */
static bool find_mount_of_sockets(int *mount)
{
	_cleanup_close_ int own = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct open_file file;
	char number[16];

	snprintf(number, sizeof(number), "%d", own);
	if (own < 0 || !read_open_file(getpid(), number, &file) || file.inode == 0)
		return false;
	*mount = file.mount;
	return true;
}

/* /proc/PID/fd is closed by its mode to all but its owner, with CAP_SYS_PTRACE as well: opening it
 * would take CAP_DAC_READ_SEARCH. /proc/PID/fdinfo is open to who may trace the process. */
static int read_sockets_of_others(pid_t pid, void (*visit)(void *userdata, uint32_t inode),
				  void *userdata)
{
	_cleanup_closedir_ DIR *files = NULL;
	const struct dirent *entry;
	struct open_file file;
	char path[32];
	int mount;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo", (int)pid);
	files = opendir(path);
	if (!files)
		return error();
	if (!find_mount_of_sockets(&mount))
		return -EACCES;
	for (unsigned i = 0; i < FILES_MAX && (entry = readdir(files)); i++)
		if (read_open_file(pid, entry->d_name, &file) && file.mount == mount)
			visit(userdata, file.inode);
	return 0;
}

int process_view_sockets(pid_t pid, void (*visit)(void *userdata, uint32_t inode), void *userdata)
{
	_cleanup_closedir_ DIR *files = NULL;
	const struct dirent *file;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	files = opendir(path);
	if (!files)
		return errno == EACCES ? read_sockets_of_others(pid, visit, userdata) : error();
	for (unsigned i = 0; i < FILES_MAX && (file = readdir(files)); i++) {
		char target[32];
		ssize_t length = readlinkat(dirfd(files), file->d_name, target, sizeof(target) - 1);
		uint32_t inode;

		if (length < 0 && errno == EACCES)
			return -EACCES;
		target[length < 0 ? 0 : length] = '\0';
		if (sscanf(target, "socket:[%u]", &inode) == 1)
			visit(userdata, inode);
	}
	return 0;
}

/* ---- where a task sleeps */

/* "NUMBER ARGUMENT... STACK INSTRUCTION", "-1 STACK INSTRUCTION", or "running". The stack of a
 * program of 32 bits lies in the lowest 4 GiB, where no other has it. */
static int32_t system_call_in(const char *text)
{
	unsigned long long stack = 0;
	int number;

	if (sscanf(text, "%d %*x %*x %*x %*x %*x %*x %llx", &number, &stack) == 2)
		return sizeof(void *) == 8 && stack <= UINT32_MAX ? WAIT_UNKNOWN : number;
	return sscanf(text, "%d", &number) == 1 && number == -1 ? WAIT_OUTSIDE : WAIT_UNKNOWN;
}

void process_view_wait(pid_t tid, struct wait_view *wait)
{
	char path[64], text[256];

	*wait = (struct wait_view){ .system_call = WAIT_UNKNOWN };
	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)tid);
	if (small_file_read(path, text, sizeof(text)))
		wait->system_call = system_call_in(text);
	explicit_bzero(text, sizeof(text)); /* arguments stay here */
	snprintf(path, sizeof(path), "/proc/%d/wchan", (int)tid);
	if (small_file_read(path, wait->channel, sizeof(wait->channel)) &&
	    strcmp(wait->channel, "0") == 0)
		wait->channel[0] = '\0';
}

/* ---- its disk */

/* Returns the number of the mount that the file is on, if it is open for writing; else -1. */
static int mount_written_to(pid_t pid, const char *number)
{
	struct open_file file;

	if (!read_open_file(pid, number, &file) || (file.mode & O_ACCMODE) == O_RDONLY)
		return -1;
	return file.mount;
}

/* A space, a tab, a line feed and a backslash stand as three octal digits there. */
static void unescape(char *text)
{
	char *to = text;
	unsigned byte;

	for (; *text; text++, to++) {
		*to = *text;
		if (*text == '\\' && sscanf(text + 1, "%3o", &byte) == 1) {
			*to = (char)byte;
			text += 3;
		}
	}
	*to = '\0';
}

struct mount {
	dev_t device;
	char point[PATH_MAX]; /* as the process names it */
};

/* "NUMBER PARENT MAJOR:MINOR ROOT MOUNT-POINT ...", proc(5). Mounts of the kernel's own, such as
 * those of pipes and sockets, are not there. */
static bool find_mount(pid_t pid, int number, struct mount *mount)
{
	_cleanup_fclose_ FILE *mounts = NULL;
	_cleanup_free_ char *line = NULL;
	unsigned major, minor;
	char path[64];
	size_t size = 0;
	int found;

	snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)pid);
	mounts = fopen(path, "re");
	while (mounts && getline(&line, &size, mounts) > 0) {
		if (sscanf(line, "%d %*d %u:%u %*s %4095s", &found, &major, &minor, mount->point) !=
			    4 ||
		    found != number)
			continue;
		unescape(mount->point);
		mount->device = makedev(major, minor);
		return true;
	}
	return false;
}

static enum disk_trouble trouble_of(const struct statvfs *disk, bool is_roots)
{
	if (disk->f_flag & ST_RDONLY)
		return DISK_READ_ONLY;
	if (disk->f_blocks > 0 && (is_roots ? disk->f_bfree : disk->f_bavail) == 0)
		return DISK_FULL;
	return disk->f_files > 0 && disk->f_ffree == 0 ? DISK_FULL : DISK_WELL;
}

/* Something else may be mounted over it: that says nothing. */
static enum disk_trouble look_at_mount(pid_t pid, const struct mount *mount, bool is_roots)
{
	char path[PATH_MAX + 32];
	struct statvfs facts;
	struct stat status;

	snprintf(path, sizeof(path), "/proc/%d/root%s", (int)pid, mount->point);
	if (stat(path, &status) < 0 || status.st_dev != mount->device || statvfs(path, &facts) < 0)
		return DISK_WELL;
	return trouble_of(&facts, is_roots);
}

void process_view_disk(pid_t pid, struct disk_view *disk)
{
	_cleanup_closedir_ DIR *files = NULL;
	const struct dirent *file;
	struct stat status;
	char path[32];
	bool is_roots;
	int last = -1;

	*disk = (struct disk_view){ .trouble = DISK_WELL };
	snprintf(path, sizeof(path), "/proc/%d/fdinfo", (int)pid);
	is_roots = stat(path, &status) == 0 && status.st_uid == 0;
	files = opendir(path);
	for (unsigned i = 0; files && i < WRITTEN_MAX && (file = readdir(files)); i++) {
		int number = mount_written_to(pid, file->d_name);
		struct mount mount;

		if (number < 0 || number == last || !find_mount(pid, number, &mount))
			continue;
		last = number;
		disk->trouble = look_at_mount(pid, &mount, is_roots);
		if (disk->trouble == DISK_WELL)
			continue;
		snprintf(disk->mount_point, sizeof(disk->mount_point), "%.63s", mount.point);
		return;
	}
}

bool process_view_is_open(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	return syscall(SYS_capget, &header, data) == 0 &&
	       data[CAP_TO_INDEX(CAP_SYS_PTRACE)].effective & CAP_TO_MASK(CAP_SYS_PTRACE);
}

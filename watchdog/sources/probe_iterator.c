/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/probe_iterator.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "ebpf/probe_record.h"
#include "support/cleanup.h"

const struct bpf_program *probe_iterator_choose(const struct bpf_program *over_map,
						const struct bpf_program *over_files,
						const struct bpf_map **map)
{
	if (bpf_program__autoload(over_map))
		return over_map;
	*map = NULL;
	return over_files;
}

/* Opens an iterator over the entries of `map`, or over what a program without a map goes through
 * (NULL). Returns the descriptor to read from, or -errno. */
static int open_iterator(const struct bpf_program *program, const struct bpf_map *map)
{
	union bpf_iter_link_info info = { .map.map_fd = map ? (uint32_t)bpf_map__fd(map) : 0 };
	LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &info,
		    .link_info_len = sizeof(info));
	struct bpf_link *link = bpf_program__attach_iter(program, map ? &options : NULL);
	int fd;

	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	bpf_link__destroy(link);
	return fd;
}

int probe_iterator_run(const struct bpf_program *program, const struct bpf_map *map)
{
	_cleanup_close_ int fd = open_iterator(program, map);
	char nothing[64];
	ssize_t n;

	if (fd < 0)
		return fd;
	do
		n = read(fd, nothing, sizeof(nothing));
	while (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)));
	return n < 0 ? -errno : 0;
}

/* Appends what can be read. Returns the number of bytes, 0 at the end, or -errno. */
static ssize_t read_more(int fd, char **buffer, size_t *size)
{
	enum { STEP = 1024 * sizeof(struct probe_connection) };
	char *longer = realloc(*buffer, *size + STEP);
	ssize_t n;

	if (!longer)
		return -ENOMEM;
	*buffer = longer;
	n = read(fd, longer + *size, STEP);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 1 : -errno;
	*size += (size_t)n;
	return n;
}

int probe_iterator_read(const struct bpf_program *program, const struct bpf_map *map, char **ret,
			size_t *size)
{
	_cleanup_close_ int fd = open_iterator(program, map);
	_cleanup_free_ char *written = NULL;
	ssize_t n;

	if (fd < 0)
		return fd;
	*size = 0;
	do
		n = read_more(fd, &written, size);
	while (n > 0);
	if (n < 0)
		return (int)n;
	*ret = STEAL_POINTER(written);
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collector/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "support/cleanup.h"

/* A sorted run in the file; while the runs are merged, a part of it is in memory. */
struct run {
	uint64_t next, end; /* counted in items from the start of the file; `next` is the first one
			       not in memory yet */
	char *first, *last; /* the items in memory; `last` is one past the last */
	char *at;
	uint64_t start;
};

struct spool {
	int fd;
	struct spool_kind kind;
	char *items;
	uint32_t count; /* in memory, not in the file yet */
	uint64_t written;
	struct run *runs;
	uint32_t run_count;
	struct run **heap; /* the run with the earliest item first */
	uint32_t heap_count;
};

void spool_free(struct spool *spool)
{
	close_held(&spool->fd);
	free(spool->items);
	free(spool->runs);
	free(spool->heap);
	free(spool);
}

/* Opens an unnamed file in $TMPDIR or /var/tmp; /tmp is often in memory. If the file system lacks
 * O_TMPFILE (open(2)), the file is created and unlinked. */
static int open_unnamed(void)
{
	const char *directory = getenv("TMPDIR");
	char path[PATH_MAX];
	int fd;

	if (!directory || !directory[0])
		directory = "/var/tmp";
	fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	snprintf(path, sizeof(path), "%s/connwatch-XXXXXX", directory);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

int spool_new(struct spool **spool, const struct spool_kind *kind)
{
	_cleanup_(spool_free_held) struct spool *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->fd = open_unnamed();
	if (new->fd < 0)
		return -errno;
	new->kind = *kind;
	new->items = calloc(kind->room, kind->size);
	if (!new->items)
		return -ENOMEM;
	*spool = STEAL_POINTER(new);
	return 0;
}

/* ---- writing */

static int write_all(int fd, const void *bytes, size_t size)
{
	const char *from = bytes;

	while (size > 0) {
		ssize_t written = write(fd, from, size);

		if (written < 0 && errno != EINTR)
			return -errno;
		if (written > 0) {
			from += written;
			size -= (size_t)written;
		}
	}
	return 0;
}

/* Sorts the items in memory and appends them to the file as a run. */
static int flush(struct spool *spool)
{
	struct run *grown;
	int r;

	if (spool->count == 0)
		return 0;
	grown = reallocarray(spool->runs, spool->run_count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	spool->runs = grown;
	qsort(spool->items, spool->count, spool->kind.size, spool->kind.compare);
	r = write_all(spool->fd, spool->items, spool->count * spool->kind.size);
	if (r < 0)
		return r;
	grown[spool->run_count++] =
		(struct run){ .start = spool->written, .end = spool->written + spool->count };
	spool->written += spool->count;
	spool->count = 0;
	return 0;
}

int spool_add(struct spool *spool, const void *item)
{
	int r = spool->count == spool->kind.room ? flush(spool) : 0;

	if (r < 0)
		return r;
	memcpy(spool->items + spool->count++ * spool->kind.size, item, spool->kind.size);
	return 0;
}

/* ---- reading: a merge */

/* Reads the next items of the run into memory. Returns 1, 0 at the end of the run, or -errno. */
static int fill(struct spool *spool, struct run *run, uint32_t room)
{
	uint64_t left = run->end - run->next;
	size_t size = (left < room ? left : room) * spool->kind.size;
	size_t have = 0;

	while (have < size) {
		ssize_t got = pread(spool->fd, run->first + have, size - have,
				    (off_t)(run->next * spool->kind.size + have));

		if (got == 0)
			return -EIO;
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got > 0)
			have += (size_t)got;
	}
	run->at = run->first;
	run->last = run->first + size;
	run->next += size / spool->kind.size;
	return size > 0;
}

static bool is_before(const struct spool *spool, const struct run *a, const struct run *b)
{
	return spool->kind.compare(a->at, b->at) < 0;
}

static void sink(struct spool *spool, uint32_t at)
{
	struct run **heap = spool->heap;

	for (uint32_t child; (child = 2 * at + 1) < spool->heap_count; at = child) {
		struct run *run = heap[at];

		if (child + 1 < spool->heap_count && is_before(spool, heap[child + 1], heap[child]))
			child++;
		if (!is_before(spool, heap[child], run))
			return;
		heap[at] = heap[child];
		heap[child] = run;
	}
}

/* Divides the memory between the runs and fills it. */
static int begin_reading(struct spool *spool, uint32_t room)
{
	if (room == 0)
		return -E2BIG;
	free(spool->heap);
	spool->heap = calloc(spool->run_count + 1, sizeof(struct run *));
	if (!spool->heap)
		return -ENOMEM;
	spool->heap_count = spool->run_count;
	for (uint32_t i = 0; i < spool->run_count; i++) {
		struct run *run = &spool->runs[i];
		int r;

		run->first = spool->items + (size_t)i * room * spool->kind.size;
		run->next = run->start;
		r = fill(spool, run, room);
		if (r < 0)
			return r;
		spool->heap[i] = run;
	}
	for (uint32_t i = spool->heap_count / 2; i-- > 0;)
		sink(spool, i);
	return 0;
}

/* Moves the first run of the heap to its next event. Returns 0 or -errno. */
static int step(struct spool *spool, uint32_t room)
{
	struct run *run = spool->heap[0];
	int r = 1;

	run->at += spool->kind.size;
	if (run->at == run->last)
		r = fill(spool, run, room);
	if (r < 0)
		return r;
	if (r == 0)
		spool->heap[0] = spool->heap[--spool->heap_count];
	sink(spool, 0);
	return 0;
}

int spool_read(struct spool *spool, int (*take)(void *userdata, const void *item), void *userdata)
{
	uint32_t room;
	int r = flush(spool);

	room = spool->kind.room / (spool->run_count ? spool->run_count : 1);
	if (r >= 0)
		r = begin_reading(spool, room);
	while (r >= 0 && spool->heap_count > 0) {
		r = take(userdata, spool->heap[0]->at);
		if (r >= 0)
			r = step(spool, room);
	}
	return r < 0 ? r : 0;
}

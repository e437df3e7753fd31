/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/handover_memory.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "support/cleanup.h"

struct slot {
	uint64_t size;
	uint64_t checksum; /* of the size and the record */
	char record[HANDOVER_RECORD_SIZE];
};

/* Each entry is written before the word that makes it count: the first byte of a name, `written` of
 * a report, the number of records. */
struct layout {
	char names[HANDOVER_AGENTS_MAX + 1][HANDOVER_NAME_SIZE];
	/* by number: how many actions were noted, ever, and when, as a ring */
	_Atomic uint64_t actions_noted[HANDOVER_AGENTS_MAX + 1];
	uint64_t actions[HANDOVER_AGENTS_MAX + 1][HANDOVER_ACTIONS_MAX];
	_Atomic uint64_t reports_made;
	struct handover_report reports[HANDOVER_REPORTS_MAX];
	_Atomic uint64_t records_kept;
	struct slot records[HANDOVER_RECORDS_MAX];
};

struct handover_memory {
	int descriptor;
	struct layout *shared;
};

static struct slot *slot_of(const struct handover_memory *memory, uint64_t at)
{
	return &memory->shared->records[at % HANDOVER_RECORDS_MAX];
}

/* Maps the memory of `descriptor`, which is closed with it, or here in case of failure. */
static int map(struct handover_memory **ret, int descriptor)
{
	_cleanup_(handover_memory_free_held) struct handover_memory *memory =
		malloc(sizeof(*memory));
	void *shared;

	if (!memory) {
		close(descriptor);
		return -ENOMEM;
	}
	*memory = (struct handover_memory){ .descriptor = descriptor };
	shared = mmap(NULL, sizeof(struct layout), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor,
		      0);
	if (shared == MAP_FAILED)
		return -errno;
	memory->shared = shared;
	*ret = STEAL_POINTER(memory);
	return 0;
}

int handover_memory_new(struct handover_memory **ret)
{
	_cleanup_close_ int descriptor = memfd_create("connwatch-handover", MFD_CLOEXEC);

	if (descriptor < 0 || ftruncate(descriptor, sizeof(struct layout)) < 0)
		return -errno;
	return map(ret, STEAL_FD(descriptor));
}

/* FNV-1a, 64 bits (draft-eastlake-fnv): finds chance, not intent; only root can write here. */
static uint64_t checksum_of(const struct slot *slot)
{
	uint64_t sum = 0xcbf29ce484222325 ^ slot->size;

	for (size_t i = 0; i < slot->size; i++)
		sum = (sum ^ (unsigned char)slot->record[i]) * 0x100000001b3;
	return sum;
}

static bool names_are_whole(const struct layout *shared)
{
	for (size_t i = 0; i <= HANDOVER_AGENTS_MAX; i++)
		if (!memchr(shared->names[i], '\0', HANDOVER_NAME_SIZE))
			return false;
	return true;
}

static bool records_are_whole(const struct handover_memory *memory)
{
	for (uint64_t at = handover_memory_first(memory); at < handover_memory_end(memory); at++) {
		const struct slot *slot = slot_of(memory, at);

		if (slot->size > HANDOVER_RECORD_SIZE || slot->checksum != checksum_of(slot))
			return false;
	}
	return true;
}

static bool is_whole(const struct handover_memory *memory)
{
	return names_are_whole(memory->shared) && records_are_whole(memory);
}

int handover_memory_open(struct handover_memory **ret, int descriptor)
{
	struct stat status;
	int own, r;

	if (fstat(descriptor, &status) < 0)
		return -errno;
	if (status.st_size != sizeof(struct layout))
		return -ESTALE;
	own = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
	r = own < 0 ? -errno : map(ret, own);
	if (r >= 0 && !is_whole(*ret)) {
		*ret = handover_memory_free(*ret);
		return -ESTALE;
	}
	return r;
}

struct handover_memory *handover_memory_free(struct handover_memory *memory)
{
	if (!memory)
		return NULL;
	if (memory->shared)
		munmap(memory->shared, sizeof(*memory->shared));
	close(memory->descriptor);
	free(memory);
	return NULL;
}

int handover_memory_descriptor(const struct handover_memory *memory)
{
	return memory->descriptor;
}

/* ---- agents */

const char *handover_memory_name(const struct handover_memory *memory, uint32_t number)
{
	const char *name = memory->shared->names[number];

	return *name ? name : NULL;
}

/* `name` is not empty and fits. An entry is taken once its first byte is set. */
static void set_name(char entry[HANDOVER_NAME_SIZE], const char *name)
{
	memcpy(entry + 1, name + 1, strlen(name + 1) + 1); /* with the null byte */
	atomic_signal_fence(memory_order_release);
	*entry = *name;
}

uint32_t handover_memory_number(struct handover_memory *memory, const char *name, uint32_t max)
{
	uint32_t free = 0;

	if (*name == '\0' || strlen(name) >= HANDOVER_NAME_SIZE)
		return 0;
	for (uint32_t number = 1; number <= max && number <= HANDOVER_AGENTS_MAX; number++) {
		const char *taken = handover_memory_name(memory, number);

		if (taken && strcmp(taken, name) == 0)
			return number;
		if (!taken && !free)
			free = number;
	}
	if (free)
		set_name(memory->shared->names[free], name);
	return free;
}

void handover_memory_free_number(struct handover_memory *memory, uint32_t number)
{
	*memory->shared->names[number] = '\0';
	memory->shared->actions_noted[number] = 0;
}

/* ---- actions */

void handover_memory_note_action(struct handover_memory *memory, uint32_t number, uint64_t time)
{
	struct layout *shared = memory->shared;
	uint64_t noted = shared->actions_noted[number];

	shared->actions[number][noted % HANDOVER_ACTIONS_MAX] = time;
	shared->actions_noted[number] = noted + 1;
}

void handover_memory_take_action_back(struct handover_memory *memory, uint32_t number)
{
	struct layout *shared = memory->shared;
	uint64_t noted = shared->actions_noted[number];

	if (noted == 0)
		return;
	shared->actions_noted[number] = noted - 1;
	shared->actions[number][(noted - 1) % HANDOVER_ACTIONS_MAX] = 0;
}

size_t handover_memory_actions(const struct handover_memory *memory, uint32_t number,
			       uint64_t times[static HANDOVER_ACTIONS_MAX])
{
	const struct layout *shared = memory->shared;
	uint64_t noted = shared->actions_noted[number];
	uint64_t first = noted < HANDOVER_ACTIONS_MAX ? 0 : noted - HANDOVER_ACTIONS_MAX;

	for (uint64_t at = first; at < noted; at++)
		times[at - first] = shared->actions[number][at % HANDOVER_ACTIONS_MAX];
	return (size_t)(noted - first);
}

/* ---- reports */

void handover_memory_begin_report(struct handover_memory *memory, uint64_t cookie, uint64_t time)
{
	struct layout *shared = memory->shared;
	uint64_t made = shared->reports_made;

	shared->reports[made % HANDOVER_REPORTS_MAX] =
		(struct handover_report){ .time = time, .cookie = cookie };
	shared->reports_made = made + 1;
}

void handover_memory_end_report(struct handover_memory *memory)
{
	struct layout *shared = memory->shared;

	shared->reports[(shared->reports_made - 1) % HANDOVER_REPORTS_MAX].written = 1;
}

static size_t count_reports(const struct handover_memory *memory)
{
	uint64_t made = memory->shared->reports_made;

	return made < HANDOVER_REPORTS_MAX ? (size_t)made : HANDOVER_REPORTS_MAX;
}

void handover_memory_confirm_report(struct handover_memory *memory, uint64_t cookie)
{
	struct handover_report *reports = memory->shared->reports;

	for (size_t i = 0; i < count_reports(memory); i++)
		if (reports[i].cookie == cookie)
			reports[i].written = 1;
}

size_t handover_memory_reports(const struct handover_memory *memory,
			       struct handover_report *reports)
{
	size_t count = count_reports(memory);

	memcpy(reports, memory->shared->reports, count * sizeof(*reports));
	return count;
}

/* ---- records */

void handover_memory_keep(struct handover_memory *memory, const void *record, size_t size)
{
	uint64_t end = handover_memory_end(memory);
	struct slot *slot = slot_of(memory, end);

	if (size > HANDOVER_RECORD_SIZE)
		return;
	slot->size = size;
	memcpy(slot->record, record, size);
	slot->checksum = checksum_of(slot);
	memory->shared->records_kept = end + 1;
}

/* The slot at `end` may have been half overwritten when its writer died: the record that was in it
 * does not count. */
uint64_t handover_memory_first(const struct handover_memory *memory)
{
	uint64_t end = handover_memory_end(memory);

	return end < HANDOVER_RECORDS_MAX ? 0 : end - (HANDOVER_RECORDS_MAX - 1);
}

uint64_t handover_memory_end(const struct handover_memory *memory)
{
	return memory->shared->records_kept;
}

const void *handover_memory_record(const struct handover_memory *memory, uint64_t at, size_t *size)
{
	const struct slot *slot = slot_of(memory, at);

	*size = slot->size < HANDOVER_RECORD_SIZE ? (size_t)slot->size : HANDOVER_RECORD_SIZE;
	return slot->record;
}

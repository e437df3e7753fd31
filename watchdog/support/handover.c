#include "support/handover.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "support/cleanup.h"

struct slot {
	uint64_t size;
	char record[HANDOVER_RECORD_SIZE];
};

/* Each entry is written before the word that makes it count. */
struct memory {
	char names[HANDOVER_AGENTS_MAX + 1][HANDOVER_NAME_SIZE];
	_Atomic uint64_t reports_made;
	struct handover_report reports[HANDOVER_REPORTS_MAX];
	_Atomic uint64_t records_kept;
	struct slot records[HANDOVER_RECORDS_MAX];
	_Atomic uint64_t lost;
};

struct handover {
	int descriptor;
	struct memory *memory;
};

DEFINE_CLEANUP(struct handover *, handover_free);

/* Takes the descriptor. */
static int map(struct handover **ret, int descriptor)
{
	_cleanup_(handover_free_held) struct handover *handover = malloc(sizeof(*handover));
	void *memory;

	if (!handover) {
		close(descriptor);
		return -ENOMEM;
	}
	*handover = (struct handover){ .descriptor = descriptor };
	memory = mmap(NULL, sizeof(struct memory), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor,
		      0);
	if (memory == MAP_FAILED)
		return -errno;
	handover->memory = memory;
	*ret = STEAL_POINTER(handover);
	return 0;
}

int handover_new(struct handover **ret)
{
	_cleanup_close_ int descriptor = memfd_create("connwatch-handover", MFD_CLOEXEC);

	if (descriptor < 0 || ftruncate(descriptor, sizeof(struct memory)) < 0)
		return -errno;
	return map(ret, STEAL_FD(descriptor));
}

int handover_open(struct handover **ret, int descriptor)
{
	struct stat status;
	int own;

	if (fstat(descriptor, &status) < 0)
		return -errno;
	if (status.st_size != sizeof(struct memory))
		return -ESTALE;
	own = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
	return own < 0 ? -errno : map(ret, own);
}

struct handover *handover_free(struct handover *handover)
{
	if (!handover)
		return NULL;
	if (handover->memory)
		munmap(handover->memory, sizeof(*handover->memory));
	close(handover->descriptor);
	free(handover);
	return NULL;
}

int handover_descriptor(const struct handover *handover)
{
	return handover->descriptor;
}

/* ---- agents */

const char *handover_name(const struct handover *handover, uint32_t number)
{
	const char *name = handover->memory->names[number];

	return *name ? name : NULL;
}

static void set_name(char entry[HANDOVER_NAME_SIZE], const char *name)
{
	strncpy(entry + 1, name + 1, HANDOVER_NAME_SIZE - 2);
	atomic_signal_fence(memory_order_release);
	*entry = *name;
}

uint32_t handover_number(struct handover *handover, const char *name, uint32_t max)
{
	uint32_t free = 0;

	if (*name == '\0' || strlen(name) >= HANDOVER_NAME_SIZE)
		return 0;
	for (uint32_t number = 1; number <= max && number <= HANDOVER_AGENTS_MAX; number++) {
		const char *taken = handover_name(handover, number);

		if (taken && strcmp(taken, name) == 0)
			return number;
		if (!taken && !free)
			free = number;
	}
	if (free)
		set_name(handover->memory->names[free], name);
	return free;
}

void handover_free_number(struct handover *handover, uint32_t number)
{
	*handover->memory->names[number] = '\0';
}

/* ---- reports */

void handover_report_begin(struct handover *handover, uint64_t cookie, uint64_t time)
{
	struct memory *memory = handover->memory;
	uint64_t made = memory->reports_made;

	memory->reports[made % HANDOVER_REPORTS_MAX] =
		(struct handover_report){ .time = time, .cookie = cookie };
	memory->reports_made = made + 1;
}

void handover_report_end(struct handover *handover)
{
	struct memory *memory = handover->memory;

	memory->reports[(memory->reports_made - 1) % HANDOVER_REPORTS_MAX].written = 1;
}

static size_t count_reports(const struct handover *handover)
{
	uint64_t made = handover->memory->reports_made;

	return made < HANDOVER_REPORTS_MAX ? made : HANDOVER_REPORTS_MAX;
}

void handover_report_confirm(struct handover *handover, uint64_t cookie)
{
	struct handover_report *reports = handover->memory->reports;

	for (size_t i = 0; i < count_reports(handover); i++)
		if (reports[i].cookie == cookie)
			reports[i].written = 1;
}

size_t handover_reports(const struct handover *handover, struct handover_report *reports)
{
	size_t count = count_reports(handover);

	memcpy(reports, handover->memory->reports, count * sizeof(*reports));
	return count;
}

/* ---- records */

static struct slot *slot_of(const struct handover *handover, uint64_t at)
{
	return &handover->memory->records[at % HANDOVER_RECORDS_MAX];
}

void handover_keep(struct handover *handover, const void *record, size_t size)
{
	uint64_t end = handover_end(handover);
	struct slot *slot = slot_of(handover, end);

	if (size > HANDOVER_RECORD_SIZE)
		return;
	slot->size = size;
	memcpy(slot->record, record, size);
	handover->memory->records_kept = end + 1;
}

/* The slot behind the end may have been half overwritten when its writer died. */
uint64_t handover_first(const struct handover *handover)
{
	uint64_t end = handover_end(handover);

	return end < HANDOVER_RECORDS_MAX ? 0 : end - (HANDOVER_RECORDS_MAX - 1);
}

uint64_t handover_end(const struct handover *handover)
{
	return handover->memory->records_kept;
}

const void *handover_record(const struct handover *handover, uint64_t at, size_t *size)
{
	const struct slot *slot = slot_of(handover, at);

	*size = slot->size < HANDOVER_RECORD_SIZE ? slot->size : HANDOVER_RECORD_SIZE;
	return slot->record;
}

uint64_t handover_lost(const struct handover *handover)
{
	return handover->memory->lost;
}

void handover_set_lost(struct handover *handover, uint64_t lost)
{
	handover->memory->lost = lost;
}

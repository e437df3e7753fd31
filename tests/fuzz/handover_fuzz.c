/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever a connwatchd is handed over: a memory that is taken holds names that end and records of
 * a bounded size, and goes on as any other; a parcel that is refused leaves nothing open. Input: a
 * byte that chooses, then changes to a memory that was whole, or a parcel. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "events/decode.h"
#include "fuzz.h"
#include "support/handover_memory.h"
#include "support/handover_store.h"

static void check_records(const struct handover_memory *memory)
{
	uint64_t end = handover_memory_end(memory);

	MUST(end - handover_memory_first(memory) <= HANDOVER_RECORDS_MAX);
	for (uint64_t at = handover_memory_first(memory); at < end; at++) {
		struct event event;
		size_t size;
		const void *record = handover_memory_record(memory, at, &size);

		MUST(size <= HANDOVER_RECORD_SIZE);
		decode_record(record, size, &event);
	}
}

static void go_on_with(struct handover_memory *memory)
{
	static struct handover_report reports[HANDOVER_REPORTS_MAX];
	uint32_t number;

	for (number = 0; number <= HANDOVER_AGENTS_MAX; number++) {
		const char *name = handover_memory_name(memory, number);

		MUST(!name || strlen(name) < HANDOVER_NAME_SIZE);
	}
	check_records(memory);
	MUST(handover_memory_reports(memory, reports) <= HANDOVER_REPORTS_MAX);
	number = handover_memory_number(memory, "agent", HANDOVER_AGENTS_MAX);
	MUST(number <= HANDOVER_AGENTS_MAX);
	MUST(number == 0 || strcmp(handover_memory_name(memory, number), "agent") == 0);
	handover_memory_begin_report(memory, 1, 2);
	handover_memory_end_report(memory);
	handover_memory_keep(memory, "record", 7);
	check_records(memory);
}

/* Each change is three bytes that say where, one that says how many, and as many bytes. */
static void change(uint8_t *bytes, size_t room, const uint8_t *data, size_t size)
{
	while (size > 4) {
		size_t at = (size_t)data[0] << 16 | (size_t)data[1] << 8 | data[2];
		size_t count = data[3];

		data += 4;
		size -= 4;
		if (count > size)
			count = size;
		at %= room;
		if (count > room - at)
			count = room - at;
		memcpy(bytes + at, data, count);
		data += count;
		size -= count;
	}
}

/* With names and records, as its writer left it. */
static struct handover_memory *make_memory(void)
{
	struct handover_memory *memory = NULL;

	MUST(handover_memory_new(&memory) == 0);
	MUST(handover_memory_number(memory, "edge", 8) == 1);
	handover_memory_keep(memory, "a record", 9);
	handover_memory_keep(memory, "another record", 15);
	return memory;
}

static void open_memory(const uint8_t *data, size_t size)
{
	struct handover_memory *one = make_memory(), *two = NULL;
	struct stat status;
	uint8_t *bytes;
	int r;

	MUST(fstat(handover_memory_descriptor(one), &status) == 0);
	bytes = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		     handover_memory_descriptor(one), 0);
	MUST(bytes != MAP_FAILED);
	change(bytes, (size_t)status.st_size, data, size);
	munmap(bytes, (size_t)status.st_size);
	r = handover_memory_open(&two, handover_memory_descriptor(one));
	MUST(r == -ESTALE || (r == 0 && two));
	if (r == 0)
		go_on_with(two);
	handover_memory_free(two);
	handover_memory_free(one);
}

/* ---- the parcel */

/* Sends `count` descriptors under a label of `size` bytes. */
static void send_parcel(int to, const uint8_t *label, size_t size, unsigned count)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(HANDOVER_DESCRIPTORS_MAX * sizeof(int))];
	} control = { .header = { CMSG_LEN(count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec text = { (void *)label, size };
	struct msghdr message = { .msg_iov = &text, .msg_iovlen = 1 };

	for (unsigned i = 0; i < count; i++)
		memcpy(CMSG_DATA(&control.header) + i * sizeof(int), &to, sizeof(int));
	if (count > 0) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
	}
	MUST(sendmsg(to, &message, MSG_NOSIGNAL) >= 0);
}

static void take_parcel(const uint8_t *data, size_t size)
{
	int found[HANDOVER_DESCRIPTORS_MAX], ends[2], first, r;
	unsigned count = data[0], max = data[1];

	count = count < HANDOVER_DESCRIPTORS_MAX ? count : HANDOVER_DESCRIPTORS_MAX;
	max = max < HANDOVER_DESCRIPTORS_MAX ? max : HANDOVER_DESCRIPTORS_MAX;
	MUST(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == 0);
	first = fcntl(ends[0], F_DUPFD_CLOEXEC, 0);
	close(first);
	send_parcel(ends[0], data + 2, size - 2, count);
	r = handover_store_unpack(ends[1], "v1", 2, found, max);
	MUST(r == -ESTALE || (r == (int)count && count <= max));
	while (r > 0)
		close(found[--r]);
	r = fcntl(ends[0], F_DUPFD_CLOEXEC, 0);
	MUST(r == first); /* nothing was left open */
	close(r);
	close(ends[0]);
	close(ends[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3)
		return 0;
	if (data[0] & 1)
		open_memory(data + 1, size - 1);
	else
		take_parcel(data + 1, size - 1 < 4096 ? size - 1 : 4096);
	return 0;
}

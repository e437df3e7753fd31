/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads messages of the proc connector and /proc/PID/stat; no bad one is read beyond its end (ASan
 * watches). */
#include "sources/process_events.h"

#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "support/process_files.h"

/* The connector's layout: struct proc_event follows struct cn_msg without a gap. */
enum {
	EVENT_AT = sizeof(struct nlmsghdr) + sizeof(struct cn_msg),
	MESSAGE_SIZE = EVENT_AT + sizeof(struct proc_event),
};

static void build(char message[static MESSAGE_SIZE], const struct proc_event *event)
{
	struct nlmsghdr header = { .nlmsg_len = MESSAGE_SIZE };
	struct cn_msg connector = { .id = { CN_IDX_PROC, CN_VAL_PROC }, .len = sizeof(*event) };

	memcpy(message, &header, sizeof(header));
	memcpy(message + sizeof(header), &connector, sizeof(connector));
	memcpy(message + EVENT_AT, event, sizeof(*event));
}

/* Parses a copy of the first `size` bytes that ends where its memory ends. */
static int parse(const char *message, size_t size, struct process_notice *notice)
{
	void *copy = malloc(size);
	int r;

	memcpy(copy, message, size);
	r = process_events_parse(copy, size, notice);
	free(copy);
	return r;
}

static void events_are_read(void)
{
	struct proc_event event = { .what = PROC_EVENT_FORK, .timestamp_ns = 2500000 };
	struct process_notice notice;
	char message[MESSAGE_SIZE];

	event.event_data.fork = (struct fork_proc_event){ 10, 10, 20, 20 };
	build(message, &event);
	CU_ASSERT_EQUAL_FATAL(parse(message, sizeof(message), &notice), 0);
	CU_ASSERT_EQUAL(notice.type, PROCESS_FORKED);
	CU_ASSERT_EQUAL(notice.time, 2500);
	CU_ASSERT_EQUAL(notice.parent, 10);
	CU_ASSERT_EQUAL(notice.pid, 20);

	event.what = PROC_EVENT_EXIT;
	event.event_data.exit = (struct exit_proc_event){ .process_pid = 21,
							  .process_tgid = 20,
							  .exit_code = 0x8b };
	build(message, &event);
	CU_ASSERT_EQUAL_FATAL(parse(message, sizeof(message), &notice), 0);
	CU_ASSERT_EQUAL(notice.type, PROCESS_EXITED);
	CU_ASSERT_EQUAL(notice.pid, 20);
	CU_ASSERT_EQUAL(notice.thread, 21);
	CU_ASSERT_EQUAL(notice.exit_code, 0x8b);
}

static void threads_and_the_rest_tell_nothing(void)
{
	struct proc_event event = { .what = PROC_EVENT_FORK };
	struct process_notice notice;
	char message[MESSAGE_SIZE];

	event.event_data.fork = (struct fork_proc_event){ 10, 10, 11, 10 };
	build(message, &event);
	CU_ASSERT_EQUAL(parse(message, sizeof(message), &notice), -ENOMSG);
	event.what = PROC_EVENT_UID;
	build(message, &event);
	CU_ASSERT_EQUAL(parse(message, sizeof(message), &notice), -ENOMSG);
}

static void what_is_cut_off_is_not_read(void)
{
	struct proc_event event = { .what = PROC_EVENT_EXEC };
	struct process_notice notice;
	char message[MESSAGE_SIZE];

	build(message, &event);
	for (uint32_t size = 0; size < sizeof(message); size++) {
		CU_ASSERT_EQUAL(parse(message, size, &notice), -EBADMSG);
		if (size < sizeof(struct nlmsghdr))
			continue;
		memcpy(message, &size, sizeof(size)); /* a header that fits the rest */
		CU_ASSERT_EQUAL(parse(message, size, &notice), -EBADMSG);
		build(message, &event);
	}
}

static void a_header_that_is_too_long_is_not_believed(void)
{
	static const uint32_t lengths[] = { MESSAGE_SIZE + 1, INT32_MAX, 1U << 31, UINT32_MAX };
	struct proc_event event = { .what = PROC_EVENT_EXEC };
	struct process_notice notice;
	char message[MESSAGE_SIZE];

	build(message, &event);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		memcpy(message, &lengths[i], sizeof(lengths[i]));
		CU_ASSERT_EQUAL(parse(message, sizeof(message), &notice), -EBADMSG);
	}
}

static void a_length_of_its_own_is_not_believed(void)
{
	static const uint16_t lengths[] = { 0, 1, sizeof(struct proc_event) - 1,
					    sizeof(struct proc_event) + 1, UINT16_MAX };
	struct proc_event event = { .what = PROC_EVENT_EXEC };
	struct process_notice notice;
	char message[MESSAGE_SIZE];

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		build(message, &event);
		memcpy(message + sizeof(struct nlmsghdr) + offsetof(struct cn_msg, len),
		       &lengths[i], sizeof(lengths[i]));
		CU_ASSERT_EQUAL(parse(message, sizeof(message), &notice), -EBADMSG);
	}
}

static void a_name_may_hold_anything(void)
{
	static const char text[] =
		"4711 (a) S (b 1) T 1 4711 4711 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 9 "
		"0 123 456\n";
	struct process_status status;

	CU_ASSERT_EQUAL_FATAL(process_status_parse(text, strlen(text), &status), 0);
	CU_ASSERT_STRING_EQUAL(status.comm, "a) S (b 1");
	CU_ASSERT_EQUAL(status.state, 'T');
	CU_ASSERT_EQUAL(status.threads, 9);
	CU_ASSERT_EQUAL(status.started, 123);
}

static void other_texts_are_refused(void)
{
	static const char *const texts[] = { "", "4711", "4711 (a", "4711 )a(", "4711 (a) S 1 2" };
	struct process_status status;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		CHECK(process_status_parse(texts[i], strlen(texts[i]), &status) == -EBADMSG,
		      texts[i]);
}

SUITE("process events", { "events are read", events_are_read },
      { "threads and the rest tell nothing", threads_and_the_rest_tell_nothing },
      { "what is cut off is not read", what_is_cut_off_is_not_read },
      { "a header that is too long is not believed", a_header_that_is_too_long_is_not_believed },
      { "a length of its own is not believed", a_length_of_its_own_is_not_believed },
      { "a name may hold anything", a_name_may_hold_anything },
      { "other texts are refused", other_texts_are_refused })

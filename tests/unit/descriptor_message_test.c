/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/descriptor_message.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "namespace/service.h"
#include "process/service.h"
#include "suite.h"

static int ends[2];

static void open_ends(void)
{
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
}

static void close_ends(void)
{
	close(ends[0]);
	close(ends[1]);
}

/* The number that the next descriptor gets: the same as before if nothing was left open. */
static int next_descriptor(void)
{
	int fd = dup(ends[0]), number = fd;

	close(fd);
	return number;
}

static void descriptors_come_with_it(void)
{
	int sent[2], found[2] = { -1, -1 }, number = 7, heard = 0;
	struct stat one, two;

	open_ends();
	CU_ASSERT_EQUAL_FATAL(pipe(sent), 0);
	CU_ASSERT_EQUAL(descriptor_message_send(ends[0], &number, sizeof(number), sent, 2), 0);
	CU_ASSERT_EQUAL_FATAL(descriptor_message_receive(ends[1], &heard, sizeof(heard), found, 2),
			      2);
	CU_ASSERT_EQUAL(heard, 7);
	for (unsigned i = 0; i < 2; i++) {
		CU_ASSERT(fstat(sent[i], &one) == 0 && fstat(found[i], &two) == 0 &&
			  one.st_ino == two.st_ino);
		CU_ASSERT_EQUAL(fcntl(found[i], F_GETFD), FD_CLOEXEC);
		close(found[i]);
		close(sent[i]);
	}
	close_ends();
}

/* Room for one descriptor is room for two, for the sake of alignment (cmsg(3)). */
static void others_leave_nothing_open(void)
{
	static const struct {
		const char *proves;
		size_t size;
		unsigned count, max;
		int result;
	} rows[] = {
		{ "as it should be", sizeof(int), 1, 1, 1 },
		{ "without a descriptor", sizeof(int), 0, 1, 0 },
		{ "one descriptor more than asked for", sizeof(int), 2, 1, -EBADMSG },
		{ "many more", sizeof(int), MESSAGE_DESCRIPTORS_MAX, 1, -EBADMSG },
		{ "one where none is asked for", sizeof(int), 1, 0, -EBADMSG },
		{ "too short", sizeof(int) - 1, 1, 1, -EBADMSG },
		{ "too long", sizeof(int) + 1, 1, 1, -EBADMSG },
		{ "too long, and two descriptors", sizeof(int) + 1, 2, 1, -EBADMSG },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int sent[MESSAGE_DESCRIPTORS_MAX], found[MESSAGE_DESCRIPTORS_MAX], heard, before, r;
		char text[8] = "";

		open_ends();
		before = next_descriptor();
		for (unsigned k = 0; k < MESSAGE_DESCRIPTORS_MAX; k++)
			sent[k] = ends[0];
		descriptor_message_send(ends[0], text, rows[i].size, sent, rows[i].count);
		r = descriptor_message_receive(ends[1], &heard, sizeof(heard), found, rows[i].max);
		CHECK(r == rows[i].result, rows[i].proves);
		while (r > 0)
			close(found[--r]);
		CHECK(next_descriptor() == before, rows[i].proves);
		close_ends();
	}
}

static void services_leave_nothing_open(void)
{
	int two[2], protocol = 0, before;

	open_ends();
	before = next_descriptor();
	two[0] = two[1] = ends[0];
	descriptor_message_send(ends[0], &protocol, sizeof(protocol), two, 2);
	CU_ASSERT_EQUAL(namespace_service_answer(ends[1]), -EBADMSG);
	CU_ASSERT_EQUAL(next_descriptor(), before);
	descriptor_message_send(ends[0], "sixteen bytes!!", 16, two, 2);
	CU_ASSERT_EQUAL(process_service_answer(ends[1]), -EBADMSG);
	CU_ASSERT_EQUAL(next_descriptor(), before);
	close_ends();
}

/* ---- what connwatch-process answers, about this process */

struct asked {
	uint32_t type;
	int32_t pid;
	uint64_t netns;
};

struct answered {
	int32_t result;
	uint32_t count;
	uint64_t netns;
	uint32_t sockets[124];
};

static int ask(uint32_t type, int pid, uint64_t netns, struct answered *answer, int *found)
{
	const struct asked asked = { type, pid, netns };

	CU_ASSERT_EQUAL(descriptor_message_send(ends[0], &asked, sizeof(asked), NULL, 0), 0);
	CU_ASSERT_EQUAL(process_service_answer(ends[1]), 0);
	return descriptor_message_receive(ends[0], answer, sizeof(*answer), found,
					  MESSAGE_DESCRIPTORS_MAX);
}

static void the_service_answers(void)
{
	int found[MESSAGE_DESCRIPTORS_MAX], before;
	struct stat own, program, socket_status;
	struct answered answer;
	bool listed = false;

	open_ends();
	before = next_descriptor();
	CU_ASSERT_EQUAL_FATAL(stat("/proc/self/ns/net", &own), 0);
	CU_ASSERT_EQUAL(ask(0, getpid(), 0, &answer, found), 0);
	CU_ASSERT(answer.result == 0 && answer.netns == own.st_ino);
	CU_ASSERT_EQUAL_FATAL(ask(1, getpid(), own.st_ino, &answer, found), 1);
	CU_ASSERT(fstat(found[0], &program) == 0 && program.st_ino == own.st_ino);
	close(found[0]);
	CU_ASSERT_EQUAL(ask(1, getpid(), own.st_ino + 1, &answer, found), 0);
	CU_ASSERT_EQUAL(answer.result, -ESTALE);
	CU_ASSERT_EQUAL(ask(2, getpid(), 0, &answer, found), 0);
	CU_ASSERT_EQUAL_FATAL(fstat(ends[0], &socket_status), 0);
	for (unsigned i = 0; i < answer.count; i++)
		listed |= answer.sockets[i] == (uint32_t)socket_status.st_ino;
	CU_ASSERT(answer.result == 0 && listed);
	CU_ASSERT_EQUAL_FATAL(stat("/proc/self/exe", &own), 0);
	for (uint32_t type = 3; type <= 4; type++) {
		int count = ask(type, getpid(), 0, &answer, found);

		CU_ASSERT(count >= 1 && fstat(found[0], &program) == 0 &&
			  program.st_ino == own.st_ino);
		while (count > 0)
			close(found[--count]);
		waitpid(-1, NULL, 0);
	}
	for (uint32_t type = 5; type <= 6; type++) {
		CU_ASSERT_EQUAL(ask(type, getpid(), 0, &answer, found), 0);
		CU_ASSERT_EQUAL(answer.result, 0);
		waitpid(-1, NULL, 0);
	}
	for (uint32_t type = 7; type <= 8; type++) { /* its C library, if it has a file */
		int count = ask(type, getpid(), 0, &answer, found);

		CU_ASSERT_EQUAL(answer.result, 0);
		while (count > 0)
			close(found[--count]);
		waitpid(-1, NULL, 0);
	}
	CU_ASSERT_EQUAL(ask(9, getpid(), 0, &answer, found), 0);
	CU_ASSERT_EQUAL(answer.result, -EINVAL);
	CU_ASSERT_EQUAL(ask(0, -1, 0, &answer, found), 0);
	CU_ASSERT_EQUAL(answer.result, -EINVAL);
	CU_ASSERT_EQUAL(next_descriptor(), before);
	close_ends();
}

static void many_sockets_take_many_messages(void)
{
	enum { MANY = 300 };
	int found[MESSAGE_DESCRIPTORS_MAX], sockets[MANY];
	struct answered answer;
	unsigned count = 0;

	open_ends();
	for (unsigned i = 0; i < MANY; i++)
		sockets[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL(ask(2, getpid(), 0, &answer, found), 0);
	for (count = answer.count; answer.result == 1; count += answer.count)
		CU_ASSERT_EQUAL_FATAL(
			descriptor_message_receive(ends[0], &answer, sizeof(answer), found, 0), 0);
	CU_ASSERT(answer.result == 0 && count >= MANY + 2);
	for (unsigned i = 0; i < MANY; i++)
		close(sockets[i]);
	close_ends();
}

SUITE("descriptor_message", { "descriptors come with it", descriptors_come_with_it },
      { "others leave nothing open", others_leave_nothing_open },
      { "services leave nothing open", services_leave_nothing_open },
      { "the service answers", the_service_answers },
      { "many sockets take many messages", many_sockets_take_many_messages })

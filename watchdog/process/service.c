/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "process/service.h"

#include <signal.h>

#include "support/cleanup.h"
#include "support/descriptor_message.h"

/* as in units/connwatch-process.socket */
static const char service[] = "/run/connwatch/process";

enum question_type {
	ASK_NAMESPACE,
	ASK_OPEN_NAMESPACE,
	ASK_SOCKETS,
	ASK_INSTALLED,
	ASK_MAPPED,
	ASK_WAIT, /* of a task: `pid` is its TID */
	ASK_DISK,
	ASK_INSTALLED_LIBC,
	ASK_MAPPED_LIBC,
};

struct question {
	uint32_t type; /* enum question_type */
	int32_t pid;
	uint64_t netns;
};

enum { SOCKETS_AT_ONCE = 124 };

struct answer {
	int32_t result; /* 0, -errno, or 1: another message follows */
	uint32_t count; /* of sockets */
	uint64_t netns;
	union {
		uint32_t sockets[SOCKETS_AT_ONCE];
		struct wait_view wait;
		struct disk_view disk;
	};
};

_Static_assert(sizeof(struct question) == 16 && sizeof(struct answer) == 512, "no padding");
_Static_assert((int)LIBRARIES_MAX == (int)MESSAGE_DESCRIPTORS_MAX, "all of them go with one");

/* ---- who asks */

/* Returns the connection on which the answer comes, or -errno. */
static int ask(enum question_type type, pid_t pid, uint64_t netns)
{
	const struct question question = { type, pid, netns };
	_cleanup_close_ int connection = descriptor_message_connect(service);
	int r;

	if (connection < 0)
		return connection == -EPERM ? -EACCES : connection;
	r = descriptor_message_send(connection, &question, sizeof(question), NULL, 0);
	return r < 0 ? r : STEAL_FD(connection);
}

/* Returns how many descriptors came with the answer, or -errno, also that of the answer. */
static int hear(int connection, struct answer *answer, int *descriptors, unsigned max)
{
	int r = descriptor_message_receive(connection, answer, sizeof(*answer), descriptors, max);

	if (r >= 0 && answer->count > SOCKETS_AT_ONCE)
		answer->count = SOCKETS_AT_ONCE;
	return r >= 0 && answer->result < 0 ? answer->result : r;
}

int process_service_namespace(pid_t pid, uint64_t *inode)
{
	_cleanup_close_ int connection = -1;
	struct answer answer;
	int r = process_view_namespace(pid, inode);

	if (r != -EACCES)
		return r;
	connection = ask(ASK_NAMESPACE, pid, 0);
	r = connection < 0 ? connection : hear(connection, &answer, NULL, 0);
	if (r >= 0)
		*inode = answer.netns;
	return r;
}

int process_service_open_namespace(pid_t pid, uint64_t inode)
{
	_cleanup_close_ int connection = -1, namespace = -1;
	struct answer answer;
	int r = process_view_open_namespace(pid, inode);

	if (r != -EACCES)
		return r;
	connection = ask(ASK_OPEN_NAMESPACE, pid, inode);
	r = connection < 0 ? connection : hear(connection, &answer, &namespace, 1);
	if (r < 0)
		return r;
	return namespace >= 0 ? STEAL_FD(namespace) : -ECONNRESET;
}

int process_service_sockets(pid_t pid, void (*visit)(void *userdata, uint32_t inode),
			    void *userdata)
{
	_cleanup_close_ int connection = -1;
	struct answer answer = { .result = 1 };
	int r = process_view_sockets(pid, visit, userdata);

	if (r != -EACCES)
		return r;
	connection = ask(ASK_SOCKETS, pid, 0);
	r = connection < 0 ? connection : 0;
	while (r >= 0 && answer.result > 0) {
		r = hear(connection, &answer, NULL, 0);
		for (unsigned i = 0; r >= 0 && i < answer.count; i++)
			visit(userdata, answer.sockets[i]);
	}
	return r;
}

static void find_libraries(pid_t pid, enum libraries_which which, struct libraries *libraries)
{
	switch (which) {
	case LIBRARIES_INSTALLED:
		libraries_add_program(libraries, pid);
		libraries_add_installed(libraries, pid, LIBRARY_SSL);
		break;
	case LIBRARIES_MAPPED:
		libraries_add_program(libraries, pid);
		libraries_add_mapped(libraries, pid, LIBRARY_SSL);
		break;
	case RESOLVERS_INSTALLED:
		libraries_add_installed(libraries, pid, LIBRARY_C);
		break;
	case RESOLVERS_MAPPED:
		libraries_add_mapped(libraries, pid, LIBRARY_C);
		break;
	}
}

int process_service_libraries(pid_t pid, enum libraries_which which, struct libraries *libraries)
{
	static const enum question_type types[] = {
		[LIBRARIES_INSTALLED] = ASK_INSTALLED,
		[LIBRARIES_MAPPED] = ASK_MAPPED,
		[RESOLVERS_INSTALLED] = ASK_INSTALLED_LIBC,
		[RESOLVERS_MAPPED] = ASK_MAPPED_LIBC,
	};
	enum question_type type = types[which];
	_cleanup_close_ int connection = process_view_is_open() ? -EACCES : ask(type, pid, 0);
	struct answer answer;
	int r;

	if (connection == -EACCES) {
		find_libraries(pid, which, libraries);
		return 0;
	}
	if (connection < 0)
		return connection;
	r = hear(connection, &answer, libraries->files, LIBRARIES_MAX);
	libraries->count = r > 0 ? (unsigned)r : 0;
	return r < 0 ? r : 0;
}

/* The caller of such a question asks again another time: what is not known now is not known. */
static int ask_view(enum question_type type, pid_t pid, struct answer *answer)
{
	_cleanup_close_ int connection = process_view_is_open() ? -EACCES : ask(type, pid, 0);
	int r;

	if (connection < 0)
		return connection;
	r = hear(connection, answer, NULL, 0);
	return r < 0 ? r : 0;
}

int process_service_wait(pid_t tid, struct wait_view *wait)
{
	struct answer answer;
	int r = ask_view(ASK_WAIT, tid, &answer);

	*wait = (struct wait_view){ .system_call = WAIT_UNKNOWN };
	if (r == -EACCES) {
		process_view_wait(tid, wait);
		return 0;
	}
	if (r == 0)
		*wait = answer.wait;
	wait->channel[sizeof(wait->channel) - 1] = '\0';
	return r;
}

int process_service_disk(pid_t pid, struct disk_view *disk)
{
	struct answer answer;
	int r = ask_view(ASK_DISK, pid, &answer);

	*disk = (struct disk_view){ .trouble = DISK_WELL };
	if (r == -EACCES) {
		process_view_disk(pid, disk);
		return 0;
	}
	if (r == 0)
		*disk = answer.disk;
	disk->mount_point[sizeof(disk->mount_point) - 1] = '\0';
	return r;
}

/* ---- who answers */

static int send_answer(int connection, const struct answer *answer, const int *descriptors,
		       unsigned count)
{
	return descriptor_message_send(connection, answer, sizeof(*answer), descriptors, count);
}

static int answer_open_namespace(int connection, const struct question *question)
{
	_cleanup_close_ int fd = process_view_open_namespace(question->pid, question->netns);
	const struct answer answer = { .result = fd < 0 ? fd : 0 };

	return send_answer(connection, &answer, &fd, fd >= 0);
}

struct socket_list {
	int connection, error;
	struct answer answer;
};

static void add_socket(void *userdata, uint32_t inode)
{
	struct socket_list *list = userdata;
	struct answer *answer = &list->answer;

	answer->sockets[answer->count++] = inode;
	if (answer->count < SOCKETS_AT_ONCE)
		return;
	answer->result = 1;
	if (list->error >= 0)
		list->error = send_answer(list->connection, answer, NULL, 0);
	answer->count = 0;
}

static int answer_sockets(int connection, const struct question *question)
{
	struct socket_list list = { .connection = connection };

	list.answer.result = process_view_sockets(question->pid, add_socket, &list);
	return list.error < 0 ? list.error : send_answer(connection, &list.answer, NULL, 0);
}

static int send_libraries(int connection, pid_t pid, enum libraries_which which)
{
	const struct answer answer = { 0 };
	struct libraries libraries = {};
	int r;

	find_libraries(pid, which, &libraries);
	r = send_answer(connection, &answer, libraries.files, libraries.count);
	libraries_close(&libraries);
	return r;
}

static int send_wait(int connection, pid_t tid)
{
	struct answer answer = { 0 };

	process_view_wait(tid, &answer.wait);
	return send_answer(connection, &answer, NULL, 0);
}

static int send_disk(int connection, pid_t pid)
{
	struct answer answer = { 0 };

	process_view_disk(pid, &answer.disk);
	return send_answer(connection, &answer, NULL, 0);
}

static int send_slow_answer(int connection, const struct question *question)
{
	switch (question->type) {
	case ASK_INSTALLED:
		return send_libraries(connection, question->pid, LIBRARIES_INSTALLED);
	case ASK_MAPPED:
		return send_libraries(connection, question->pid, LIBRARIES_MAPPED);
	case ASK_INSTALLED_LIBC:
		return send_libraries(connection, question->pid, RESOLVERS_INSTALLED);
	case ASK_MAPPED_LIBC:
		return send_libraries(connection, question->pid, RESOLVERS_MAPPED);
	case ASK_WAIT:
		return send_wait(connection, question->pid);
	default:
		return send_disk(connection, question->pid);
	}
}

/* In a child: what it looks at may never answer. */
static int answer_slowly(int connection, const struct question *question)
{
	pid_t child = fork();

	if (child < 0)
		return -errno;
	if (child > 0)
		return 0;
	signal(SIGALRM, SIG_DFL);
	alarm(1);
	_exit(send_slow_answer(connection, question) < 0 ? 1 : 0);
}

static int refuse(int connection, int error)
{
	const struct answer answer = { .result = error };

	return send_answer(connection, &answer, NULL, 0);
}

int process_service_answer(int connection)
{
	struct answer answer = { 0 };
	struct question question;
	int r = descriptor_message_limit(connection);

	if (r >= 0)
		r = descriptor_message_receive(connection, &question, sizeof(question), NULL, 0);
	if (r < 0)
		return r;
	if (question.pid <= 0)
		return refuse(connection, -EINVAL);
	switch (question.type) {
	case ASK_NAMESPACE:
		answer.result = process_view_namespace(question.pid, &answer.netns);
		return send_answer(connection, &answer, NULL, 0);
	case ASK_OPEN_NAMESPACE:
		return answer_open_namespace(connection, &question);
	case ASK_SOCKETS:
		return answer_sockets(connection, &question);
	case ASK_INSTALLED:
	case ASK_MAPPED:
	case ASK_WAIT:
	case ASK_DISK:
	case ASK_INSTALLED_LIBC:
	case ASK_MAPPED_LIBC:
		return answer_slowly(connection, &question);
	}
	return refuse(connection, -EINVAL);
}

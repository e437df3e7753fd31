/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What connwatch-process sees of a process of another user: as root, with CAP_SYS_PTRACE and no
 * other capability, as its unit has it. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit/suite.h"
#include "process/view.h"

enum { NOBODY = 65534, SOCKETS = 3 };

static void keep_capabilities(uint32_t mask)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{ .effective = mask, .permitted = mask },
	};

	CU_ASSERT_EQUAL_FATAL(syscall(SYS_capset, &header, data), 0);
}

/* Starts an agent of another user, with these sockets and a pipe open. Returns its pid when it is
 * that user's. */
static pid_t start_agent(const int sockets[static SOCKETS])
{
	int ready[2];
	pid_t child;
	char byte;

	CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		/* until execve(2), the memory of who changed its user counts as a secret, else */
		if (setgroups(0, NULL) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0 ||
		    prctl(PR_SET_DUMPABLE, 1) < 0 || fcntl(sockets[0], F_GETFD) < 0)
			_exit(1);
		if (write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	CU_ASSERT_EQUAL_FATAL(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return child;
}

struct seen {
	unsigned count, right;
	const ino_t *wanted;
};

static void look(void *userdata, uint32_t inode)
{
	struct seen *seen = userdata;

	seen->count++;
	for (unsigned i = 0; i < SOCKETS; i++)
		seen->right += seen->wanted[i] == inode;
}

/* /proc/PID/fdinfo shows inodes since Linux 5.14. */
static bool kernel_shows_inodes(void)
{
	char text[256] = "";
	int fd = open("/proc/self/fdinfo/0", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	return n > 0 && strstr(text, "ino:");
}

static void sockets_of_another_user(void)
{
	ino_t inodes[SOCKETS];
	int sockets[SOCKETS];
	struct seen seen = { .wanted = inodes };
	pid_t agent;
	int r;

	for (unsigned i = 0; i < SOCKETS; i++) {
		struct stat status;

		sockets[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		CU_ASSERT_EQUAL_FATAL(fstat(sockets[i], &status), 0);
		inodes[i] = status.st_ino;
	}
	agent = start_agent(sockets);
	keep_capabilities(CAP_TO_MASK(CAP_SYS_PTRACE) | CAP_TO_MASK(CAP_KILL));
	r = process_view_sockets(agent, look, &seen);
	if (kernel_shows_inodes()) {
		CU_ASSERT_EQUAL(r, 0);
		CU_ASSERT_EQUAL(seen.right, SOCKETS);
		CU_ASSERT_TRUE(seen.count >=
			       SOCKETS); /* the agent has those of whoever runs this test, too */
	} else {
		CU_ASSERT_EQUAL(r, -EACCES);
	}

	keep_capabilities(CAP_TO_MASK(CAP_KILL));
	seen.count = 0;
	CU_ASSERT_EQUAL(process_view_sockets(agent, look, &seen), -EACCES);
	CU_ASSERT_EQUAL(seen.count, 0);
	CU_ASSERT_EQUAL(process_view_sockets(getpid(), look, &seen), 0);
	CU_ASSERT_TRUE(seen.count >= SOCKETS);
	CU_ASSERT_EQUAL(kill(agent, SIGKILL), 0);
	CU_ASSERT_EQUAL(waitpid(agent, NULL, 0), agent);
}

SUITE("process_view", { "sockets of another user", sockets_of_another_user })

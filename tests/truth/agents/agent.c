/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An agent in C that does what it is told: one connection, many threads, commands from a FIFO.
 *
 *     agent ADDRESS PORT FIFO [ROLE]
 *
 * Commands and roles: see README.md. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int connection = -1;
static volatile int hanging;
static sigjmp_buf landing;
static char **words; /* of main() */
static volatile sig_atomic_t reloads, reload_is_due;
static pid_t worker;

static void rest(long milliseconds)
{
	struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000 };

	while (nanosleep(&time, &time) < 0)
		; /* a signal came */
}

static int reach(const char *address, int port)
{
	struct sockaddr_in peer = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct sockaddr_in6 peer6 = { .sin6_family = AF_INET6, .sin6_port = peer.sin_port };
	bool ipv4 = inet_pton(AF_INET, address, &peer.sin_addr) == 1;
	int file = socket(ipv4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r;

	inet_pton(AF_INET6, address, &peer6.sin6_addr);
	r = ipv4 ? connect(file, (struct sockaddr *)&peer, sizeof(peer))
		 : connect(file, (struct sockaddr *)&peer6, sizeof(peer6));
	if (r < 0) {
		perror("connect");
		close(file);
		return -1;
	}
	return file;
}

/* Reads what comes, as an agent does, and closes when the peer has closed. */
static void *read_all(void *unused)
{
	char buffer[4096];

	(void)unused;
	for (;;) {
		int file = connection;

		if (file < 0 || hanging) {
			rest(20);
			continue;
		}
		if (recv(file, buffer, sizeof(buffer), 0) <= 0 && connection == file) {
			connection = -1;
			close(file);
		}
	}
	return NULL;
}

/* The connection, taken from the reading thread, which is woken up by the shutdown. */
static int take(void)
{
	int file = connection;

	connection = -1;
	return file;
}

static void say_goodbye(void)
{
	int file = take();

	shutdown(file, SHUT_WR);
	close(file);
}

static void abort_connection(void)
{
	struct linger at_once = { 1, 0 };
	int file = take();

	setsockopt(file, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	shutdown(file, SHUT_RD); /* wakes the reader, which holds a reference to the file */
	rest(30);
	close(file);
}

/* The FIN goes first; what closes the socket then would have sent a RST. */
static void abort_after_fin(void)
{
	struct linger at_once = { 1, 0 };
	int file = take();

	shutdown(file, SHUT_WR);
	rest(30);
	setsockopt(file, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(file);
}

static void *write_all(void *file)
{
	while (send(*(int *)file, "x", 1, MSG_NOSIGNAL) == 1)
		rest(1);
	return NULL;
}

/* One thread closes while another one writes and a third one reads: the last of them closes. */
static void close_while_writing(void)
{
	static int file;
	pthread_t thread;

	file = connection;
	pthread_create(&thread, NULL, write_all, &file);
	rest(50);
	close(take());
}

/* The connection is closed, or goes on, in the program that takes the place of this one. */
static void become(const char *role)
{
	char number[16];

	if (!strcmp(role, "again")) {
		fcntl(connection, F_SETFD, 0);
		snprintf(number, sizeof(number), "fd=%d", connection);
		role = number;
	}
	execl("/proc/self/exe", words[0], words[1], words[2], words[3], role, NULL);
}

/* Closes and connects again, as after a change of the settings. */
static void *reload(void *unused)
{
	for (;; rest(20)) {
		if (!reload_is_due)
			continue;
		reload_is_due = 0;
		say_goodbye();
		connection = reach(words[1], atoi(words[2]));
	}
	return unused;
}

/* The kernel ends those that run for longer: by SIGKILL, or by SIGXCPU before. */
static void run_out_of_time(rlim_t soft)
{
	struct rlimit limit = { soft, 1 };

	setrlimit(RLIMIT_CPU, &limit);
	for (;;)
		;
}

/* Until nothing more has found room for a moment. */
static void flood(void)
{
	static const char plenty[1 << 16];

	for (int refused = 0; refused < 20; rest(10), refused++)
		while (send(connection, plenty, sizeof(plenty), MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
			refused = 0;
}

static void land(int number)
{
	(void)number;
	siglongjmp(landing, 1);
}

static void fault(void)
{
	struct sigaction old, action = { .sa_handler = land };

	sigaction(SIGSEGV, &action, &old);
	if (!sigsetjmp(landing, 1))
		*(volatile int *)8 = 0;
	sigaction(SIGSEGV, &old, NULL);
}

/* A child that has nothing to do with the connection. */
static void start_helper(int crashes)
{
	if (fork() == 0)
		execl("/bin/sh", "sh", "-c", crashes ? "kill -SEGV $$" : "exec sleep 30", NULL);
}

static void obey(const char *line)
{
	static const char large[3000];
	long a = 0, b = 0;
	char word[32] = "", path[100] = "";

	sscanf(line, "%31s %ld %ld", word, &a, &b);
	sscanf(line, "open %99s", path);
	if (!strcmp(word, "send"))
		send(connection, "x", 1, MSG_NOSIGNAL);
	else if (!strcmp(word, "send-large"))
		send(connection, large, sizeof(large), MSG_NOSIGNAL);
	else if (!strcmp(word, "close") || !strcmp(word, "give-up"))
		say_goodbye();
	else if (!strcmp(word, "abort"))
		abort_connection();
	else if (!strcmp(word, "half-close"))
		shutdown(connection, SHUT_WR);
	else if (!strcmp(word, "fin-abort"))
		abort_after_fin();
	else if (!strcmp(word, "close-writing"))
		close_while_writing();
	else if (!strcmp(word, "exec-close"))
		become("idle");
	else if (!strcmp(word, "exec"))
		become("again");
	else if (!strcmp(word, "reload"))
		reloads = 1;
	else if (!strcmp(word, "run-out-of-time"))
		run_out_of_time((rlim_t)a);
	else if (!strcmp(word, "flood"))
		flood();
	else if (!strcmp(word, "exit"))
		_exit((int)a);
	else if (!strcmp(word, "give-up-exit"))
		say_goodbye(), _exit((int)a);
	else if (!strcmp(word, "close-exit"))
		say_goodbye(), rest(a), _exit((int)b);
	else if (!strcmp(word, "abort-exit"))
		abort_connection(), rest(a), _exit((int)b);
	else if (!strcmp(word, "crash"))
		*(volatile int *)8 = 0;
	else if (!strcmp(word, "trap"))
		abort();
	else if (!strcmp(word, "hang"))
		hanging = 1;
	else if (!strcmp(word, "open"))
		close(open(path, O_RDONLY));
	else if (!strcmp(word, "fault"))
		fault();
	else if (!strcmp(word, "helper-crash"))
		start_helper(1);
	else if (!strcmp(word, "helper-idle"))
		start_helper(0);
}

static void pass(int number)
{
	if (number == SIGHUP && reloads)
		reload_is_due = 1;
}

static void stop(int number)
{
	(void)number;
	_exit(0);
}

static void hand_on(int number)
{
	kill(worker, number);
}

static void hear_signals(void)
{
	struct sigaction passing = { .sa_handler = pass, .sa_flags = SA_RESTART };
	struct sigaction stopping = { .sa_handler = stop };

	sigaction(SIGHUP, &passing, NULL);
	sigaction(SIGUSR1, &passing, NULL);
	sigaction(SIGINT, &passing, NULL);
	sigaction(SIGTERM, &stopping, NULL);
}

/* ---- roles */

/* Ends as the worker does. */
static void watch_over_worker(void)
{
	struct sigaction handing_on = { .sa_handler = hand_on };
	int status;

	sigaction(SIGTERM, &handing_on, NULL);
	while (waitpid(worker, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* The connection is opened here and used by a child, as by inetd. */
static void hand_down(void)
{
	connection = reach(words[1], atoi(words[2]));
	worker = fork();
	if (worker == 0)
		return;
	close(connection);
	watch_over_worker();
}

union control {
	char room[CMSG_SPACE(sizeof(int))];
	struct cmsghdr header;
};

static void pass_on(int channel, int file)
{
	union control control = { 0 };
	struct iovec word = { (char[]){ "c" }, 1 };
	struct msghdr message = {
		.msg_iov = &word,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.room),
	};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &file, sizeof(file));
	sendmsg(channel, &message, 0);
}

static int be_given(int channel)
{
	union control control = { 0 };
	char letter;
	struct iovec word = { &letter, 1 };
	struct msghdr message = {
		.msg_iov = &word,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.room),
	};
	int file = -1;

	if (recvmsg(channel, &message, MSG_CMSG_CLOEXEC) == 1)
		memcpy(&file, CMSG_DATA(&control.header), sizeof(file));
	return file;
}

/* The connection is opened by one process and given to another one that was there before. */
static void give_away(void)
{
	int channel[2], file;

	socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel);
	worker = fork();
	if (worker == 0) {
		connection = be_given(channel[0]);
		return;
	}
	file = reach(words[1], atoi(words[2]));
	pass_on(channel[1], file);
	close(file);
	watch_over_worker();
}

static void watch_peer(int user_timeout)
{
	int one = 1, count = 2;

	setsockopt(connection, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(connection, IPPROTO_TCP, TCP_KEEPIDLE, &one, sizeof(one));
	setsockopt(connection, IPPROTO_TCP, TCP_KEEPINTVL, &one, sizeof(one));
	setsockopt(connection, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	if (user_timeout)
		setsockopt(connection, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout,
			   sizeof(user_timeout));
}

static void *read_other(void *unused)
{
	int file = reach(words[1], atoi(words[2]) + 2);
	char buffer[4096];

	while (recv(file, buffer, sizeof(buffer), 0) > 0)
		send(file, "y", 1, MSG_NOSIGNAL);
	close(file);
	return unused;
}

static void take_role(const char *role)
{
	pthread_t thread;

	if (!strcmp(role, "idle"))
		return;
	if (!strcmp(role, "worker"))
		hand_down();
	else if (!strcmp(role, "given"))
		give_away();
	else if (sscanf(role, "fd=%d", &connection) != 1)
		connection = reach(words[1], atoi(words[2]));
	if (connection < 0)
		_exit(1);
	if (!strcmp(role, "keep-alive") || !strcmp(role, "user-timeout"))
		watch_peer(*role == 'u' ? 3000 : 0);
	if (!strcmp(role, "two"))
		pthread_create(&thread, NULL, read_other, NULL);
	send(connection, "hello", 5, MSG_NOSIGNAL);
}

int main(int argc, char **argv)
{
	char line[128];
	FILE *commands;
	pthread_t thread;

	if (argc != 4 && argc != 5)
		return 2;
	words = argv;
	hear_signals();
	signal(SIGCHLD, SIG_DFL);
	take_role(argc == 5 ? argv[4] : "");
	signal(SIGCHLD, SIG_IGN);
	pthread_create(&thread, NULL, read_all, NULL);
	pthread_create(&thread, NULL, reload, NULL);
	commands = fopen(argv[3], "r");
	while (commands && fgets(line, sizeof(line), commands))
		obey(line);
	return 0;
}

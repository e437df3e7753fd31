/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An agent in C that does what it is told: one connection, many threads, commands from a FIFO.
 *
 *     agent ADDRESS PORT FIFO
 *
 * Commands, a line each: send, close, abort, exit N, close-exit MSEC N, abort-exit MSEC N, crash,
 * trap, give-up, give-up-exit N, hang, open PATH, fault, helper-crash, helper-idle, grab. See
 * README.md. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int connection = -1;
static volatile int hanging;
static sigjmp_buf landing;

static void rest(long milliseconds)
{
	struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

static int reach(const char *address, int port)
{
	struct sockaddr_in peer = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, address, &peer.sin_addr);
	if (connect(file, (struct sockaddr *)&peer, sizeof(peer)) < 0) {
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

static void *idle(void *unused)
{
	for (;;)
		pause();
	return unused;
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
	(void)number;
}

static void stop(int number)
{
	(void)number;
	_exit(0);
}

int main(int argc, char **argv)
{
	struct sigaction passing = { .sa_handler = pass, .sa_flags = SA_RESTART };
	struct sigaction stopping = { .sa_handler = stop };
	char line[128];
	FILE *commands;
	pthread_t thread;

	if (argc != 4)
		return 2;
	sigaction(SIGHUP, &passing, NULL);
	sigaction(SIGUSR1, &passing, NULL);
	sigaction(SIGINT, &passing, NULL);
	sigaction(SIGTERM, &stopping, NULL);
	signal(SIGCHLD, SIG_IGN);
	connection = reach(argv[1], atoi(argv[2]));
	if (connection < 0)
		return 1;
	send(connection, "hello", 5, MSG_NOSIGNAL);
	pthread_create(&thread, NULL, read_all, NULL);
	pthread_create(&thread, NULL, idle, NULL);
	commands = fopen(argv[3], "r");
	while (commands && fgets(line, sizeof(line), commands))
		obey(line);
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/terminal.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/cleanup.h"

enum { USUAL_WIDTH = 80 };

bool terminal_wants_colour(FILE *stream)
{
	const char *terminal = getenv("TERM");
	const char *no_colour = getenv("NO_COLOR");

	if (no_colour && no_colour[0])
		return false;
	if (!terminal || strcmp(terminal, "dumb") == 0)
		return false;
	return isatty(fileno(stream));
}

bool terminal_is_utf8(void)
{
	setlocale(LC_CTYPE, "");
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

unsigned terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return USUAL_WIDTH;
	return size.ws_col;
}

/* ---- the pager */

/* Returns what systemd calls a boolean: 1, 0, or -EINVAL. */
static int boolean(const char *text)
{
	static const char *const words[][6] = {
		{ "0", "no", "n", "false", "f", "off" },
		{ "1", "yes", "y", "true", "t", "on" },
	};

	for (int value = 0; value < 2; value++)
		for (size_t i = 0; i < sizeof(words[0]) / sizeof(words[0][0]); i++)
			if (strcasecmp(text, words[value][i]) == 0)
				return value;
	return -EINVAL;
}

/* The user who logged in, as pam_loginuid(8) has noted it: su(1) does not change it. Returns false
 * where nobody did. */
static bool login_user(uid_t *user)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/loginuid", "re");
	unsigned long number;

	if (!file || fscanf(file, "%lu", &number) != 1 || number >= UINT32_MAX)
		return false;
	*user = (uid_t)number;
	return true;
}

/* sudo(8), pkexec(1) and doas(1) say who called; for su(1) the login does. */
static bool acts_for_another(void)
{
	uid_t user;

	if (geteuid() != getuid() || getegid() != getgid())
		return true;
	if (getenv("SUDO_UID") || getenv("PKEXEC_UID") || getenv("DOAS_USER"))
		return true;
	return login_user(&user) && user != geteuid();
}

bool pager_is_secure(void)
{
	const char *wish = secure_getenv("SYSTEMD_PAGERSECURE");

	return wish ? boolean(wish) != 0 : acts_for_another();
}

const char *pager_command(void)
{
	const char *pager = getenv("SYSTEMD_PAGER") ?: getenv("PAGER") ?: "less";

	if (pager[0] == '\0' || strcmp(pager, "cat") == 0)
		return NULL;
	/* only less is known to heed LESSSECURE */
	if (pager_is_secure() && !secure_getenv("SYSTEMD_PAGERSECURE"))
		return "less";
	return pager;
}

/* F: ends if the text fits on a screen; R: colours; S: cuts long lines; X: leaves the text on the
 * screen; M, K: as systemd has them, $SYSTEMD_LESS in systemctl(1). LESSSECURE, in less(1): no
 * shell, no editor, no other file. LESSSECURE_ALLOW would take that back. */
static void __attribute__((noreturn)) become_pager(const char *pager, const int ends[2])
{
	setenv("LESS", secure_getenv("SYSTEMD_LESS") ?: "FRSXMK", 1);
	if (pager_is_secure()) {
		setenv("LESSSECURE", "1", 1);
		unsetenv("LESSSECURE_ALLOW");
	}
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
	close(ends[1]);
	execl("/bin/sh", "sh", "-c", pager, NULL);
	_exit(EXIT_FAILURE);
}

pid_t pager_start(void)
{
	const char *pager = isatty(STDOUT_FILENO) ? pager_command() : NULL;
	int ends[2];
	pid_t pid;

	if (!pager || pipe(ends) < 0)
		return 0;
	pid = fork();
	if (pid == 0)
		become_pager(pager, ends);
	if (pid > 0) {
		dup2(ends[1], STDOUT_FILENO);
		signal(SIGINT, SIG_IGN); /* Ctrl-C is for the pager */
	}
	close(ends[0]);
	close(ends[1]);
	return pid > 0 ? pid : 0;
}

void pager_finish(pid_t pager)
{
	if (pager == 0)
		return;
	fflush(stdout);
	close(STDOUT_FILENO);
	while (waitpid(pager, NULL, 0) < 0) {
		if (errno != EINTR)
			return;
	}
}

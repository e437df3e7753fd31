#include "support/terminal.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

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

static const char *wanted_pager(void)
{
	const char *pager = getenv("SYSTEMD_PAGER") ?: getenv("PAGER") ?: "less";

	if (!isatty(STDOUT_FILENO) || pager[0] == '\0' || strcmp(pager, "cat") == 0)
		return NULL;
	return pager;
}

/* F: not for less than a screen; R: colours; S: long lines are cut; X: leaves the text behind;
 * M, K: as systemd has them, $SYSTEMD_LESS in systemctl(1). */
static void __attribute__((noreturn)) become_pager(const char *pager, const int ends[2])
{
	setenv("LESS", getenv("SYSTEMD_LESS") ?: "FRSXMK", 1);
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
	close(ends[1]);
	execl("/bin/sh", "sh", "-c", pager, NULL);
	_exit(EXIT_FAILURE);
}

pid_t pager_start(void)
{
	const char *pager = wanted_pager();
	int ends[2];
	pid_t pid;

	if (!pager || pipe(ends) < 0)
		return 0;
	pid = fork();
	if (pid == 0)
		become_pager(pager, ends);
	if (pid > 0) {
		dup2(ends[1], STDOUT_FILENO);
		signal(SIGINT, SIG_IGN); /* the pager's, not ours */
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

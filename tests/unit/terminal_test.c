/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"
#include "support/terminal.h"

static const char *const variables[] = {
	"SUDO_UID", "PKEXEC_UID", "DOAS_USER",    "SYSTEMD_PAGERSECURE", "SYSTEMD_PAGER",
	"PAGER",    "LESSSECURE", "SYSTEMD_LESS", "LESSSECURE_ALLOW",
};

struct row {
	const char *proves, *sudo_uid, *wish, *pager;
	bool secure;
	const char *command;
};

static const struct row rows[] = {
	{ "by sudo the pager is secure", "1000", NULL, NULL, true, "less" },
	{ "by sudo the caller's pager is not run", "1000", NULL, "sh -i", true, "less" },
	{ "by sudo no pager can be wanted", "1000", NULL, "cat", true, NULL },
	{ "who asks for a secure pager gets it", NULL, "1", "less", true, "less" },
	{ "who vouches for a pager gets it", "1000", "yes", "most", true, "most" },
	{ "the administrator may allow a shell", "1000", "0", "most", false, "most" },
	{ "what is no boolean is secure", "1000", "maybe", "less", true, "less" },
};

static void set(const char *name, const char *value)
{
	if (value)
		setenv(name, value, 1);
}

static void set_environment(const struct row *row)
{
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		unsetenv(variables[i]);
	set("SUDO_UID", row->sudo_uid);
	set("SYSTEMD_PAGERSECURE", row->wish);
	set("PAGER", row->pager);
}

static void the_pager_is_as_secure_as_systemds(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *command;

		set_environment(&rows[i]);
		command = pager_command();
		CHECK(pager_is_secure() == rows[i].secure, rows[i].proves);
		if (rows[i].command)
			CHECK(command && strcmp(command, rows[i].command) == 0, rows[i].proves);
		else
			CHECK(!command, rows[i].proves);
	}
}

/* Reads the output of a pager that shows its own variable, on a terminal of its own. */
static void pager_output(const struct row *row, char *text, size_t size)
{
	size_t length = 0;
	ssize_t got;
	int terminal;
	pid_t child = forkpty(&terminal, NULL, NULL, NULL);

	if (child == 0) {
		set_environment(row);
		setenv("LESSSECURE_ALLOW", "shell", 1);
		pager_finish(pager_start());
		_exit(0);
	}
	while (length + 1 < size && (got = read(terminal, text + length, size - length - 1)) > 0)
		length += (size_t)got;
	text[length] = '\0';
	waitpid(child, NULL, 0);
	close(terminal);
}

static void the_pager_is_told_to_be_secure(void)
{
	static const char show[] = "echo \"<$LESSSECURE,$LESSSECURE_ALLOW>\"";
	char text[256];

	pager_output(&(struct row){ .sudo_uid = "1000", .wish = "1", .pager = show }, text,
		     sizeof(text));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "<1,>"));
	pager_output(&(struct row){ .sudo_uid = "1000", .wish = "0", .pager = show }, text,
		     sizeof(text));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "<,shell>"));
}

SUITE("terminal", { "the pager is as secure as systemd's", the_pager_is_as_secure_as_systemds },
      { "the pager is told to be secure", the_pager_is_told_to_be_secure })

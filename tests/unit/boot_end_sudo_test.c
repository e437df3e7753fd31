/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/boot_end_sudo.h"

#include <string.h>

#include "suite.h"

static const struct {
	const char *why, *line;
	const char *user; /* NULL: it does not take the host down */
} rows[] = {
	{ "reboot", "   alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/usr/sbin/reboot",
	  "alice" },
	{ "shutdown with arguments",
	  "bob : TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/sbin/shutdown -h now", "bob" },
	{ "systemctl, with an option before its verb",
	  "bob : PWD=/ ; USER=root ; COMMAND=/usr/bin/systemctl --force reboot", "bob" },
	{ "systemctl that restarts a unit",
	  "bob : PWD=/ ; USER=root ; COMMAND=/usr/bin/systemctl restart reboot.service", NULL },
	{ "a look at the journal", "bob : PWD=/ ; USER=root ; COMMAND=/usr/bin/journalctl reboot",
	  NULL },
	{ "a program whose name goes on",
	  "bob : PWD=/ ; USER=root ; COMMAND=/usr/bin/reboot-notifier", NULL },
	{ "refused", "bob : command not allowed ; PWD=/ ; USER=root ; COMMAND=/usr/sbin/reboot",
	  NULL },
	{ "a session", "pam_unix(sudo:session): session opened for user root(uid=0) by (uid=1000)",
	  NULL },
	{ "nobody", " : PWD=/ ; COMMAND=/usr/sbin/reboot", NULL },
	{ "no command", "bob : PWD=/ ; COMMAND=", NULL },
	{ "nothing", "", NULL },
};

static void test_rows(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char user[16] = "";
		bool read = boot_end_sudo_read(rows[i].line, user, sizeof(user));

		CHECK(read == (rows[i].user != NULL), rows[i].why);
		CHECK(!rows[i].user || strcmp(user, rows[i].user) == 0, rows[i].why);
	}
}

SUITE("boot end sudo", { "lines", test_rows })

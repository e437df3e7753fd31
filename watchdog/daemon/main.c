/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connwatchd */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/daemon.h"

static const char usage[] =
	"connwatchd [OPTIONS...]\n\n"
	"Watches the connections of this host's agents to their hubs, writes to "
	"the journal why each\n"
	"ends, and acts as their settings say: connwatch.agent(5).\n\n"
	"      --btf=FILE   the BTF of this kernel, if it has none itself; instead of Btf=\n"
	"      --root=DIR   read the settings below DIR\n"
	"      --force      run beside another connwatchd: both report and act\n"
	"      --version    print the version\n"
	"  -h, --help       print this\n";

int main(int argc, char *argv[])
{
	enum { ARGUMENT_ROOT = 256, ARGUMENT_VERSION, ARGUMENT_FORCE, ARGUMENT_BTF };
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "btf", required_argument, NULL, ARGUMENT_BTF },
		{ "force", no_argument, NULL, ARGUMENT_FORCE },
		{ "root", required_argument, NULL, ARGUMENT_ROOT },
		{ "version", no_argument, NULL, ARGUMENT_VERSION },
		{ 0 },
	};
	const char *root = "", *btf = NULL;
	bool force = false;
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'h':
			return fputs(usage, stdout) < 0;
		case ARGUMENT_VERSION:
			return puts("connwatchd " VERSION) < 0;
		case ARGUMENT_FORCE:
			force = true;
			break;
		case ARGUMENT_BTF:
			btf = optarg;
			break;
		case ARGUMENT_ROOT:
			root = optarg;
			break;
		default:
			fputs("Try 'connwatchd --help'.\n", stderr);
			return 64; /* EX_USAGE */
		}
	}
	if (optind < argc) {
		fprintf(stderr, "connwatchd: '%s' is not expected here\nTry 'connwatchd --help'.\n",
			argv[optind]);
		return 64;
	}
	return daemon_run(root, btf, force);
}

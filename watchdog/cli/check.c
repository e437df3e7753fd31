/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connwatchctl check: can connwatch work on this host, and where does the path to the hub break? */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/level.h"
#include "base/time_span.h"
#include "check/host.h"
#include "check/kernel_options.h"
#include "check/way.h"
#include "cli/command.h"
#include "support/clock.h"
#include "support/hub_certificates.h"
#include "support/json.h"
#include "support/terminal.h"
#include "watch/output.h"

enum {
	MQTTS_PORT = 8883,
	ARGUMENT_CA = 256,
	ARGUMENT_TLS,
	ARGUMENT_NO_TLS,
	ARGUMENT_ROOT,
	ARGUMENT_BTF,
	ARGUMENT_KERNEL_CONFIG
};

struct report {
	enum output output;
	bool colour;
	unsigned failed;
	const char *first_failed; /* its name */
	char first_text[STEP_TEXT_SIZE];
};

static const char *const colours[CHECK_RESULT_MAX] = {
	[CHECK_OK] = "\x1b[32m",
	[CHECK_WARNING] = "\x1b[1;33m",
	[CHECK_FAILED] = "\x1b[1;31m",
	[CHECK_SKIPPED] = "\x1b[2m",
};

static void print_text(const struct report *report, const struct check_step *step)
{
	char took[TIME_SPAN_TEXT_SIZE] = "";

	if (step->took)
		time_span_format(step->took, took, sizeof(took));
	printf("  %s%-8s%s %-13s %7s  %s\n", report->colour ? colours[step->result] : "",
	       check_result_to_string(step->result), report->colour ? "\x1b[0m" : "", step->name,
	       took, step->text);
}

static void print_json(const struct check_step *step)
{
	struct json json = { .stream = stdout };

	json_open(&json, NULL, '{');
	json_string(&json, "step", step->name);
	json_string(&json, "result", check_result_to_string(step->result));
	json_number(&json, "usec", step->took);
	json_string(&json, "text", step->text);
	json_close(&json, '{');
	putchar('\n');
}

static void take_step(void *userdata, const struct check_step *step)
{
	struct report *report = userdata;

	if (report->output == OUTPUT_TEXT)
		print_text(report, step);
	else
		print_json(step);
	fflush(stdout);
	if (step->result != CHECK_FAILED || report->failed++ > 0)
		return;
	report->first_failed = step->name;
	memcpy(report->first_text, step->text, sizeof(report->first_text));
}

static void print_verdict(const struct report *report, const struct host_modes *modes)
{
	const char *next = level_next_step(modes->probe, modes->survey);
	struct json json = { .stream = stdout };
	char level[LEVEL_TEXT_SIZE];

	if (report->output == OUTPUT_TEXT) {
		level_describe(modes->probe, modes->survey, level, sizeof(level));
		printf("\n%s%s%s%s\nOf this host: %s\n",
		       report->failed ? "It fails at " : "Nothing fails.",
		       report->failed ? report->first_failed : "", report->failed ? ": " : "",
		       report->first_text, level);
		return;
	}
	json_open(&json, NULL, '{');
	json_string(&json, "verdict", report->failed ? "failed" : "ok");
	if (report->failed)
		json_string(&json, "fails_at", report->first_failed);
	json_string(&json, "level", level_to_string(level_of(modes->probe, modes->survey)));
	if (next)
		json_string(&json, "next_level_needs", next);
	json_close(&json, '{');
	putchar('\n');
}

/* For `status` and the metrics. Only root may, and only once connwatchd was started. */
static void keep_certificate(const struct check *check, const struct way *way)
{
	bool brackets = strchr(way->host, ':') != NULL;
	struct hub_certificate certificate = {
		.ends = check->certificate_ends,
		.checked = (int64_t)(clock_now(CLOCK_REALTIME) / USEC_PER_SEC),
	};
	int length = snprintf(certificate.hub, sizeof(certificate.hub), "%s%s%s:%u",
			      brackets ? "[" : "", way->host, brackets ? "]" : "", way->port);

	if (certificate.ends && length > 0 && (size_t)length < sizeof(certificate.hub))
		hub_certificates_keep(NULL, &certificate);
}

static int check(struct report *report, const char *root, const char *btf, const struct way *way)
{
	struct check check = { .sink = take_step, .userdata = report };
	struct host_modes modes;

	report->colour = terminal_wants_colour(stdout);
	if (report->output == OUTPUT_TEXT)
		puts("This host");
	modes = check_host(&check, root, btf);
	if (way->host && report->output == OUTPUT_TEXT)
		printf("\nThe path to %s port %u\n", way->host, way->port);
	if (way->host) {
		check_way(&check, way);
		keep_certificate(&check, way);
	}
	print_verdict(report, &modes);
	return report->failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void print_option(enum output output, const struct kernel_option *option)
{
	struct json json = { .stream = stdout };
	char name[64];

	snprintf(name, sizeof(name), "CONFIG_%s", option->name);
	if (output == OUTPUT_TEXT) {
		printf("  %-24s %c  %s\n", name, option->value, option->use);
		return;
	}
	json_open(&json, NULL, '{');
	json_string(&json, "option", name);
	json_string(&json, "value", (char[]){ option->value, '\0' });
	json_string(&json, "use", option->use);
	json_close(&json, '{');
	putchar('\n');
}

/* Prints the options in the kernel configuration `file`; NULL: that of the running kernel. Returns
 * the exit status. */
static int check_options(const struct command *command, enum output output, const char *file)
{
	struct kernel_option options[KERNEL_OPTIONS];
	char path[KERNEL_CONFIG_PATH_SIZE] = "";
	int r = kernel_options_read(file, options, path);
	bool loads = true;

	if (r < 0) {
		command_complain(command, "%s: %s", path,
				 r == -EINVAL ? "no kernel configuration" : strerror(-r));
		return r == -EINVAL ? EXIT_DATA : EXIT_NO_INPUT;
	}
	for (size_t i = 0; i < KERNEL_OPTIONS; i++) {
		print_option(output, &options[i]);
		loads &= !options[i].needed || options[i].value != '-';
	}
	return loads ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Returns false for the ports of MQTT, AMQP and HTTP without TLS. */
static bool port_has_tls(uint16_t port)
{
	return port != 1883 && port != 5672 && port != 80;
}

/* Splits "HOST", "HOST:PORT", "ADDRESS6" or "[ADDRESS6]:PORT" in place. */
static int parse_target(char *text, struct way *way)
{
	char *colon = strrchr(text, ':'), *bracket = strchr(text, ']');
	unsigned long port = MQTTS_PORT;
	char *end = NULL;

	if (colon && (strchr(text, ':') == colon || bracket == colon - 1)) {
		port = strtoul(colon + 1, &end, 10);
		if (end == colon + 1 || *end || port == 0 || port > UINT16_MAX)
			return -EINVAL;
		*colon = '\0';
	}
	if (*text == '[' && bracket) {
		text++;
		*bracket = '\0';
	}
	if (!*text)
		return -EINVAL;
	way->host = text;
	way->port = (uint16_t)port;
	return 0;
}

static int run(const struct command *command, int argc, char *argv[])
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "output", required_argument, NULL, 'o' },
		{ "ca", required_argument, NULL, ARGUMENT_CA },
		{ "tls", no_argument, NULL, ARGUMENT_TLS },
		{ "no-tls", no_argument, NULL, ARGUMENT_NO_TLS },
		{ "btf", required_argument, NULL, ARGUMENT_BTF },
		{ "root", required_argument, NULL, ARGUMENT_ROOT },
		{ "kernel-config", optional_argument, NULL, ARGUMENT_KERNEL_CONFIG },
		{ 0 },
	};
	struct report report = { .output = OUTPUT_TEXT };
	struct way way = { .host = NULL };
	const char *root = "", *btf = NULL, *config = NULL;
	bool options_alone = false;
	int option, tls = 0;

	while ((option = getopt_long(argc, argv, "ho:", options, NULL)) != -1) {
		switch (option) {
		case 'h':
			return command_help(command);
		case 'o':
			report.output = output_from_string(optarg);
			break;
		case ARGUMENT_CA:
			way.authorities = optarg;
			break;
		case ARGUMENT_TLS:
		case ARGUMENT_NO_TLS:
			tls = option;
			break;
		case ARGUMENT_BTF:
			btf = optarg;
			break;
		case ARGUMENT_ROOT:
			root = optarg;
			break;
		case ARGUMENT_KERNEL_CONFIG:
			options_alone = true;
			config = optarg;
			break;
		default:
			return command_misread(command);
		}
	}
	if (report.output == OUTPUT_NONE)
		return command_misused(command, "--output takes text or json");
	if (optind + 1 < argc)
		return command_misused(command, "'%s' is not expected here", argv[optind + 1]);
	if (optind < argc && parse_target(argv[optind], &way) < 0)
		return command_misused(command, "'%s' is not HOST[:PORT]", argv[optind]);
	if (options_alone)
		return check_options(command, report.output, config);
	way.tls = tls ? tls == ARGUMENT_TLS : port_has_tls(way.port);
	return check(&report, root, btf, &way);
}

const struct command command_check = {
	.name = "check",
	.arguments = "[OPTIONS...] [HOST[:PORT]]",
	.summary = "Check this host, and the path to a hub step by step",
	.options =
		"The default of PORT is 8883. The steps: DNS, route, TCP, TLS, certificate, "
		"clock;\n"
		"no step waits longer than 5 s. The exit status is 1 if a step fails. Sends only "
		"a\n"
		"TLS handshake, and on port 443 a HEAD request for the server's date.\n\n"
		"  -o, --output=FORMAT    text (the default)\n"
		"                         json: one object a step and line, the verdict last\n"
		"      --ca=FILE          trust the certificate authorities in FILE, not the\n"
		"                         system's\n"
		"      --tls, --no-tls    use TLS, or do not; the default is no TLS on the ports\n"
		"                         1883, 5672 and 80, TLS on all others\n"
		"      --btf=FILE         the BTF of this kernel, if it has none itself; the "
		"default is Btf=\n"
		"      --root=DIR         read the settings below DIR\n"
		"      --kernel-config[=FILE]\n"
		"                         print the kernel options that connwatch uses, and what "
		"for,\n"
		"                         with their values in FILE or of this kernel: no other "
		"step;\n"
		"                         the exit status is 1 if the probe needs one that is off\n"
		"  -h, --help             print this\n",
	.run = run,
};

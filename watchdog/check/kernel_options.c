/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check/kernel_options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <zlib.h>

#include "base/text.h"
#include "support/cleanup.h"

#define PREFIX    "CONFIG_"
#define THE_PROBE "the probe"

static const struct kernel_option known[KERNEL_OPTIONS] = {
	{ "BPF_SYSCALL", THE_PROBE, true, '-' },
	{ "BPF_EVENTS", THE_PROBE, true, '-' },
	{ "DEBUG_INFO_BTF", "the probe, unless a file has the types (Btf=)", false, '-' },
	{ "CGROUPS", THE_PROBE, true, '-' },
	{ "BPF_JIT", "the probe's speed", false, '-' },
	{ "CGROUP_BPF", "the lens that costs others nothing; names, TTLs, TLS, MqttInspect=", false,
	  '-' },
	{ "UPROBE_EVENTS", "MqttInspect= inside TLS", false, '-' },
	{ "MEMFD_CREATE", "missing nothing while connwatchd restarts", false, '-' },
	{ "INET_DIAG_DESTROY", "the action abort-connection", false, '-' },
	{ "INET_TCP_DIAG", "the mode sock-diag, and abort-connection", false, '-' },
	{ "PROC_EVENTS", "the mode sock-diag", false, '-' },
	{ "PROC_CHILDREN", "descendants: in the mode sock-diag, and what run leaves", false, '-' },
	{ "SECCOMP_FILTER", "the sandbox of the units", false, '-' },
};

DEFINE_CLEANUP(gzFile, gzclose);

/* Takes "CONFIG_NAME=VALUE", or any other line. Returns true if it sets an option. */
static bool take_line(const char *line, struct kernel_option *options)
{
	size_t length = strcspn(line, "=");
	char value;

	if (strncmp(line, PREFIX, strlen(PREFIX)) != 0 || line[length] == '\0')
		return false;
	line += strlen(PREFIX);
	length -= strlen(PREFIX);
	value = line[length + 1];
	for (size_t i = 0; i < KERNEL_OPTIONS; i++)
		if (strlen(options[i].name) == length &&
		    memcmp(line, options[i].name, length) == 0 && (value == 'y' || value == 'm'))
			options[i].value = value;
	return true;
}

static int read_from(gzFile config, struct kernel_option *options)
{
	bool any = false, begins = true;
	char line[256];

	memcpy(options, known, sizeof(known));
	while (gzgets(config, line, sizeof(line))) {
		any |= begins && take_line(line, options);
		begins = strchr(line, '\n');
	}
	return any ? 0 : -EINVAL;
}

/* Opens the configuration of the running kernel, where the kernel or the distribution keeps it. */
static gzFile open_running(char path[static KERNEL_CONFIG_PATH_SIZE])
{
	struct utsname kernel;
	gzFile config;

	uname(&kernel);
	snprintf(path, KERNEL_CONFIG_PATH_SIZE, "/proc/config.gz");
	config = gzopen(path, "re");
	if (config)
		return config;
	snprintf(path, KERNEL_CONFIG_PATH_SIZE, "/boot/config-%s", kernel.release);
	config = gzopen(path, "re");
	if (config)
		return config;
	snprintf(path, KERNEL_CONFIG_PATH_SIZE, "/lib/modules/%s/config", kernel.release);
	return gzopen(path, "re");
}

int kernel_options_read(const char *file, struct kernel_option options[static KERNEL_OPTIONS],
			char path[static KERNEL_CONFIG_PATH_SIZE])
{
	_cleanup_(gzclose_held) gzFile config = NULL;

	errno = 0;
	if (file)
		text_copy(path, KERNEL_CONFIG_PATH_SIZE, file);
	config = file ? gzopen(file, "re") : open_running(path);
	if (!config)
		return errno ? -errno : -ENOMEM;
	return read_from(config, options);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check/host.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/level.h"
#include "base/text.h"
#include "check/kernel_options.h"
#include "sources/host_clock.h"
#include "sources/probe.h"
#include "sources/process_events.h"
#include "sources/settings_files.h"
#include "sources/wifi_monitor.h"
#include "support/cleanup.h"

#define BTF     "/sys/kernel/btf/vmlinux"
#define JOURNAL "/run/systemd/journal/socket"
#define CGROUP  "/sys/fs/cgroup"

static bool check_kernel(struct check *check)
{
	struct utsname name;

	uname(&name);
	if (access(BTF, R_OK) < 0)
		return check_tell(check, "kernel", CHECK_WARNING,
				  "%s %s without %s: the probe needs it (CONFIG_DEBUG_INFO_BTF), "
				  "or a file of it (Btf= in connwatchd.conf(5))",
				  name.sysname, name.release, BTF);
	return check_tell(check, "kernel", CHECK_OK, "%s %s %s, with BTF", name.sysname,
			  name.release, name.machine);
}

static bool check_options(struct check *check)
{
	struct kernel_option options[KERNEL_OPTIONS];
	char path[KERNEL_CONFIG_PATH_SIZE], names[STEP_TEXT_SIZE];
	struct text missing = TEXT_IN(names);

	if (kernel_options_read(NULL, options, path) < 0)
		return check_tell(check, "options", CHECK_SKIPPED,
				  "this kernel's configuration is in no file that can be read");
	for (size_t i = 0; i < KERNEL_OPTIONS; i++)
		if (options[i].value == '-')
			text_add(&missing, "%s CONFIG_%s (%s)", missing.length ? "," : "",
				 options[i].name, options[i].use);
	if (missing.length > 0)
		return check_tell(check, "options", CHECK_WARNING, "%s lacks%s", path, names);
	return check_tell(check, "options", CHECK_OK, "%s has all %d that connwatch uses", path,
			  KERNEL_OPTIONS);
}

/* Reads CapEff of /proc/self/status (proc(5)). */
static uint64_t effective_capabilities(void)
{
	_cleanup_fclose_ FILE *status = fopen("/proc/self/status", "re");
	unsigned long long set = 0;
	char line[256];

	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "CapEff: %llx", &set) == 1)
			break;
	return set;
}

/* Checks the capabilities of connwatchd.service. */
static bool check_capabilities(struct check *check)
{
	static const struct {
		const char *name;
		int number;
	} wanted[] = {
		{ "CAP_BPF", CAP_BPF },
		{ "CAP_PERFMON", CAP_PERFMON },
		{ "CAP_NET_ADMIN", CAP_NET_ADMIN },
		{ "CAP_SYS_ADMIN", CAP_SYS_ADMIN },
		{ "CAP_SYS_PTRACE", CAP_SYS_PTRACE },
		{ "CAP_KILL", CAP_KILL },
	};
	uint64_t have = effective_capabilities();
	char names[128];
	struct text missing = TEXT_IN(names);

	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
		if (!(have & UINT64_C(1) << wanted[i].number))
			text_add(&missing, " %s", wanted[i].name);
	if (missing.length > 0)
		return check_tell(check, "capabilities", CHECK_WARNING,
				  "this process lacks%s: to try the probe, run this as root",
				  names);
	return check_tell(check, "capabilities", CHECK_OK,
			  "this process has all that connwatchd needs");
}

/* Returns 0 if what the mode sock-diag needs is there, or -errno. */
static int try_sock_diag(void)
{
	struct process_events *events = NULL;
	int r = process_events_open(&events);

	process_events_close(events);
	return r < 0 ? r : 0;
}

static bool tell_sock_diag(struct check *check, int error)
{
	if (error < 0)
		return check_tell(check, "sock-diag", CHECK_FAILED,
				  "the kernel reports no processes (%s): CONFIG_PROC_EVENTS, the "
				  "initial pid and network namespaces",
				  strerror(-error));
	return check_tell(check, "sock-diag", CHECK_OK, "works instead, but sees less");
}

/* Loads the probe: only that proves that the kernel has all that it uses. If it cannot be loaded,
 * tries the mode sock-diag. */
static bool check_probe(struct check *check, const char *btf, struct host_modes *modes)
{
	const char *complaint = NULL;
	struct probe *probe;
	int r;

	check_begin(check);
	r = probe_open(&probe, btf, &complaint);
	*modes = (struct host_modes){ .probe = r };
	if (r == 0) {
		if (probe_has_external_btf(probe))
			modes->probe = PROBE_BY_FILE;
		probe_close(probe);
		if (complaint) /* the file is passed over */
			return check_tell(check, "probe", CHECK_WARNING, "loads and attaches; %s",
					  complaint);
		return check_tell(check, "probe", CHECK_OK, "loads and attaches%s",
				  modes->probe == PROBE_BY_FILE ? " (btf=external)" : "");
	}
	if (r == -EPERM || r == -EACCES) {
		check_tell(check, "probe", CHECK_SKIPPED, "not tried: %s", complaint);
		modes->survey = try_sock_diag();
		return modes->survey < 0 || tell_sock_diag(check, 0);
	}
	check_tell(check, "probe", CHECK_WARNING, "%s (%s)", complaint, strerror(-r));
	check_begin(check);
	modes->survey = try_sock_diag();
	return tell_sock_diag(check, modes->survey);
}

static bool is_cgroup2(const char *path)
{
	struct statfs file_system;

	return statfs(path, &file_system) == 0 && file_system.f_type == CGROUP2_SUPER_MAGIC;
}

static bool check_cgroups(struct check *check)
{
	if (is_cgroup2(CGROUP))
		return check_tell(check, "cgroups", CHECK_OK, "version 2");
	if (is_cgroup2(CGROUP "/unified"))
		return check_tell(check, "cgroups", CHECK_OK, "version 2 beside version 1");
	return check_tell(check, "cgroups", CHECK_WARNING,
			  "no version 2 at " CGROUP ": units and control groups cannot be watched, "
			  "processes can");
}

static bool check_journal(struct check *check)
{
	if (access(JOURNAL, W_OK) < 0)
		return check_tell(check, "journal", CHECK_WARNING,
				  "no journal listens at " JOURNAL ": connwatchd has nowhere to "
				  "write to but its standard error");
	return check_tell(check, "journal", CHECK_OK, "journald listens");
}

/* A wrong clock makes certificates and tokens invalid. */
static bool check_clock(struct check *check)
{
	switch (host_clock_state()) {
	case CLOCK_SYNCHRONISED:
		return check_tell(check, "time", CHECK_OK, "clock: synchronised");
	case CLOCK_UNVOUCHED:
		return check_tell(check, "time", CHECK_WARNING,
				  "clock: not synchronised, no time service vouches for it");
	case CLOCK_AWAITED:
		return check_tell(check, "time", CHECK_WARNING,
				  "clock: not synchronised yet, systemd-timesyncd is at work");
	case CLOCK_PAST:
		return check_tell(check, "time", CHECK_FAILED,
				  "clock: not synchronised, and it shows a time in the past");
	case CLOCK_UNKNOWN:
	case CLOCK_STATE_MAX:
	case CLOCK_STATE_INVALID:
		break;
	}
	return check_tell(check, "time", CHECK_SKIPPED, "adjtimex(2) is not allowed");
}

static void ignore(void *userdata, const struct event *event)
{
	(void)userdata, (void)event;
}

/* That a host has no Wi-Fi is no fault. */
static bool check_wifi(struct check *check)
{
	_cleanup_(wifi_monitor_close_held) struct wifi_monitor *monitor = NULL;
	int r = wifi_monitor_open(&monitor, ignore, NULL);

	if (r < 0)
		return check_tell(check, "wifi", CHECK_SKIPPED,
				  "Wi-Fi connections are not followed: no generic netlink");
	wifi_monitor_drain(monitor);
	if (!wifi_monitor_has_wifi(monitor))
		return check_tell(check, "wifi", CHECK_SKIPPED,
				  "no Wi-Fi here (nl80211): once there is, it is followed");
	return check_tell(check, "wifi", CHECK_OK, "nl80211 tells of Wi-Fi connections");
}

/* ---- the settings */

struct settings_seen {
	unsigned agents;
	unsigned complaints;
	char first[STEP_TEXT_SIZE / 2]; /* the first complaint */
};

static void count_agent(void *userdata, const struct agent_settings *settings)
{
	struct settings_seen *seen = userdata;

	(void)settings;
	seen->agents++;
}

static void take_complaint(void *userdata, const char *file, unsigned line, const char *text)
{
	struct settings_seen *seen = userdata;

	if (seen->complaints++ == 0)
		snprintf(seen->first, sizeof(seen->first), line ? "%s:%u: %s" : "%s%.0u: %s", file,
			 line, text);
}

static bool check_settings(struct check *check, const char *root)
{
	struct settings_seen seen = { .agents = 0 };
	struct daemon_settings daemon;
	int r = settings_files_load(root, &daemon, count_agent, take_complaint, &seen);

	if (r < 0)
		return check_tell(check, "settings", CHECK_FAILED, "cannot be read: %s",
				  strerror(-r));
	if (seen.complaints)
		return check_tell(check, "settings", CHECK_FAILED, "%u complaint%s; the first: %s",
				  seen.complaints, seen.complaints == 1 ? "" : "s", seen.first);
	if (seen.agents == 0)
		return check_tell(check, "settings", CHECK_WARNING,
				  "no agents are set up: see connwatch.agent(5)");
	return check_tell(check, "settings", CHECK_OK, "%u agent%s", seen.agents,
			  seen.agents == 1 ? "" : "s");
}

/* Mistakes in the settings are a step of their own. */
static void read_daemon_settings(const char *root, struct daemon_settings *settings)
{
	struct settings_seen seen = { .agents = 0 };

	daemon_settings_defaults(settings);
	settings_files_load(root, settings, count_agent, take_complaint, &seen);
}

struct host_modes check_host(struct check *check, const char *root, const char *btf)
{
	struct daemon_settings settings;
	struct host_modes modes;

	check_kernel(check);
	check_options(check);
	check_capabilities(check);
	read_daemon_settings(root, &settings);
	check_probe(check, btf ? btf : settings.btf_path, &modes);
	check_cgroups(check);
	check_journal(check);
	check_clock(check);
	check_wifi(check);
	check_settings(check, root);
	return modes;
}

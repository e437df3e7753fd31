#include "check/host.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "sources/probe.h"
#include "sources/process_events.h"
#include "sources/settings_files.h"
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
				  "%s %s without %s: the probe needs it (CONFIG_DEBUG_INFO_BTF)",
				  name.sysname, name.release, BTF);
	return check_tell(check, "kernel", CHECK_OK, "%s %s %s, with BTF", name.sysname,
			  name.release, name.machine);
}

/* CapEff of proc(5). */
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

/* The ones connwatchd.service asks for. */
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
	char missing[128] = "";

	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
		if (!(have & UINT64_C(1) << wanted[i].number)) {
			strcat(missing, " ");
			strcat(missing, wanted[i].name);
		}
	if (*missing)
		return check_tell(check, "capabilities", CHECK_WARNING,
				  "this process lacks%s: to try the probe, run this as root",
				  missing);
	return check_tell(check, "capabilities", CHECK_OK,
			  "this process has all that connwatchd asks for");
}

/* Where the probe cannot be had, the mode is sock-diag. */
static bool check_sock_diag(struct check *check)
{
	struct process_events *events = NULL;
	int r;

	check_begin(check);
	r = process_events_open(&events);
	process_events_close(events);
	if (r < 0)
		return check_tell(check, "sock-diag", CHECK_FAILED,
				  "the kernel tells of no processes (%s): CONFIG_PROC_EVENTS, the "
				  "initial pid and network namespaces",
				  strerror(-r));
	return check_tell(check, "sock-diag", CHECK_OK, "works instead, but sees less");
}

/* The proof that the kernel has what the probe uses is that it loads. */
static bool check_probe(struct check *check)
{
	const char *complaint = NULL;
	struct probe *probe;
	int r;

	check_begin(check);
	r = probe_open(&probe, &complaint);
	if (r == -EPERM || r == -EACCES)
		return check_tell(check, "probe", CHECK_SKIPPED, "not tried: %s", complaint);
	if (r < 0) {
		check_tell(check, "probe", CHECK_WARNING, "%s (%s)", complaint, strerror(-r));
		return check_sock_diag(check);
	}
	probe_close(probe);
	return check_tell(check, "probe", CHECK_OK, "loads and attaches");
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

/* ---- the settings */

struct settings_seen {
	unsigned agents;
	unsigned complaints;
	char first[STEP_TEXT_SIZE / 2]; /* complaint */
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

void check_host(struct check *check, const char *root)
{
	check_kernel(check);
	check_capabilities(check);
	check_probe(check);
	check_cgroups(check);
	check_journal(check);
	check_settings(check, root);
}

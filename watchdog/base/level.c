/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/level.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

static const char *const level_names[LEVEL_MAX] = {
	[LEVEL_FULL] = "full",
	[LEVEL_EXTERNAL_BTF] = "external-btf",
	[LEVEL_SOCK_DIAG] = "sock-diag",
	[LEVEL_NONE] = "none",
};

static const char *const level_meanings[LEVEL_MAX] = {
	[LEVEL_FULL] = "connwatch can tell here how and why each connection ended",
	[LEVEL_EXTERNAL_BTF] = ("connwatch can tell here how and why each connection ended; its "
				"programs run for all connections of the host"),
	[LEVEL_SOCK_DIAG] = ("connwatch can tell here that connections ended, rarely why, and "
			     "prove nothing"),
	[LEVEL_NONE] = "connwatch cannot observe connections here",
};

const char *level_to_string(enum level level)
{
	return (int)level >= 0 && level < LEVEL_MAX ? level_names[level] : NULL;
}

enum level level_of(int probe, int survey)
{
	if (probe >= 0)
		return probe == PROBE_BY_FILE ? LEVEL_EXTERNAL_BTF : LEVEL_FULL;
	return survey == 0 ? LEVEL_SOCK_DIAG : LEVEL_NONE;
}

/* The meaning of the errors is that of probe_open(). */
static const char *what_the_probe_needs(int error)
{
	switch (-error) {
	case EPERM:
	case EACCES:
		return "run it as root in the initial user namespace, or give it CAP_BPF and "
		       "CAP_PERFMON";
	case ENOENT:
		return "a kernel with BTF (CONFIG_DEBUG_INFO_BTF), or a file of its BTF (Btf= in "
		       "connwatchd.conf(5))";
	case ENOEXEC:
		return "a file with the BTF of this kernel (Btf= in connwatchd.conf(5))";
	case EOPNOTSUPP:
		return "a kernel with the tracepoints that the probe needs (Linux 5.10 or newer)";
	case ENOMEM:
		return "memory for the probe (LimitMEMLOCK=infinity before Linux 5.11)";
	default:
		return "a kernel with eBPF (CONFIG_BPF_SYSCALL, CONFIG_BPF_EVENTS; the step "
		       "'probe' of connwatchctl check has the kernel's complaint)";
	}
}

const char *level_next_step(int probe, int survey)
{
	enum level level = level_of(probe, survey);
	bool lacks_privileges = probe == -EPERM || probe == -EACCES;

	if (level == LEVEL_FULL)
		return NULL;
	if (level == LEVEL_EXTERNAL_BTF)
		return "a kernel with BTF of its own (CONFIG_DEBUG_INFO_BTF), and no Btf=";
	if (level == LEVEL_SOCK_DIAG || survey == SURVEY_EXCLUDED || lacks_privileges)
		return what_the_probe_needs(probe);
	if (survey == -EPERM || survey == -EACCES)
		return "give it CAP_NET_ADMIN";
	return "run it in the initial pid and network namespaces, on a kernel with "
	       "CONFIG_PROC_EVENTS and CONFIG_INET_DIAG";
}

void level_describe(int probe, int survey, char *text, size_t size)
{
	enum level level = level_of(probe, survey);
	const char *step = level_next_step(probe, survey);

	if (step)
		snprintf(text, size, "level %s: %s; for the next level: %s", level_names[level],
			 level_meanings[level], step);
	else
		snprintf(text, size, "level %s: %s", level_names[level], level_meanings[level]);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/probe_attach.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#define SECTION "raw_tp/"

/* Returns the name of the tracepoint in a section "raw_tp/NAME" or "?raw_tp/NAME"; NULL: it is
 * another. */
static const char *tracepoint_of(const struct bpf_program *program)
{
	const char *section = bpf_program__section_name(program);

	if (section[0] == '?')
		section++;
	return strncmp(section, SECTION, strlen(SECTION)) == 0 ? section + strlen(SECTION) : NULL;
}

/* libbpf would read the kernel's types once more to find the target by its name. It does not for a
 * program whose target is in another program; no such number gets to the kernel. */
static void find_target_ourselves(struct bpf_program *program)
{
	bpf_program__set_attach_target(program, 1, NULL);
}

void probe_attach_typed(const struct bpf_object *object)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object)
	{
		if (tracepoint_of(program)) {
			bpf_program__set_type(program, BPF_PROG_TYPE_TRACING);
			bpf_program__set_expected_attach_type(program, BPF_TRACE_RAW_TP);
		}
		if (bpf_program__type(program) == BPF_PROG_TYPE_TRACING)
			find_target_ourselves(program);
	}
}

struct bpf_link *probe_attach_tracepoint(const struct bpf_program *program)
{
	if (bpf_program__type(program) == BPF_PROG_TYPE_RAW_TRACEPOINT)
		return bpf_program__attach_raw_tracepoint(program, tracepoint_of(program));
	return bpf_program__attach_trace(program);
}

int probe_attach_all(const struct bpf_object_skeleton *skeleton)
{
	for (int i = 0; i < skeleton->prog_cnt; i++) {
		const struct bpf_prog_skeleton *each = &skeleton->progs[i];

		if (!bpf_program__autoload(*each->prog) || !bpf_program__autoattach(*each->prog) ||
		    *each->link)
			continue;
		*each->link = probe_attach_tracepoint(*each->prog);
		if (!*each->link)
			return -errno;
	}
	return 0;
}

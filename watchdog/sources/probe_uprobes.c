/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/probe_uprobes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "support/cleanup.h"

/* linux/bpf.h, as of 6.6: BPF_TRACE_UPROBE_MULTI, BPF_F_UPROBE_MULTI_RETURN */
#define TRACE_UPROBE_MULTI ((enum bpf_attach_type)48)
#define MULTI_RETURN       UINT32_C(1)

/* Part of union bpf_attr there: link_create.uprobe_multi. */
struct multi_request {
	uint32_t program;
	uint32_t target;
	uint32_t attach_type;
	uint32_t flags;
	uint64_t path;
	uint64_t offsets;
	uint64_t reference_counters;
	uint64_t cookies;
	uint32_t count;
	uint32_t multi_flags;
	uint32_t pid;
	uint32_t padding;
};

/* Returns a link, or -errno. */
static int create_multi(int program, const struct uprobe_place *place)
{
	struct multi_request request = {
		.program = (uint32_t)program,
		.attach_type = TRACE_UPROBE_MULTI,
		.path = (uintptr_t)place->path,
		.offsets = (uintptr_t)place->offsets,
		.count = place->count,
		.multi_flags = place->at_return ? MULTI_RETURN : 0,
		.pid = (uint32_t)place->pid,
	};
	long fd = syscall(SYS_bpf, BPF_LINK_CREATE, &request, sizeof(request));

	return fd < 0 ? -errno : (int)fd;
}

/* Returns true from 6.10 on: before, such a link counts for one thread instead of a process. Since
 * then a pid below 0 is refused at once (bpf_uprobe_multi_link_attach()); before, a path that is no
 * file is refused first. */
static bool has_multi(void)
{
	const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = TRACE_UPROBE_MULTI);
	_cleanup_close_ int program =
		bpf_prog_load(BPF_PROG_TYPE_KPROBE, NULL, "GPL", nothing, 2, &options);
	const uint64_t offset = 0;
	struct uprobe_place nowhere = { .path = "/", .count = 1, .offsets = &offset };

	if (program < 0 || create_multi(program, &nowhere) != -EBADF)
		return false;
	nowhere.pid = -1;
	return create_multi(program, &nowhere) == -EINVAL;
}

/* Returns the type of the dynamic PMU "uprobe"; -errno where there is none. */
static int type_of_events(void)
{
	_cleanup_fclose_ FILE *file = fopen("/sys/bus/event_source/devices/uprobe/type", "re");
	int type;

	if (!file)
		return -errno;
	return fscanf(file, "%d", &type) == 1 ? type : -ENODATA;
}

/* Returns true if perf events are allowed: the kernel checks that before it refuses a bad request
 * (perf_uprobe_event_init()). */
static bool has_events(void)
{
	struct perf_event_attr request = { .size = sizeof(request) };
	int type = type_of_events();
	_cleanup_close_ int fd = -1;

	if (type < 0 || libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_KPROBE, NULL) != 1)
		return false;
	request.type = (uint32_t)type;
	fd = (int)syscall(SYS_perf_event_open, &request, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	return fd >= 0 || (errno != EACCES && errno != EPERM);
}

/* The kernel puts no uprobe into Thumb code of 32-bit Arm: it wants offsets of whole instructions
 * of four bytes (uprobe_register()), and the lowest bit of a function's address says that it is
 * Thumb. A host's libraries are compiled as this program is. */
static bool is_thumb(void)
{
	return (uintptr_t)&uprobe_way & 1;
}

enum uprobe_way uprobe_way(void)
{
	if (is_thumb())
		return UPROBES_NONE;
	return has_multi() ? UPROBES_MULTI : has_events() ? UPROBES_EVENTS : UPROBES_NONE;
}

void uprobe_prepare(struct bpf_program *program, enum uprobe_way way)
{
	bpf_program__set_autoload(program, way != UPROBES_NONE);
	if (way == UPROBES_MULTI)
		bpf_program__set_expected_attach_type(program, TRACE_UPROBE_MULTI);
}

static int attach_events(struct uprobe *uprobe, const struct bpf_program *program,
			 const struct uprobe_place *place)
{
	LIBBPF_OPTS(bpf_uprobe_opts, options, .retprobe = place->at_return);
	int r = 0;

	for (unsigned i = 0; i < place->count && r == 0; i++) {
		uprobe->events[i] = bpf_program__attach_uprobe_opts(
			program, place->pid, place->path, (size_t)place->offsets[i], &options);
		r = uprobe->events[i] ? 0 : -errno;
	}
	if (r < 0)
		uprobe_detach(uprobe);
	return r;
}

int uprobe_attach(struct uprobe *uprobe, const struct bpf_program *program,
		  const struct uprobe_place *place)
{
	*uprobe = (struct uprobe){ .multi = -1 };
	if (bpf_program__expected_attach_type(program) != TRACE_UPROBE_MULTI)
		return attach_events(uprobe, program, place);
	uprobe->multi = create_multi(bpf_program__fd(program), place);
	return uprobe->multi < 0 ? uprobe->multi : 0;
}

void uprobe_detach(struct uprobe *uprobe)
{
	if (uprobe->multi >= 0)
		close(uprobe->multi);
	for (unsigned i = 0; i < UPROBE_FUNCTIONS_MAX; i++)
		bpf_link__destroy(uprobe->events[i]);
}

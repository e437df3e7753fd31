/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/probe_late.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/cleanup.h"

/* The instructions are in a file in memory: there they are not part of our resident set. */
struct late_program {
	struct bpf_prog_load_opts options;
	size_t count; /* of instructions */
	off_t at;     /* where in the file they begin */
};

/* What is kept back during the load that is going on. */
static struct probe_late *keeping;

void probe_late_begin(struct probe_late *late)
{
	keeping = late;
	late->kept = calloc(PROBE_LATE_MAX, sizeof(*late->kept));
	late->store = memfd_create("late", MFD_CLOEXEC);
	if (late->kept && late->store >= 0)
		return;
	keeping = NULL; /* all are loaded now */
	memset(late->programs, 0, sizeof(late->programs));
}

void probe_late_end(void)
{
	for (int i = 0; keeping && i < PROBE_LATE_MAX; i++)
		if (!keeping->kept[i].count)
			keeping->programs[i] = NULL; /* this kernel does not take it */
	keeping = NULL;
}

static int find(const struct probe_late *late, const struct bpf_program *program)
{
	for (int i = 0; late && i < PROBE_LATE_MAX; i++)
		if (late->programs[i] == program)
			return i;
	return -1;
}

static void forget_options(struct bpf_prog_load_opts *options)
{
	options->prog_btf_fd = 0;
	options->func_info = options->line_info = NULL;
	options->func_info_cnt = options->line_info_cnt = 0;
	options->func_info_rec_size = options->line_info_rec_size = 0;
}

void probe_late_keep(struct bpf_program *program, struct bpf_prog_load_opts *options)
{
	struct bpf_insn return_0[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int i = find(keeping, program);
	struct late_program *kept = i < 0 ? NULL : &keeping->kept[i];
	size_t size;

	if (!kept)
		return;
	kept->count = bpf_program__insn_cnt(program);
	size = kept->count * sizeof(struct bpf_insn);
	kept->at = lseek(keeping->store, 0, SEEK_END);
	if (write(keeping->store, bpf_program__insns(program), size) != (ssize_t)size ||
	    bpf_program__set_insns(program, return_0, 2) < 0) {
		keeping->programs[i] = NULL;
		return;
	}
	memcpy(&kept->options, options, sizeof(kept->options));
	if (kept->options.sz > sizeof(kept->options)) /* of a newer libbpf */
		kept->options.sz = sizeof(kept->options);
	kept->options.fd_array = NULL; /* it lives no longer than the load */
	forget_options(options);
}

static int load(const struct late_program *kept, int store, const struct bpf_program *program)
{
	size_t size = kept->count * sizeof(struct bpf_insn);
	_cleanup_free_ struct bpf_insn *instructions = malloc(size);
	_cleanup_close_ int fd = -EBADF;

	if (!instructions || pread(store, instructions, size, kept->at) != (ssize_t)size)
		return -ENOMEM;
	fd = bpf_prog_load(bpf_program__type(program), bpf_program__name(program), "Dual BSD/GPL",
			   instructions, kept->count, &kept->options);
	return fd < 0 || dup3(fd, bpf_program__fd(program), O_CLOEXEC) < 0 ? -errno : 0;
}

int probe_late_load(struct probe_late *late, const struct bpf_program *program)
{
	int i = find(late, program);
	int r = i < 0 ? 0 : load(&late->kept[i], late->store, program);

	if (i >= 0 && r == 0)
		late->programs[i] = NULL;
	return r;
}

void probe_late_free(struct probe_late *late)
{
	if (late->store > 0)
		close(late->store);
	free(late->kept);
	*late = (struct probe_late){ 0 };
}

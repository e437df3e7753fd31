/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/probe_load.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "ebpf/probe.skel.h"
#include "sources/probe_attach.h"
#include "sources/probe_late.h"
#include "sources/probe_types.h"
#include "support/cleanup.h"
#include "support/resident_set.h"

DEFINE_CLEANUP(struct probe_bpf *, probe_bpf__destroy);

/* ---- libbpf's last warning, for the complaint */

static char last_warning[256];

__attribute__((format(printf, 2, 0))) static int keep_warning(enum libbpf_print_level level,
							      const char *format, va_list arguments)
{
	/* slim_object has taken the lines out, on purpose */
	if (strstr(format, ".BTF.ext line info"))
		return 0;
	if (level == LIBBPF_WARN && last_warning[0] == '\0')
		vsnprintf(last_warning, sizeof(last_warning), format, arguments);
	return 0;
}

/* ---- what the running kernel has */

struct kernel_features {
	bool types; /* as ebpf/reads.bpf.h has it */
	bool socket_cookie;
	bool socket_from_file;
	bool congestion_state;
	bool storage_iterator;
	bool current_task, current_group; /* as ebpf/reads.bpf.h has them */
};

/* Some hosts refuse it, or their kernels were built without: only a load tells. Its target shows as
 * the function whose arguments the program gets. */
static bool can_iterate_storage(const struct probe_types *types)
{
	const struct bpf_insn return_0[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	uint32_t target = probe_types_find(types, BTF_KIND_FUNC, "bpf_iter_bpf_sk_storage_map");
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_ITER,
		    .attach_btf_id = target);
	_cleanup_close_ int fd = -EBADF;

	if (target)
		fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, NULL, "Dual BSD/GPL", return_0, 2,
				   &options);
	return fd >= 0;
}

/* Programs of sockets on control groups may call the helper, which takes no arguments. */
static bool can_call(int32_t helper)
{
	const struct bpf_insn call[] = {
		{ .code = BPF_JMP | BPF_CALL, .imm = helper },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	_cleanup_close_ int fd =
		bpf_prog_load(BPF_PROG_TYPE_SOCK_OPS, NULL, "Dual BSD/GPL", call, 3, NULL);

	return fd >= 0;
}

static bool has_function(const struct probe_types *types, const char *name)
{
	return probe_types_find(types, BTF_KIND_FUNC, name);
}

/* Helpers show in BTF as the functions behind them, tracepoints as the types of their probes. */
static struct kernel_features find_features(const struct probe_types *types)
{
	struct kernel_features features = {
		.types = has_function(types, "bpf_sk_storage_get_tracing"),
		.socket_cookie = has_function(types, "bpf_get_socket_ptr_cookie"),
		.socket_from_file = has_function(types, "bpf_sock_from_file"),
		.congestion_state =
			probe_types_find(types, BTF_KIND_TYPEDEF, "btf_trace_tcp_cong_state_set"),
	};

	features.storage_iterator = features.types && can_iterate_storage(types);
	features.current_task = features.types && can_call(BPF_FUNC_get_current_task_btf);
	features.current_group = features.types && can_call(BPF_FUNC_get_current_cgroup_id);
	return features;
}

static bool can_look_at_groups(void)
{
	return libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_CGROUP_SKB, NULL) == 1;
}

/* Where storage cannot be walked, the descriptors of all tasks lead to the same sockets. */
static void prepare_iterators(struct probe_bpf *bpf, const struct kernel_features *features)
{
	bool by_storage = features->storage_iterator;
	bool by_file = !by_storage && features->types && features->socket_from_file;
	const struct {
		struct bpf_program *program;
		bool wanted;
	} iterators[] = {
		{ bpf->progs.find_healed, by_storage && features->congestion_state },
		{ bpf->progs.find_healed_by_file, by_file && features->congestion_state },
		{ bpf->progs.find_host_held, by_storage },
		{ bpf->progs.find_host_held_by_file, by_file },
		{ bpf->progs.find_connections, features->types && features->socket_from_file },
		{ bpf->progs.sample_connections, by_storage },
		{ bpf->progs.sample_by_file, by_file },
		{ bpf->progs.visit_connection, !features->types },
		{ bpf->progs.visit_task, !features->types },
		{ bpf->progs.adopt_processes, features->types },
	};

	for (size_t i = 0; i < sizeof(iterators) / sizeof(iterators[0]); i++) {
		bpf_program__set_autoload(iterators[i].program, iterators[i].wanted);
		bpf_program__set_autoattach(iterators[i].program, false);
	}
}

/* Returns true with CAP_NET_ADMIN. */
static bool can_have_lenses(void)
{
	return libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_SOCK_OPS, NULL) == 1;
}

/* Programs on control groups. `lenses`: those for sockets may be had. */
static void prepare_groups(struct probe_bpf *bpf, bool lenses)
{
	bool lenses_too = lenses && can_have_lenses();
	const struct {
		struct bpf_program *program;
		bool wanted;
	} programs[] = {
		{ bpf->progs.packet_received, true },
		{ bpf->progs.packet_sent, true },
		{ bpf->progs.group_socket, lenses_too },
		{ bpf->progs.group_release, lenses_too },
	};
	bool possible = can_look_at_groups();

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		bpf_program__set_autoload(programs[i].program, possible && programs[i].wanted);
		bpf_program__set_autoattach(programs[i].program, false);
	}
}

/* probe_lens.c attaches it. */
static void prepare_host_lens(struct probe_bpf *bpf)
{
	bpf_program__set_autoattach(bpf->progs.socket_state, false);
	bpf_program__set_autoattach(bpf->progs.retransmitted, false);
	bpf_program__set_autoattach(bpf->progs.socket_destroyed, false);
}

static int prepare(struct probe_bpf *bpf, const struct kernel_features *features, bool lenses)
{
	struct timespec tick;
	struct stat own;

	if (stat("/proc/self/ns/pid", &own) < 0)
		return -errno;
	/* The coarse clocks advance once a jiffy, and say so (KTIME_LOW_RES). */
	if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) < 0)
		return -errno;
	bpf->rodata->pid_namespace = (uint32_t)own.st_ino;
	bpf->rodata->tick_nsec = (uint32_t)tick.tv_nsec;
	bpf->rodata->have_kernel_types = features->types;
	bpf->rodata->have_current_task = features->current_task;
	bpf->rodata->have_current_group = features->current_group;
	bpf->rodata->have_socket_cookie = features->types && features->socket_cookie;
	bpf_map__set_autocreate(
		features->types ? bpf->maps.connections_by_address : bpf->maps.connections, false);
	bpf_map__set_autocreate(features->types ? bpf->maps.mqtt_sessions_by_address
						: bpf->maps.mqtt_sessions,
				false);
	bpf_map__set_autocreate(bpf->maps.unopened_sockets, !features->types);
	bpf_program__set_autoload(bpf->progs.congestion_state, features->congestion_state);
	prepare_iterators(bpf, features);
	bpf_program__set_autoattach(bpf->progs.congestion_state, false);
	prepare_host_lens(bpf);
	prepare_groups(bpf, lenses);
	if (features->types)
		probe_attach_typed(bpf->obj);
	return 0;
}

/* ---- what the handover keeps: the maps, and the links of the tracepoints */

static bool is_linked(const struct bpf_program *program)
{
	return bpf_program__autoload(program) && bpf_program__autoattach(program);
}

int probe_load_descriptors(const struct probe_bpf *bpf,
			   int descriptors[static PROBE_DESCRIPTORS_MAX])
{
	const struct bpf_object_skeleton *skeleton = bpf->skeleton;
	struct bpf_map *map;
	int count = 0;

	if (skeleton->map_cnt + skeleton->prog_cnt > PROBE_DESCRIPTORS_MAX)
		return -ENOBUFS;
	bpf_object__for_each_map(map, bpf->obj)
	{
		if (bpf_map__autocreate(map))
			descriptors[count++] = bpf_map__fd(map);
	}
	for (int i = 0; i < skeleton->prog_cnt; i++)
		if (is_linked(*skeleton->progs[i].prog))
			descriptors[count++] = bpf_link__fd(*skeleton->progs[i].link);
	return count;
}

/* Takes over before the load: the maps are used again, and programs that are linked already are not
 * loaded again. */
static int take_over(const struct probe_bpf *bpf, const int *descriptors, unsigned count)
{
	const struct bpf_object_skeleton *skeleton = bpf->skeleton;
	unsigned at = 0;
	struct bpf_map *map;
	int r = 0;

	bpf_object__for_each_map(map, bpf->obj)
	{
		if (!bpf_map__autocreate(map))
			continue;
		if (at == count)
			return -ESTALE;
		r = bpf_map__reuse_fd(map, descriptors[at++]);
		if (r < 0)
			return r;
	}
	for (int i = 0; i < skeleton->prog_cnt; i++) {
		if (!is_linked(*skeleton->progs[i].prog))
			continue;
		bpf_program__set_autoload(*skeleton->progs[i].prog, false);
		at++;
	}
	return at == count ? 0 : -ESTALE;
}

/* ---- loading */

/* The instructions are in the kernel. libbpf keeps its copies until the probe is closed. */
static void drop_instructions(const struct probe_bpf *bpf)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, bpf->obj)
	{
		resident_set_drop(bpf_program__insns(program),
				  bpf_program__insn_cnt(program) * sizeof(struct bpf_insn));
	}
}

/* Samples are taken once records were lost, and stalls heal once there are any. */
static void keep_back(struct probe_late *late, const struct probe_bpf *bpf)
{
	struct bpf_program *programs[PROBE_LATE_MAX] = {
		bpf->progs.sample_connections,  bpf->progs.sample_by_file,   bpf->progs.find_healed,
		bpf->progs.find_healed_by_file, bpf->progs.congestion_state,
	};

	probe_late_free(late);
	memcpy(late->programs, programs, sizeof(programs));
	probe_late_begin(late);
}

static int load(struct probe_bpf **ret, struct probe_late *late, struct probe_types *types,
		const struct kernel_features *features, bool lenses, const int *descriptors,
		unsigned count)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .btf_custom_path = probe_types_path(types));
	_cleanup_(probe_bpf__destroy_held) struct probe_bpf *bpf = probe_bpf__open_opts(&options);
	int r;

	if (!bpf)
		return -errno;
	r = prepare(bpf, features, lenses);
	if (r >= 0 && count > 0)
		r = take_over(bpf, descriptors, count);
	if (r >= 0)
		r = probe_types_cut(types, bpf_object__btf(bpf->obj));
	keep_back(late, bpf);
	if (r >= 0)
		r = probe_bpf__load(bpf);
	probe_late_end();
	if (r < 0)
		return r == -ESRCH ? -EOPNOTSUPP : r; /* the target of a program is not in BTF */
	drop_instructions(bpf);
	*ret = STEAL_POINTER(bpf);
	return 0;
}

/* Kernels differ in what programs on control groups may do: where they refuse the groups' lenses,
 * the host's does it all. */
int probe_load(struct probe_bpf **ret, struct probe_late *late, const char *btf,
	       const int *descriptors, unsigned count)
{
	struct kernel_features features = {};
	struct probe_types *types;
	int r;

	libbpf_set_print(keep_warning);
	last_warning[0] = '\0';
	r = probe_types_open(&types, btf);
	if (r < 0)
		return r;
	if (!btf)
		features = find_features(types);
	else /* it tells of few of its features before a load: attaching shows whether this is there
	      */
		features.congestion_state = true;
	r = load(ret, late, types, &features, true, descriptors, count);
	if (r == -EINVAL || r == -EACCES || r == -E2BIG)
		r = load(ret, late, types, &features, false, descriptors, count);
	probe_types_free(types);
	return r;
}

const char *probe_load_complaint(int error)
{
	switch (error) {
	case -EPERM:
		return "loading the probe needs CAP_BPF and CAP_PERFMON in the initial user "
		       "namespace (CAP_SYS_ADMIN before kernel 5.8)";
	case -ENOENT:
		return "the kernel has no BTF (/sys/kernel/btf/vmlinux, CONFIG_DEBUG_INFO_BTF)";
	case -EOPNOTSUPP:
		return "the kernel lacks a tracepoint that the probe cannot do without";
	case -ENOMEM:
		return "no memory for the probe (LimitMEMLOCK=infinity before kernel 5.11)";
	}
	return last_warning[0] ? last_warning : strerror(-error);
}

/* FNV-1a over the whole object: any difference makes another version. */
uint64_t probe_version(void)
{
	uint64_t hash = 0xcbf29ce484222325;
	const unsigned char *bytes;
	size_t size;

	bytes = probe_bpf__elf_bytes(&size);
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3;
	return hash;
}

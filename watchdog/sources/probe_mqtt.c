/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/probe_mqtt.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "base/elf_functions.h"
#include "ebpf/mqtt.skel.h"
#include "ebpf/watch_keys.h"
#include "process/service.h"
#include "sources/probe_attach.h"
#include "sources/probe_state.h"
#include "sources/probe_types.h"
#include "sources/probe_uprobes.h"
#include "support/cleanup.h"

enum {
	INSPECTED_MAX = 8,  /* libraries of a process */
	PROCESSES_MAX = 32, /* each costs up to 18 descriptors a library */
	STRANGERS_MAX = 64, /* the last files that were found to lack these functions */
};

/* After a look at an agent's files that took too long: a second of it is spent waiting. */
#define PAUSE USEC_PER_MINUTE

struct file_id {
	dev_t device;
	ino_t inode;
};

/* The functions that are looked at. */
enum function {
	SSL_READ,
	SSL_READ_EX,
	SSL_WRITE,
	SSL_WRITE_EX,
	SSL_FREE,
	GET_ERROR,
	GETADDRINFO,
	FUNCTIONS,
};
static const char *const functions[FUNCTIONS] = {
	[SSL_READ] = "SSL_read",       [SSL_READ_EX] = "SSL_read_ex",
	[SSL_WRITE] = "SSL_write",     [SSL_WRITE_EX] = "SSL_write_ex",
	[SSL_FREE] = "SSL_free",       [GET_ERROR] = "X509_STORE_CTX_get_error",
	[GETADDRINFO] = "getaddrinfo",
};

/* Which functions a program looks at, and where. */
struct function_program {
	struct bpf_program *program;
	bool at_return;
	unsigned count;
	unsigned functions[UPROBE_FUNCTIONS_MAX];
};
enum {
	TLS_PROGRAMS = 5,
	CRYPTO_PROGRAMS = 1,
	LOOKUP_PROGRAMS = 2,
	PROGRAMS = TLS_PROGRAMS + CRYPTO_PROGRAMS + LOOKUP_PROGRAMS,
};

/* The libraries that are looked at, each with the functions and the programs that are its own. */
enum library_kind { LIBSSL, LIBCRYPTO, LIBC, KINDS };
static const struct {
	unsigned first_function, function_count;
	unsigned first_program, program_count;
	enum libraries_which installed, mapped;
} kinds[KINDS] = {
	[LIBSSL] = { SSL_READ, GET_ERROR, 0, TLS_PROGRAMS, LIBRARIES_INSTALLED, LIBRARIES_MAPPED },
	[LIBCRYPTO] = { GET_ERROR, 1, TLS_PROGRAMS, CRYPTO_PROGRAMS, LIBRARIES_INSTALLED,
			LIBRARIES_MAPPED },
	[LIBC] = { GETADDRINFO, 1, TLS_PROGRAMS + CRYPTO_PROGRAMS, LOOKUP_PROGRAMS,
		   RESOLVERS_INSTALLED, RESOLVERS_MAPPED },
};

/* A file with such functions in it, as far as one process uses it. */
struct inspected_library {
	struct file_id file;
	enum library_kind kind;
	struct uprobe uprobes[TLS_PROGRAMS];
};

struct library_process {
	LIST_ENTRY(library_process) next;
	uint32_t agent;
	pid_t pid;
	unsigned library_count;
	struct inspected_library libraries[INSPECTED_MAX];
};

LIST_HEAD(library_processes, library_process);

struct mqtt_probe {
	struct mqtt_bpf *bpf;
	struct function_program programs[PROGRAMS]; /* in the order in which they are attached */
	struct library_processes alive;
	struct library_processes dead;            /* their uprobes are yet to be closed */
	usec_t asked_again[AGENT_NUMBER_MAX + 1]; /* not before */
	uint64_t lost_told[PROBE_AGENTS];
	unsigned next_stranger;
	struct {
		struct file_id file;
		enum library_kind kind;
	} strangers[STRANGERS_MAX]; /* a ring */
};

/* Processes whose descriptors are open, also while a thread closes them. */
static atomic_uint processes_held;

/* ---- loading */

/* Has the two objects share their maps of the same name: those that the probe has made. */
static int share_maps(const struct mqtt_bpf *bpf, const struct bpf_object *probe)
{
	struct bpf_map *map, *shared;
	int r = 0;

	bpf_object__for_each_map(map, bpf->obj)
	{
		shared = bpf_object__find_map_by_name(probe, bpf_map__name(map));
		if (!shared || r < 0)
			continue;
		if (bpf_map__autocreate(shared))
			r = bpf_map__reuse_fd(map, bpf_map__fd(shared));
		else
			r = bpf_map__set_autocreate(map, false);
	}
	return r;
}

/* Programs at returns come first: a call that begins before they are attached would never end. */
static void name_programs(struct mqtt_probe *mqtt)
{
	const struct mqtt_bpf *bpf = mqtt->bpf;
	const struct function_program programs[PROGRAMS] = {
		{ bpf->progs.tls_read_ended, true, 2, { SSL_READ, SSL_READ_EX } },
		{ bpf->progs.tls_write_ended, true, 2, { SSL_WRITE, SSL_WRITE_EX } },
		{ bpf->progs.tls_call_begun, false, 2, { SSL_READ, SSL_WRITE } },
		{ bpf->progs.tls_call_ex_begun, false, 2, { SSL_READ_EX, SSL_WRITE_EX } },
		{ bpf->progs.tls_freed, false, 1, { SSL_FREE } },
		{ bpf->progs.certificate_verified, true, 1, { GET_ERROR } },
		{ bpf->progs.lookup_ended, true, 1, { GETADDRINFO } },
		{ bpf->progs.lookup_begun, false, 1, { GETADDRINFO } },
	};

	memcpy(mqtt->programs, programs, sizeof(programs));
}

static void prepare_uprobes(const struct mqtt_probe *mqtt)
{
	enum uprobe_way way = uprobe_way();

	for (unsigned i = 0; i < PROGRAMS; i++)
		uprobe_prepare(mqtt->programs[i].program, way);
	bpf_program__set_autoload(mqtt->bpf->progs.tcp_received, way != UPROBES_NONE);
}

static int open_with(struct mqtt_probe **ret, struct probe_types *types,
		     const struct bpf_object *probe)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .btf_custom_path = probe_types_path(types));
	_cleanup_(mqtt_probe_close_held) struct mqtt_probe *mqtt = calloc(1, sizeof(*mqtt));
	int r;

	if (!mqtt)
		return -ENOMEM;
	mqtt->bpf = mqtt_bpf__open_opts(&options);
	if (!mqtt->bpf)
		return -errno;
	name_programs(mqtt);
	prepare_uprobes(mqtt);
	r = share_maps(mqtt->bpf, probe);
	mqtt->bpf->rodata->have_kernel_types = bpf_map__autocreate(mqtt->bpf->maps.mqtt_sessions);
	if (mqtt->bpf->rodata->have_kernel_types)
		probe_attach_typed(mqtt->bpf->obj);
	if (r >= 0)
		r = probe_types_cut(types, bpf_object__btf(mqtt->bpf->obj));
	if (r >= 0)
		r = mqtt_bpf__load(mqtt->bpf);
	if (r >= 0 && mqtt_probe_sees_tls(mqtt)) {
		mqtt->bpf->links.tcp_received =
			probe_attach_tracepoint(mqtt->bpf->progs.tcp_received);
		r = mqtt->bpf->links.tcp_received ? 0 : -errno;
	}
	if (r < 0)
		return r;
	*ret = STEAL_POINTER(mqtt);
	return 0;
}

int mqtt_probe_open(struct mqtt_probe **ret, const char *btf, const struct bpf_object *probe)
{
	struct probe_types *types;
	int r = probe_types_open(&types, btf);

	if (r < 0)
		return r;
	r = open_with(ret, types, probe);
	probe_types_free(types);
	return r;
}

bool mqtt_probe_sees_tls(const struct mqtt_probe *mqtt)
{
	return bpf_program__autoload(mqtt->bpf->progs.tcp_received);
}

struct bpf_program *mqtt_probe_of_sent(const struct mqtt_probe *mqtt)
{
	return mqtt->bpf->progs.mqtt_packet_sent;
}

struct bpf_program *mqtt_probe_of_received(const struct mqtt_probe *mqtt)
{
	return mqtt->bpf->progs.mqtt_packet_received;
}

uint64_t mqtt_probe_lost(struct mqtt_probe *mqtt, uint32_t agent)
{
	const __u64 *counted;
	uint64_t more;

	if (!mqtt)
		return 0;
	counted = &mqtt->bpf->bss->unreported[agent];
	more = __atomic_load_n(counted, __ATOMIC_RELAXED) - mqtt->lost_told[agent];
	mqtt->lost_told[agent] += more;
	return more;
}

/* ---- uprobes */

static void detach(struct inspected_library *library, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		uprobe_detach(&library->uprobes[i]);
}

static bool read_file(void *userdata, uint64_t offset, void *buffer, size_t size)
{
	return pread(*(const int *)userdata, buffer, size, (off_t)offset) == (ssize_t)size;
}

/* The kernel is given the file that was read, whatever has its name by now. Returns false if the
 * functions are not in that file, or may not be looked at. */
static bool attach(const struct mqtt_probe *mqtt, pid_t pid, int fd,
		   struct inspected_library *library)
{
	const struct elf_file file = { read_file, &fd };
	unsigned first = kinds[library->kind].first_function;
	uint64_t in_file[FUNCTIONS], offsets[UPROBE_FUNCTIONS_MAX];
	char path[32];

	if (elf_functions_find(&file, functions + first, kinds[library->kind].function_count,
			       in_file + first) < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (unsigned i = 0; i < kinds[library->kind].program_count; i++) {
		const struct function_program *one =
			&mqtt->programs[kinds[library->kind].first_program + i];
		const struct uprobe_place place = { path, pid, one->at_return, one->count,
						    offsets };

		for (unsigned k = 0; k < one->count; k++)
			offsets[k] = in_file[one->functions[k]];
		if (uprobe_attach(&library->uprobes[i], one->program, &place) < 0) {
			detach(library, i);
			return false;
		}
	}
	return true;
}

static bool is_same(const struct file_id *a, const struct file_id *b)
{
	return a->device == b->device && a->inode == b->inode;
}

static bool is_settled(const struct mqtt_probe *mqtt, const struct library_process *process,
		       const struct inspected_library *library)
{
	for (unsigned i = 0; i < process->library_count; i++)
		if (process->libraries[i].kind == library->kind &&
		    is_same(&process->libraries[i].file, &library->file))
			return true;
	for (unsigned i = 0; i < STRANGERS_MAX; i++)
		if (mqtt->strangers[i].kind == library->kind &&
		    is_same(&mqtt->strangers[i].file, &library->file))
			return true;
	return process->library_count == INSPECTED_MAX;
}

static void try_library(struct mqtt_probe *mqtt, struct library_process *process,
			enum library_kind kind, int fd)
{
	struct inspected_library library = { .kind = kind };
	struct stat status;

	if (fstat(fd, &status) < 0)
		return;
	library.file = (struct file_id){ status.st_dev, status.st_ino };
	if (is_settled(mqtt, process, &library))
		return;
	if (attach(mqtt, process->pid, fd, &library))
		process->libraries[process->library_count++] = library;
	else if (kill(process->pid, 0) == 0) /* not for want of a process */
	{
		unsigned at = mqtt->next_stranger++ % STRANGERS_MAX;

		mqtt->strangers[at].file = library.file;
		mqtt->strangers[at].kind = kind;
	}
}

/* ---- processes */

static void *close_uprobes(void *userdata)
{
	struct library_processes processes = { .lh_first = userdata };
	struct library_process *process;

	while ((process = LIST_FIRST(&processes))) {
		LIST_FIRST(&processes) = LIST_NEXT(process, next);
		for (unsigned i = 0; i < process->library_count; i++)
			detach(&process->libraries[i],
			       kinds[process->libraries[i].kind].program_count);
		free(process);
		atomic_fetch_sub(&processes_held, 1);
	}
	return NULL;
}

/* Closes the uprobes of a process that has ended once its successor has uprobes of its own. Closing
 * a uprobe waits for every processor of the host (uprobe_unregister_sync()), a good part of a
 * second for all of a process: the event loop cannot wait for that, and opening others at the time
 * would wait for it, too. */
static void bury(struct mqtt_probe *mqtt)
{
	struct library_process *dead = LIST_FIRST(&mqtt->dead);
	pthread_attr_t detached;
	pthread_t thread;

	if (!dead)
		return;
	LIST_INIT(&mqtt->dead);
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &detached, close_uprobes, dead) != 0)
		close_uprobes(dead);
	pthread_attr_destroy(&detached);
}

static struct library_process *find_process(const struct mqtt_probe *mqtt, uint32_t pid)
{
	struct library_process *process;

	LIST_FOREACH(process, &mqtt->alive, next)
	if ((uint32_t)process->pid == pid)
		break;
	return process;
}

static void leave_process(struct mqtt_probe *mqtt, struct library_process *process)
{
	LIST_REMOVE(process, next);
	LIST_INSERT_HEAD(&mqtt->dead, process, next);
}

static struct library_process *add_process(struct mqtt_probe *mqtt, uint32_t agent, uint32_t pid)
{
	struct library_process *process = find_process(mqtt, pid);

	if (process || pid == 0 || atomic_load(&processes_held) == PROCESSES_MAX)
		return process;
	process = calloc(1, sizeof(*process));
	if (!process)
		return NULL;
	process->agent = agent;
	process->pid = (pid_t)pid;
	LIST_INSERT_HEAD(&mqtt->alive, process, next);
	atomic_fetch_add(&processes_held, 1);
	return process;
}

/* Looks for libraries of a kind in `process`, with libssl also for libcrypto: those that it has
 * mapped, or those that it may come to map. If the answer takes too long, which the agent's file
 * systems can bring about, nobody asks about the agent for a while. */
static void look_for(struct mqtt_probe *mqtt, struct library_process *process,
		     enum library_kind kind, bool mapped, usec_t now)
{
	usec_t *asked_again = &mqtt->asked_again[process->agent & AGENT_NUMBER_MAX];
	enum libraries_which which = mapped ? kinds[kind].mapped : kinds[kind].installed;
	struct libraries found = {};

	if (now < *asked_again)
		return;
	if (process_service_libraries(process->pid, which, &found) == -EAGAIN)
		*asked_again = now + PAUSE;
	for (unsigned i = 0; i < found.count; i++)
		try_library(mqtt, process, kind, found.files[i]);
	for (unsigned i = 0; kind == LIBSSL && i < found.count; i++)
		try_library(mqtt, process, LIBCRYPTO, found.files[i]);
	libraries_close(&found);
}

/* Uprobes from before an exec stay, and count for the new program, too. They wait for libraries
 * that are not mapped yet. */
static void take_begin(struct mqtt_probe *mqtt, const struct event *event, bool lookups)
{
	struct library_process *process = add_process(mqtt, event->agent, event->process.task.pid);

	if (process && lookups) /* a lookup comes before TLS */
		look_for(mqtt, process, LIBC, false, event->time);
	if (process)
		look_for(mqtt, process, LIBSSL, false, event->time);
	bury(mqtt);
}

/* A process that began under the daemon before us is new here. One that has loaded its C library
 * from elsewhere has the uprobes of its libc from its first connection on. */
static void take_connect(struct mqtt_probe *mqtt, const struct event *event, bool lookups)
{
	uint32_t pid = event->connection.owner.pid;
	bool is_new = !find_process(mqtt, pid);
	struct library_process *process = add_process(mqtt, event->agent, pid);

	if (!process)
		return;
	look_for(mqtt, process, LIBSSL, true, event->time);
	if (is_new)
		look_for(mqtt, process, LIBSSL, false, event->time);
	if (lookups)
		look_for(mqtt, process, LIBC, true, event->time);
}

static void take_end(struct mqtt_probe *mqtt, uint32_t pid)
{
	struct library_process *process = find_process(mqtt, pid);

	if (process)
		leave_process(mqtt, process);
}

void mqtt_probe_take(struct mqtt_probe *mqtt, const struct event *event, bool lookups)
{
	if (!mqtt_probe_sees_tls(mqtt))
		return;
	switch (event->type) {
	case EVENT_STARTED:
	case EVENT_EXECED:
		take_begin(mqtt, event, lookups);
		break;
	case EVENT_OPENED:
	case EVENT_FOUND:
		take_connect(mqtt, event, lookups);
		break;
	case EVENT_EXITED:
		take_end(mqtt, event->process.task.pid);
		break;
	default: /* not about what a process has mapped */
		break;
	}
}

void mqtt_probe_leave(struct mqtt_probe *mqtt, uint32_t agent)
{
	struct library_process *process, *next;

	for (process = LIST_FIRST(&mqtt->alive); process; process = next) {
		next = LIST_NEXT(process, next);
		if (process->agent == agent)
			leave_process(mqtt, process);
	}
	bury(mqtt);
}

struct mqtt_probe *mqtt_probe_close(struct mqtt_probe *mqtt)
{
	struct library_process *process;

	if (!mqtt)
		return NULL;
	while ((process = LIST_FIRST(&mqtt->alive)))
		leave_process(mqtt, process);
	close_uprobes(LIST_FIRST(&mqtt->dead));
	mqtt_bpf__destroy(mqtt->bpf);
	free(mqtt);
	return NULL;
}

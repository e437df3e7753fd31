#include "probe_mqtt.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "ebpf/mqtt.skel.h"
#include "probe_functions.h"
#include "probe_uprobes.h"
#include "support/cleanup.h"

enum {
	LIBRARIES_MAX = 4,     /* of a process */
	PROCESSES_MAX = 32,    /* each costs up to 18 descriptors a library */
	STRANGERS_MAX = 64,    /* files without these functions that are kept in mind */
	MAPS_LINE_SIZE = 4352, /* proc(5), /proc/pid/maps: a path and what stands before it */
};

struct file_id {
	dev_t device;
	ino_t inode;
};

/* The functions of libssl that are looked at. */
enum tls_function { SSL_READ, SSL_READ_EX, SSL_WRITE, SSL_WRITE_EX, SSL_FREE, FUNCTIONS };
static const char *const functions[FUNCTIONS] = {
	[SSL_READ] = "SSL_read",         [SSL_READ_EX] = "SSL_read_ex", [SSL_WRITE] = "SSL_write",
	[SSL_WRITE_EX] = "SSL_write_ex", [SSL_FREE] = "SSL_free",
};

/* Which of them a program looks at. */
struct tls_program {
	struct bpf_program *program;
	bool at_return;
	unsigned count;
	unsigned functions[UPROBE_FUNCTIONS_MAX];
};
enum { TLS_PROGRAMS = 5 };

/* A file with the functions of libssl in it, as far as one process uses it. */
struct tls_library {
	struct file_id file;
	struct uprobe uprobes[TLS_PROGRAMS];
};

struct tls_process {
	LIST_ENTRY(tls_process) next;
	uint32_t agent;
	pid_t pid;
	unsigned library_count;
	struct tls_library libraries[LIBRARIES_MAX];
};

LIST_HEAD(tls_processes, tls_process);

struct mqtt_probe {
	struct mqtt_bpf *bpf;
	struct tls_program programs[TLS_PROGRAMS]; /* in the order in which they are attached */
	struct tls_processes alive;
	struct tls_processes dead; /* their uprobes are yet to be closed */
	unsigned next_stranger;
	struct file_id strangers[STRANGERS_MAX]; /* a ring */
};

/* Whose descriptors are open, be it only until a thread has closed them. */
static atomic_uint processes_held;

DEFINE_CLEANUP(struct mqtt_probe *, mqtt_probe_close);

/* ---- loading */

/* Maps of the same name are the same map. */
static int share_maps(const struct mqtt_bpf *bpf, const struct bpf_object *probe)
{
	struct bpf_map *map, *shared;
	int r = 0;

	bpf_object__for_each_map(map, bpf->obj)
	{
		shared = bpf_object__find_map_by_name(probe, bpf_map__name(map));
		if (shared && r == 0)
			r = bpf_map__reuse_fd(map, bpf_map__fd(shared));
	}
	return r;
}

/* Those at returns come first: a call that begins before they are there would never end. */
static void name_programs(struct mqtt_probe *mqtt)
{
	const struct mqtt_bpf *bpf = mqtt->bpf;
	const struct tls_program programs[TLS_PROGRAMS] = {
		{ bpf->progs.tls_read_ended, true, 2, { SSL_READ, SSL_READ_EX } },
		{ bpf->progs.tls_write_ended, true, 2, { SSL_WRITE, SSL_WRITE_EX } },
		{ bpf->progs.tls_call_begun, false, 2, { SSL_READ, SSL_WRITE } },
		{ bpf->progs.tls_call_ex_begun, false, 2, { SSL_READ_EX, SSL_WRITE_EX } },
		{ bpf->progs.tls_freed, false, 1, { SSL_FREE } },
	};

	memcpy(mqtt->programs, programs, sizeof(programs));
}

static void prepare_tls(const struct mqtt_probe *mqtt)
{
	enum uprobe_way way = uprobe_way();

	for (unsigned i = 0; i < TLS_PROGRAMS; i++)
		uprobe_prepare(mqtt->programs[i].program, way);
	bpf_program__set_autoload(mqtt->bpf->progs.tcp_received, way != UPROBES_NONE);
}

int mqtt_probe_open(struct mqtt_probe **ret, const struct bpf_object *probe)
{
	_cleanup_(mqtt_probe_close_held) struct mqtt_probe *mqtt = calloc(1, sizeof(*mqtt));
	int r;

	if (!mqtt)
		return -ENOMEM;
	mqtt->bpf = mqtt_bpf__open();
	if (!mqtt->bpf)
		return -errno;
	name_programs(mqtt);
	prepare_tls(mqtt);
	r = share_maps(mqtt->bpf, probe);
	if (r >= 0)
		r = mqtt_bpf__load(mqtt->bpf);
	if (r >= 0 && mqtt_probe_sees_tls(mqtt)) {
		mqtt->bpf->links.tcp_received = bpf_program__attach(mqtt->bpf->progs.tcp_received);
		r = mqtt->bpf->links.tcp_received ? 0 : -errno;
	}
	if (r < 0)
		return r;
	*ret = STEAL_POINTER(mqtt);
	return 0;
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

/* ---- uprobes */

static void detach(struct tls_library *library, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		uprobe_detach(&library->uprobes[i]);
}

/* Returns false where the functions are not in that file, or may not be looked at. */
static bool attach(const struct mqtt_probe *mqtt, pid_t pid, const char *path,
		   struct tls_library *library)
{
	uint64_t in_file[FUNCTIONS], offsets[UPROBE_FUNCTIONS_MAX];

	if (functions_find(path, functions, FUNCTIONS, in_file) < 0)
		return false;
	for (unsigned i = 0; i < TLS_PROGRAMS; i++) {
		const struct tls_program *one = &mqtt->programs[i];
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

static bool is_settled(const struct mqtt_probe *mqtt, const struct tls_process *process,
		       const struct file_id *file)
{
	for (unsigned i = 0; i < process->library_count; i++)
		if (is_same(&process->libraries[i].file, file))
			return true;
	for (unsigned i = 0; i < STRANGERS_MAX; i++)
		if (is_same(&mqtt->strangers[i], file))
			return true;
	return process->library_count == LIBRARIES_MAX;
}

static void try_library(struct mqtt_probe *mqtt, struct tls_process *process, const char *path)
{
	struct tls_library library = {};
	struct stat status;

	if (stat(path, &status) < 0)
		return;
	library.file = (struct file_id){ status.st_dev, status.st_ino };
	if (is_settled(mqtt, process, &library.file))
		return;
	if (attach(mqtt, process->pid, path, &library))
		process->libraries[process->library_count++] = library;
	else if (kill(process->pid, 0) == 0) /* not for want of a process */
		mqtt->strangers[mqtt->next_stranger++ % STRANGERS_MAX] = library.file;
}

/* ---- where a process has its libssl */

/* A program may hold it itself, as Node.js does. */
static void try_program(struct mqtt_probe *mqtt, struct tls_process *process)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)process->pid);
	try_library(mqtt, process, path);
}

/* What it may come to use: ld.so(8)'s directories, as it sees them. A uprobe waits there until the
 * file is mapped. */
static void try_installed(struct mqtt_probe *mqtt, struct tls_process *process)
{
	char pattern[128];
	glob_t found = {};

	snprintf(pattern, sizeof(pattern),
		 "/proc/%d/root/{usr/lib,usr/lib64,usr/lib/*-linux-gnu*,lib,lib64}/libssl.so.*",
		 (int)process->pid);
	if (glob(pattern, GLOB_BRACE | GLOB_NOSORT, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			try_library(mqtt, process, found.gl_pathv[i]);
	globfree(&found);
}

/* The file that is mapped at `range`, also if it was replaced since (proc(5), map_files); the one
 * that has its name, where we may not follow that link: it takes CAP_CHECKPOINT_RESTORE. */
static void try_mapping(struct mqtt_probe *mqtt, struct tls_process *process, const char *range,
			const char *name)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "/proc/%d/map_files/%s", (int)process->pid, range);
	if (access(path, F_OK) < 0)
		snprintf(path, sizeof(path), "/proc/%d/root%s", (int)process->pid, name);
	try_library(mqtt, process, path);
}

/* What it has mapped, wherever that lies. */
static void try_mapped(struct mqtt_probe *mqtt, struct tls_process *process)
{
	char line[MAPS_LINE_SIZE], path[32], range[64], mode[8], name[PATH_MAX];
	_cleanup_fclose_ FILE *maps = NULL;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)process->pid);
	maps = fopen(path, "re");
	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%63s %7s %*s %*s %*s %4095[^\n]", range, mode, name) == 3 &&
		    mode[2] == 'x' && strncmp(basename(name), "libssl", strlen("libssl")) == 0)
			try_mapping(mqtt, process, range, name);
}

/* ---- processes */

static void *close_uprobes(void *userdata)
{
	struct tls_processes processes = { .lh_first = userdata };
	struct tls_process *process;

	while ((process = LIST_FIRST(&processes))) {
		LIST_FIRST(&processes) = LIST_NEXT(process, next);
		for (unsigned i = 0; i < process->library_count; i++)
			detach(&process->libraries[i], TLS_PROGRAMS);
		free(process);
		atomic_fetch_sub(&processes_held, 1);
	}
	return NULL;
}

/* Closing a uprobe waits for every processor of the host (uprobe_unregister_sync()), a good part of
 * a second for all of a process: nothing that the event loop could wait for, and opening one would
 * have to wait for it. So those of a process that has ended are closed when its successor has its
 * own. */
static void bury(struct mqtt_probe *mqtt)
{
	struct tls_process *dead = LIST_FIRST(&mqtt->dead);
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

static struct tls_process *find_process(const struct mqtt_probe *mqtt, uint32_t pid)
{
	struct tls_process *process;

	LIST_FOREACH(process, &mqtt->alive, next)
	if ((uint32_t)process->pid == pid)
		break;
	return process;
}

static void leave_process(struct mqtt_probe *mqtt, struct tls_process *process)
{
	LIST_REMOVE(process, next);
	LIST_INSERT_HEAD(&mqtt->dead, process, next);
}

static struct tls_process *add_process(struct mqtt_probe *mqtt, uint32_t agent, uint32_t pid)
{
	struct tls_process *process = find_process(mqtt, pid);

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

/* Uprobes of before an exec stay, and go for the new program too. */
static void take_begin(struct mqtt_probe *mqtt, uint32_t agent, uint32_t pid)
{
	struct tls_process *process = add_process(mqtt, agent, pid);

	if (process) {
		try_program(mqtt, process);
		try_installed(mqtt, process);
	}
	bury(mqtt);
}

static void take_connect(struct mqtt_probe *mqtt, uint32_t agent, uint32_t pid)
{
	struct tls_process *process = add_process(mqtt, agent, pid);

	if (process) {
		try_program(mqtt, process);
		try_mapped(mqtt, process);
	}
}

static void take_end(struct mqtt_probe *mqtt, uint32_t pid)
{
	struct tls_process *process = find_process(mqtt, pid);

	if (process)
		leave_process(mqtt, process);
}

void mqtt_probe_take(struct mqtt_probe *mqtt, const struct event *event)
{
	if (!mqtt_probe_sees_tls(mqtt))
		return;
	switch (event->type) {
	case EVENT_STARTED:
	case EVENT_EXECED:
		take_begin(mqtt, event->agent, event->process.task.pid);
		break;
	case EVENT_OPENED:
		take_connect(mqtt, event->agent, event->connection.owner.pid);
		break;
	case EVENT_EXITED:
		take_end(mqtt, event->process.task.pid);
		break;
	default: /* tells nothing of what a process has mapped */
		break;
	}
}

void mqtt_probe_leave(struct mqtt_probe *mqtt, uint32_t agent)
{
	struct tls_process *process, *next;

	for (process = LIST_FIRST(&mqtt->alive); process; process = next) {
		next = LIST_NEXT(process, next);
		if (process->agent == agent)
			leave_process(mqtt, process);
	}
	bury(mqtt);
}

struct mqtt_probe *mqtt_probe_close(struct mqtt_probe *mqtt)
{
	struct tls_process *process;

	if (!mqtt)
		return NULL;
	while ((process = LIST_FIRST(&mqtt->alive)))
		leave_process(mqtt, process);
	close_uprobes(LIST_FIRST(&mqtt->dead));
	mqtt_bpf__destroy(mqtt->bpf);
	free(mqtt);
	return NULL;
}

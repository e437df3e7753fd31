#include "probe_mqtt.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <glob.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "ebpf/mqtt.skel.h"
#include "support/cleanup.h"

enum {
	CALLS = 5,             /* of libssl that are looked at */
	LIBRARIES_MAX = 4,     /* of a process */
	PROCESSES_MAX = 32,    /* each costs up to 4 * CALLS descriptors a library */
	STRANGERS_MAX = 64,    /* files without these functions that are kept in mind */
	MAPS_LINE_SIZE = 4352, /* proc(5), /proc/pid/maps: a path and what stands before it */
};

struct file_id {
	dev_t device;
	ino_t inode;
};

/* A file with the functions of libssl in it, as far as one process uses it. */
struct tls_library {
	struct file_id file;
	struct bpf_link *links[CALLS][2];
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

/* perf_event_open(2) with the dynamic PMU "uprobe", 4.17. */
static bool has_uprobes(void)
{
	return access("/sys/bus/event_source/devices/uprobe/type", R_OK) == 0 &&
	       libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_KPROBE, NULL) == 1;
}

static void use_tls(const struct mqtt_bpf *bpf, bool yes)
{
	struct bpf_program *programs[] = {
		bpf->progs.tls_call_begun, bpf->progs.tls_call_ex_begun, bpf->progs.tls_write_ended,
		bpf->progs.tls_read_ended, bpf->progs.tls_freed,         bpf->progs.tcp_received,
	};

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		bpf_program__set_autoload(programs[i], yes);
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
	use_tls(mqtt->bpf, has_uprobes());
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

static struct bpf_link *attach(struct bpf_program *program, pid_t pid, const char *path,
			       const char *function, bool at_return)
{
	LIBBPF_OPTS(bpf_uprobe_opts, options, .func_name = function, .retprobe = at_return);

	return bpf_program__attach_uprobe_opts(program, pid, path, 0, &options);
}

static void detach(struct tls_library *library)
{
	for (unsigned i = 0; i < CALLS; i++) {
		bpf_link__destroy(library->links[i][0]);
		bpf_link__destroy(library->links[i][1]);
	}
}

/* Returns false where the functions are not in that file, or may not be looked at. */
static bool attach_all(const struct mqtt_bpf *bpf, pid_t pid, const char *path,
		       struct tls_library *library)
{
	const struct {
		const char *function;
		struct bpf_program *begun;
		struct bpf_program *ended;
	} calls[CALLS] = {
		{ "SSL_read", bpf->progs.tls_call_begun, bpf->progs.tls_read_ended },
		{ "SSL_write", bpf->progs.tls_call_begun, bpf->progs.tls_write_ended },
		{ "SSL_read_ex", bpf->progs.tls_call_ex_begun, bpf->progs.tls_read_ended },
		{ "SSL_write_ex", bpf->progs.tls_call_ex_begun, bpf->progs.tls_write_ended },
		{ "SSL_free", bpf->progs.tls_freed, NULL },
	};

	for (unsigned i = 0; i < CALLS; i++) {
		struct bpf_link **links = library->links[i];
		const char *function = calls[i].function;

		if (calls[i].ended)
			links[1] = attach(calls[i].ended, pid, path, function, true);
		if (links[1] || !calls[i].ended)
			links[0] = attach(calls[i].begun, pid, path, function, false);
		if (!links[0]) {
			detach(library);
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
	if (attach_all(mqtt->bpf, process->pid, path, &library))
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

/* What it has mapped, wherever that lay: also if the file was replaced since (proc(5), map_files).
 */
static void try_mapped(struct mqtt_probe *mqtt, struct tls_process *process)
{
	char line[MAPS_LINE_SIZE], path[128], range[64], mode[8];
	_cleanup_fclose_ FILE *maps = NULL;
	const char *name;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)process->pid);
	maps = fopen(path, "re");
	while (maps && fgets(line, sizeof(line), maps)) {
		name = strrchr(line, '/');
		if (!name || strncmp(name, "/libssl", strlen("/libssl")) != 0 ||
		    sscanf(line, "%63s %7s", range, mode) != 2 || mode[2] != 'x')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/map_files/%s", (int)process->pid, range);
		try_library(mqtt, process, path);
	}
}

/* ---- processes */

static void *close_uprobes(void *userdata)
{
	struct tls_processes processes = { .lh_first = userdata };
	struct tls_process *process;

	while ((process = LIST_FIRST(&processes))) {
		LIST_FIRST(&processes) = LIST_NEXT(process, next);
		for (unsigned i = 0; i < process->library_count; i++)
			detach(&process->libraries[i]);
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

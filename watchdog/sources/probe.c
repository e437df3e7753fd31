#include "probe.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "core/decode.h"
#include "ebpf/probe.skel.h"
#include "ebpf/watch_keys.h"
#include "probe_mqtt.h"
#include "probe_packets.h"
#include "support/cleanup.h"
#include "support/clock.h"
#include "support/handover.h"

enum { AGENTS_MAX = 255 };

struct probe {
	struct probe_bpf *bpf;
	struct ring_buffer *ring;
	uint64_t undecoded; /* records that were no use to us */
	uint64_t lost_told; /* of these and of those the kernel dropped */
	bool sampling;      /* a sample was asked for and is not handed on to its end */
	char *sample;       /* records that are yet to be handed on; NULL: none */
	size_t sample_size;
	struct packet_watches *packets;
	struct mqtt_probe *mqtt;        /* NULL until an agent asks for it */
	bool inspected[AGENTS_MAX + 1]; /* by agent: its MQTT is looked at */
	uint32_t groups_made;      /* as counted by the kernel when they were last looked for */
	struct handover *handover; /* NULL: nobody comes after us */
	bool resuming; /* the next record may be one that the process before us had taken */
	int taken_over[PROBE_DESCRIPTORS_MAX]; /* links of the process before us */
	unsigned taken_over_count;
	/* during probe_drain() only */
	event_sink sink;
	void *userdata;
	int events;
	int records;
};

/* In one probe_drain(): more than the ring can hold (each takes 8 bytes for itself there), so all
 * that was there when it began is among them. */
enum { RECORDS_AT_ONCE = 4096 };

DEFINE_CLEANUP(struct probe *, probe_close);

/* ---- what libbpf has to say, for the complaint */

static char last_warning[256];

static int keep_warning(enum libbpf_print_level level, const char *format, va_list arguments)
{
	if (level == LIBBPF_WARN && last_warning[0] == '\0')
		vsnprintf(last_warning, sizeof(last_warning), format, arguments);
	return 0;
}

/* ---- what the running kernel has */

struct kernel_features {
	bool socket_storage;
	bool socket_cookie;
	bool socket_from_file;
	bool congestion_state;
};

/* Helpers show in BTF as the functions behind them, tracepoints as the types of their probes. */
static const struct {
	const char *name;
	bool is_function;
	size_t member;
} FEATURES[] = {
	{ "bpf_sk_storage_get_tracing", true, offsetof(struct kernel_features, socket_storage) },
	{ "bpf_get_socket_ptr_cookie", true, offsetof(struct kernel_features, socket_cookie) },
	{ "bpf_sock_from_file", true, offsetof(struct kernel_features, socket_from_file) },
	{ "btf_trace_tcp_cong_state_set", false,
	  offsetof(struct kernel_features, congestion_state) },
};

static void note_feature(struct kernel_features *features, const struct btf *btf,
			 const struct btf_type *type)
{
	const char *name = btf__name_by_offset(btf, type->name_off);

	for (size_t i = 0; i < sizeof(FEATURES) / sizeof(FEATURES[0]); i++)
		if (btf_is_func(type) == FEATURES[i].is_function &&
		    strcmp(name, FEATURES[i].name) == 0)
			*(bool *)((char *)features + FEATURES[i].member) = true;
}

static int find_features(struct kernel_features *features)
{
	struct btf *btf = btf__load_vmlinux_btf();

	if (!btf)
		return -ENOENT;
	for (uint32_t id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);

		if (btf_is_func(type) || btf_is_typedef(type))
			note_feature(features, btf, type);
	}
	btf__free(btf);
	return 0;
}

/* Takes CAP_NET_ADMIN. */
static bool can_look_at_packets(void)
{
	return libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_CGROUP_SKB, NULL) == 1;
}

static void look_for_new_groups(struct probe *probe)
{
	uint32_t made = probe->bpf->bss->awaited_cgroups_made;

	if (made == probe->groups_made)
		return;
	probe->groups_made = made;
	packet_watches_look_again(probe->packets);
}

/* ---- records as events */

static bool read_record(struct probe *probe, const void *record, size_t size, struct event *event)
{
	if (decode_record(record, size, event) == 0)
		return true;
	probe->undecoded++;
	return false;
}

static void hand_on(struct probe *probe, const struct event *event)
{
	if (probe->inspected[event->agent & AGENTS_MAX])
		mqtt_probe_take(probe->mqtt, event);
	if (event->type == EVENT_SAMPLE_DONE) {
		if (!probe->sampling)
			return; /* the process before us had asked for it */
		probe->sampling = false;
	}
	probe->sink(probe->userdata, event);
	probe->events++;
}

static void hand_on_sample(struct probe *probe)
{
	_cleanup_free_ char *sample = STEAL_POINTER(probe->sample);
	struct event event;

	for (size_t at = 0; sample && at < probe->sample_size; at += DECODE_SAMPLE_SIZE)
		if (read_record(probe, sample + at, DECODE_SAMPLE_SIZE, &event))
			hand_on(probe, &event);
}

/* ---- records that are kept for the process after us */

/* What a session's verdict rests on. Its troubles while it is open are told as they come. */
static bool is_for_keeps(enum event_type type)
{
	return event_is_process(type) || (event_is_connection(type) && type != EVENT_RETRANSMIT &&
					  type != EVENT_HEALED && type != EVENT_SAMPLED);
}

/* The process before us may have died between keeping a record and giving its room in the ring
 * back: then the last one it kept comes once more. */
static bool is_kept_already(struct probe *probe, const void *record, size_t size)
{
	uint64_t end = handover_end(probe->handover);
	const void *last;
	size_t last_size;

	if (!probe->resuming)
		return false;
	probe->resuming = false;
	if (end == handover_first(probe->handover))
		return false;
	last = handover_record(probe->handover, end - 1, &last_size);
	return last_size == size && memcmp(last, record, size) == 0;
}

_Static_assert((int)DECODE_SAMPLE_SIZE <= (int)HANDOVER_RECORD_SIZE,
	       "the longest record finds room");

/* Returns false if it was handed on by probe_recall(). */
static bool keep(struct probe *probe, enum event_type type, const void *record, size_t size)
{
	if (!probe->handover || !is_for_keeps(type))
		return true;
	if (is_kept_already(probe, record, size))
		return false;
	handover_keep(probe->handover, record, size);
	return true;
}

/* A sample that the sink asked for is older than what follows in the ring. */
static int on_record(void *userdata, void *data, size_t size)
{
	struct probe *probe = userdata;
	struct event event;

	if (read_record(probe, data, size, &event) && keep(probe, event.type, data, size))
		hand_on(probe, &event);
	hand_on_sample(probe);
	return ++probe->records < RECORDS_AT_ONCE ? 0 : -EAGAIN;
}

/* ---- opening */

static int prepare(struct probe_bpf *bpf, const struct kernel_features *features)
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
	bpf->rodata->have_socket_storage = features->socket_storage;
	bpf->rodata->have_socket_cookie = features->socket_cookie;
	bpf_map__set_autocreate(features->socket_storage ? bpf->maps.connections_by_address
							 : bpf->maps.connections,
				false);
	bpf_map__set_autocreate(bpf->maps.mqtt_sessions, features->socket_storage);
	bpf_program__set_autoload(bpf->progs.congestion_state, features->congestion_state);
	bpf_program__set_autoload(bpf->progs.find_connections, features->socket_from_file);
	bpf_program__set_autoload(bpf->progs.sample_connections, features->socket_storage);
	bpf_program__set_autoload(bpf->progs.packet_received,
				  features->socket_storage && can_look_at_packets());
	bpf_program__set_autoattach(bpf->progs.packet_received, false);
	bpf_program__set_autoattach(bpf->progs.find_connections, false);
	bpf_program__set_autoattach(bpf->progs.sample_connections, false);
	bpf_program__set_autoattach(bpf->progs.adopt_processes, false);
	return 0;
}

/* ---- what goes on without us: the maps, and the links of the tracepoints */

static bool is_linked(const struct bpf_program *program)
{
	return bpf_program__autoload(program) && bpf_program__autoattach(program);
}

int probe_descriptors(const struct probe *probe, int descriptors[static PROBE_DESCRIPTORS_MAX])
{
	const struct bpf_object_skeleton *skeleton = probe->bpf->skeleton;
	struct bpf_map *map;
	int count = 0;

	if (probe->taken_over_count) {
		memcpy(descriptors, probe->taken_over, sizeof(probe->taken_over));
		return (int)probe->taken_over_count;
	}
	if (skeleton->map_cnt + skeleton->prog_cnt > PROBE_DESCRIPTORS_MAX)
		return -ENOBUFS;
	bpf_object__for_each_map(map, probe->bpf->obj)
	{
		if (bpf_map__autocreate(map))
			descriptors[count++] = bpf_map__fd(map);
	}
	for (int i = 0; i < skeleton->prog_cnt; i++)
		if (is_linked(*skeleton->progs[i].prog))
			descriptors[count++] = bpf_link__fd(*skeleton->progs[i].link);
	return count;
}

/* The other way round, before the load: the maps are used again, and programs that are linked
 * already are not loaded once more. */
static int take_over(struct probe *probe)
{
	const struct bpf_object_skeleton *skeleton = probe->bpf->skeleton;
	unsigned at = 0;
	struct bpf_map *map;
	int r = 0;

	bpf_object__for_each_map(map, probe->bpf->obj)
	{
		if (!bpf_map__autocreate(map))
			continue;
		if (at == probe->taken_over_count)
			return -ESTALE;
		r = bpf_map__reuse_fd(map, probe->taken_over[at++]);
		if (r < 0)
			return r;
	}
	for (int i = 0; i < skeleton->prog_cnt; i++) {
		if (!is_linked(*skeleton->progs[i].prog))
			continue;
		bpf_program__set_autoload(*skeleton->progs[i].prog, false);
		at++;
	}
	return at == probe->taken_over_count ? 0 : -ESTALE;
}

/* FNV-1a, over the whole object: whatever differs between two versions of it counts. */
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

static int load(struct probe *probe)
{
	struct kernel_features features = {};
	int r;

	probe->packets = packet_watches_new();
	if (!probe->packets)
		return -ENOMEM;
	r = find_features(&features);
	if (r < 0)
		return r;
	probe->bpf = probe_bpf__open();
	if (!probe->bpf)
		return -errno;
	r = prepare(probe->bpf, &features);
	if (r >= 0 && probe->taken_over_count)
		r = take_over(probe);
	if (r < 0)
		return r;
	r = probe_bpf__load(probe->bpf);
	if (r < 0)
		return r == -ESRCH ? -EOPNOTSUPP : r; /* the target of a program is not in BTF */
	probe->ring =
		ring_buffer__new(bpf_map__fd(probe->bpf->maps.records), on_record, probe, NULL);
	if (!probe->ring)
		return -errno;
	if (bpf_program__autoload(probe->bpf->progs.packet_received))
		packet_watches_use(probe->packets, LOOK_AT_TTL, probe->bpf->progs.packet_received,
				   NULL);
	probe_set_wake_ups(probe, true); /* whatever the process before us was at */
	return probe_bpf__attach(probe->bpf);
}

static const char *complaint_about(int error)
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

int probe_take_over(struct probe **ret, const int *descriptors, unsigned count,
		    const char **complaint)
{
	_cleanup_(probe_close_held) struct probe *probe = calloc(1, sizeof(*probe));
	int r;

	libbpf_set_print(keep_warning);
	last_warning[0] = '\0';
	if (probe && count > 0) {
		memcpy(probe->taken_over, descriptors, count * sizeof(*descriptors));
		probe->taken_over_count = count;
	}
	r = probe ? load(probe) : -ENOMEM;
	if (r < 0) {
		*complaint = complaint_about(r);
		return r;
	}
	*ret = STEAL_POINTER(probe);
	return 0;
}

int probe_open(struct probe **ret, const char **complaint)
{
	return probe_take_over(ret, NULL, 0, complaint);
}

struct probe *probe_close(struct probe *probe)
{
	if (!probe)
		return NULL;
	packet_watches_free(probe->packets);
	mqtt_probe_close(probe->mqtt);
	ring_buffer__free(probe->ring);
	probe_bpf__destroy(probe->bpf);
	for (unsigned i = 0; i < probe->taken_over_count; i++)
		close(probe->taken_over[i]);
	free(probe->sample);
	free(probe);
	return NULL;
}

/* ---- iterators and samples */

/* Over `map`, or over what there is one of (NULL). Returns what to read it from, or -errno. */
static int open_iterator(const struct bpf_program *program, const struct bpf_map *map)
{
	union bpf_iter_link_info info = { .map.map_fd = map ? (uint32_t)bpf_map__fd(map) : 0 };
	LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &info,
		    .link_info_len = sizeof(info));
	struct bpf_link *link = bpf_program__attach_iter(program, map ? &options : NULL);
	int fd;

	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	bpf_link__destroy(link);
	return fd;
}

/* Appends what is there to read. Returns the number of bytes, 0 at the end, or -errno. */
static ssize_t read_more(int fd, char **buffer, size_t *size)
{
	enum { STEP = 1024 * DECODE_SAMPLE_SIZE };
	char *longer = realloc(*buffer, *size + STEP);
	ssize_t n;

	if (!longer)
		return -ENOMEM;
	*buffer = longer;
	n = read(fd, longer + *size, STEP);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 1 : -errno;
	*size += (size_t)n;
	return n;
}

static int take_sample(struct probe *probe)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *sample = NULL;
	size_t size = 0;
	ssize_t n;

	probe->bpf->bss->sample_done = false;
	fd = open_iterator(probe->bpf->progs.sample_connections, probe->bpf->maps.connections);
	if (fd < 0)
		return fd;
	do
		n = read_more(fd, &sample, &size);
	while (n > 0);
	if (n < 0)
		return (int)n;
	if (probe->bpf->bss->sample_done) {
		probe->sample = STEAL_POINTER(sample);
		probe->sample_size = size;
	}
	return 0;
}

int probe_sample(struct probe *probe)
{
	int r;

	if (!bpf_program__autoload(probe->bpf->progs.sample_connections))
		return -EOPNOTSUPP;
	if (probe->sampling)
		return 0;
	r = take_sample(probe);
	probe->sampling = r == 0;
	return r;
}

/* ---- draining */

static void tell_lost(struct probe *probe)
{
	uint64_t lost = probe->undecoded + probe->bpf->bss->lost_records;
	struct event event = { .type = EVENT_LOST };

	if (lost == probe->lost_told)
		return;
	event.time = clock_now(CLOCK_MONOTONIC);
	event.lost.records = lost - probe->lost_told;
	probe->lost_told = lost;
	if (probe->handover)
		handover_set_lost(probe->handover, probe->bpf->bss->lost_records);
	probe->sink(probe->userdata, &event);
	probe->events++;
}

int probe_fd(const struct probe *probe)
{
	return ring_buffer__epoll_fd(probe->ring);
}

void probe_set_wake_ups(struct probe *probe, bool on)
{
	probe->bpf->bss->wake_ups_off = !on;
}

void probe_remember(struct probe *probe, struct handover *handover)
{
	probe->handover = handover;
	probe->lost_told = handover_lost(handover);
	probe->resuming = probe->taken_over_count > 0;
}

void probe_recall(struct probe *probe, event_sink sink, void *userdata)
{
	uint64_t end = handover_end(probe->handover);

	probe->sink = sink;
	probe->userdata = userdata;
	for (uint64_t at = handover_first(probe->handover); at < end; at++) {
		size_t size;
		const void *record = handover_record(probe->handover, at, &size);
		struct event event;

		if (read_record(probe, record, size, &event))
			hand_on(probe, &event);
	}
}

int probe_drain(struct probe *probe, event_sink sink, void *userdata)
{
	int r;

	probe->sink = sink;
	probe->userdata = userdata;
	probe->events = 0;
	probe->records = 0;
	look_for_new_groups(probe);
	hand_on_sample(probe);
	r = ring_buffer__consume(probe->ring);
	if (r < 0 && r != -EAGAIN)
		return r;
	r = 0;
	if (probe->sampling && !probe->bpf->bss->sample_done) {
		probe->sampling = false; /* the ring was full: once more */
		r = probe_sample(probe);
	}
	tell_lost(probe);
	return r < 0 ? r : probe->events;
}

/* ---- who is watched */

/* Runs an iterator over all that there is to see. */
static int run_iterator(const struct bpf_program *program)
{
	_cleanup_close_ int fd = open_iterator(program, NULL);
	char nothing[64];
	ssize_t n;

	if (fd < 0)
		return fd;
	do
		n = read(fd, nothing, sizeof(nothing));
	while (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)));
	return n < 0 ? -errno : 0;
}

int probe_watch_process(struct probe *probe, pid_t pid, uint32_t agent)
{
	struct probe_bpf__bss *run = probe->bpf->bss;
	int r;

	run->wanted_pid = (uint32_t)pid;
	run->wanted_agent = agent;
	run->wanted_found = false;
	do {
		run->adopted = 0;
		r = run_iterator(probe->bpf->progs.adopt_processes);
		if (r < 0)
			return r;
	} while (run->adopted > 0);
	return run->wanted_found ? 0 : -ESRCH;
}

/* The id of the control group at `path`, which must be of version 2: ids of the other hierarchies
 * are numbers of their own. */
static int cgroup_id(const char *path, uint64_t *ret)
{
	struct statfs file_system;
	struct stat status;

	if (statfs(path, &file_system) < 0 || stat(path, &status) < 0)
		return -errno;
	if (file_system.f_type != CGROUP2_SUPER_MAGIC)
		return -EOPNOTSUPP;
	*ret = status.st_ino;
	return 0;
}

static int watch_cgroup_id(struct probe *probe, uint64_t id, uint32_t agent)
{
	return bpf_map__update_elem(probe->bpf->maps.watched_cgroups, &id, sizeof(id), &agent,
				    sizeof(agent), BPF_ANY);
}

/* A directory is entered into the map before its children are listed, so that a control group
 * which is made meanwhile inherits its watch, if it is not listed. */
static int watch_tree(struct probe *probe, FTS *tree, uint32_t agent)
{
	FTSENT *entry;
	int r;

	while ((entry = fts_read(tree))) {
		if (entry->fts_info != FTS_D)
			continue;
		r = watch_cgroup_id(probe, entry->fts_statp->st_ino, agent);
		if (r < 0)
			return r;
	}
	return 0;
}

int probe_watch_cgroup(struct probe *probe, const char *path, uint32_t agent)
{
	char *paths[] = { (char *)path, NULL };
	uint64_t id;
	FTS *tree;
	int r;

	r = cgroup_id(path, &id);
	if (r < 0)
		return r;
	tree = fts_open(paths, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	if (!tree)
		return -errno;
	r = watch_tree(probe, tree, agent);
	fts_close(tree);
	if (r == 0)
		packet_watches_add(probe->packets, path, agent);
	return r;
}

int probe_watch_cgroup_to_come(struct probe *probe, const char *parent, const char *name,
			       uint32_t agent)
{
	_cleanup_free_ char *path = NULL;
	struct awaited_cgroup key = {};
	uint64_t id;
	int r;

	if (strlen(name) >= sizeof(key.name))
		return -ENAMETOOLONG;
	r = cgroup_id(parent, &id);
	if (r < 0)
		return r;
	key.parent = id;
	strcpy(key.name, name);
	r = bpf_map__update_elem(probe->bpf->maps.awaited_cgroups, &key, sizeof(key), &agent,
				 sizeof(agent), BPF_ANY);
	if (r < 0)
		return r;
	if (asprintf(&path, "%s/%s", parent, name) < 0)
		return -ENOMEM;
	packet_watches_add(probe->packets, path, agent);
	r = probe_watch_cgroup(probe, path, agent);
	return r == -ENOENT ? 0 : r;
}

/* In the map, the kernel has. */
void probe_forget_cgroup(struct probe *probe, const char *path, uint32_t agent)
{
	packet_watches_remove(probe->packets, path, agent);
}

static void forget_entry(const struct bpf_map *map, const void *key, uint32_t agent)
{
	size_t size = bpf_map__key_size(map);
	uint32_t value;

	if (bpf_map__lookup_elem(map, key, size, &value, sizeof(value), 0) == 0 && value == agent)
		bpf_map__delete_elem(map, key, size, 0);
}

/* Deletes every entry of `map` whose value is `agent`. The next key is taken before an entry goes:
 * after a key that is gone, the kernel starts over. */
static int forget_in(const struct bpf_map *map, uint32_t agent)
{
	size_t size = bpf_map__key_size(map);
	_cleanup_free_ char *key = calloc(1, size), *next = calloc(1, size);
	bool more;

	if (!key || !next)
		return -ENOMEM;
	more = bpf_map__get_next_key(map, NULL, next, size) == 0;
	while (more) {
		memcpy(key, next, size);
		more = bpf_map__get_next_key(map, key, next, size) == 0;
		forget_entry(map, key, agent);
	}
	return 0;
}

int probe_unwatch(struct probe *probe, uint32_t agent)
{
	const struct bpf_map *maps[] = {
		probe->bpf->maps.watched_processes,
		probe->bpf->maps.watched_cgroups,
		probe->bpf->maps.awaited_cgroups,
	};
	int r = 0;

	packet_watches_remove_agent(probe->packets, agent);
	probe_inspect_mqtt(probe, agent, false);
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]) && r == 0; i++)
		r = forget_in(maps[i], agent);
	return r;
}

bool probe_shows_connections(const struct probe *probe)
{
	return bpf_program__autoload(probe->bpf->progs.find_connections);
}

int probe_find_connections(struct probe *probe)
{
	if (!probe_shows_connections(probe))
		return -EOPNOTSUPP;
	return run_iterator(probe->bpf->progs.find_connections);
}

/* ---- whose MQTT is looked at */

/* What was learned by an earlier process has been out of date since it died. */
static int forget_tls_sessions(const struct bpf_map *sessions)
{
	uint64_t cookie;

	while (bpf_map__get_next_key(sessions, NULL, &cookie, sizeof(cookie)) == 0)
		if (bpf_map__delete_elem(sessions, &cookie, sizeof(cookie), 0) < 0)
			return -errno;
	return 0;
}

static int load_mqtt(struct probe *probe)
{
	int r;

	if (!bpf_map__autocreate(probe->bpf->maps.mqtt_sessions))
		return -EOPNOTSUPP;
	r = forget_tls_sessions(probe->bpf->maps.tls_sessions);
	if (r >= 0)
		r = mqtt_probe_open(&probe->mqtt, probe->bpf->obj);
	if (r < 0)
		return r;
	probe->bpf->bss->inspector = (uint32_t)getpid();
	probe->bpf->bss->inspector_is_dead = false;
	packet_watches_use(probe->packets, LOOK_AT_MQTT_SENT, mqtt_probe_of_sent(probe->mqtt),
			   probe->inspected);
	packet_watches_use(probe->packets, LOOK_AT_MQTT_RECEIVED,
			   mqtt_probe_of_received(probe->mqtt), probe->inspected);
	return 0;
}

int probe_inspect_mqtt(struct probe *probe, uint32_t agent, bool yes)
{
	const uint32_t one = 1;
	int r = yes && !probe->mqtt ? load_mqtt(probe) : 0;

	if (r < 0)
		return r;
	if (yes)
		r = bpf_map__update_elem(probe->bpf->maps.inspected_agents, &agent, sizeof(agent),
					 &one, sizeof(one), BPF_ANY);
	else /* or it was not there */
		bpf_map__delete_elem(probe->bpf->maps.inspected_agents, &agent, sizeof(agent), 0);
	if (r < 0)
		return r;
	if (probe->inspected[agent] && !yes)
		mqtt_probe_leave(probe->mqtt, agent);
	if (probe->inspected[agent] != yes) {
		probe->inspected[agent] = yes;
		packet_watches_look_again(probe->packets);
	}
	return yes && !mqtt_probe_sees_tls(probe->mqtt) ? 1 : 0;
}

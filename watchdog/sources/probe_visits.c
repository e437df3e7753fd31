/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/probe_visits.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ebpf/probe.skel.h"
#include "ebpf/watch_keys.h"
#include "sources/probe_state.h"
#include "support/cleanup.h"

/* What one walk has written. */
struct visits {
	char *records; /* NULL: nobody wants them */
	size_t size, room;
};

bool probe_visits_connections(const struct probe *probe)
{
	return bpf_program__autoload(probe->bpf->progs.visit_connection);
}

static int run(const struct bpf_program *program)
{
	LIBBPF_OPTS(bpf_test_run_opts, nothing);

	return bpf_prog_test_run_opts(bpf_program__fd(program), &nothing);
}

/* ---- connections */

/* Runs the program for the connection at `address`. */
static int visit(struct probe *probe, uint64_t address)
{
	probe->bpf->bss->visited = address;
	probe->bpf->bss->visit_sampled = false;
	return run(probe->bpf->progs.visit_connection);
}

static int take(struct visits *visits, const void *record, size_t size)
{
	if (visits->size + size > visits->room) {
		size_t room = 2 * visits->room + 16 * size;
		char *longer = realloc(visits->records, room);

		if (!longer)
			return -ENOMEM;
		visits->records = longer;
		visits->room = room;
	}
	memcpy(visits->records + visits->size, record, size);
	visits->size += size;
	return 0;
}

static int compare_addresses(const void *a, const void *b)
{
	const uint64_t *first = a, *second = b;

	return (*first > *second) - (*first < *second);
}

/* Gives the addresses of all connections, in order. The kernel starts over where the key before has
 * gone, so some may come several times; the walk is bounded by the map's size. */
static int list_addresses(const struct bpf_map *map, uint64_t **ret, size_t *count)
{
	size_t most = bpf_map__max_entries(map);
	_cleanup_free_ uint64_t *addresses = NULL;
	uint64_t key, *before = NULL;

	*count = 0;
	while (*count < most && bpf_map__get_next_key(map, before, &key, sizeof(key)) == 0) {
		if (*count % 256 == 0) {
			uint64_t *longer = realloc(addresses, (*count + 256) * sizeof(*addresses));

			if (!longer)
				return -ENOMEM;
			addresses = longer;
		}
		addresses[(*count)++] = key;
		before = &addresses[*count - 1];
	}
	if (*count > 0)
		qsort(addresses, *count, sizeof(*addresses), compare_addresses);
	*ret = STEAL_POINTER(addresses);
	return 0;
}

static int visit_all(struct probe *probe, enum probe_visit purpose, struct visits *visits)
{
	const struct probe_connection *sample = (const void *)probe->bpf->bss->visit_sample;
	_cleanup_free_ uint64_t *addresses = NULL;
	size_t count;
	int r = list_addresses(probe->bpf->maps.connections_by_address, &addresses, &count);

	probe->bpf->bss->visit_for = purpose;
	for (size_t i = 0; i < count && r >= 0; i++) {
		if (i > 0 && addresses[i] == addresses[i - 1])
			continue;
		r = visit(probe, addresses[i]);
		if (r >= 0 && probe->bpf->bss->visit_sampled)
			r = take(visits, sample, sizeof(*sample));
	}
	return r;
}

int probe_visit_for_sample(struct probe *probe, char **ret, size_t *size)
{
	struct visits visits = {};
	int r = visit_all(probe, PROBE_VISIT_SAMPLE, &visits);

	if (r >= 0)
		r = visit(probe, 0); /* tells the end of the sample */
	if (r < 0) {
		free(visits.records);
		return r;
	}
	*ret = visits.records;
	*size = visits.size;
	return 0;
}

int probe_visit_for_stalls(struct probe *probe)
{
	struct visits nothing = {};

	return visit_all(probe, PROBE_VISIT_STALLS, &nothing);
}

int probe_visit_for_lenses(struct probe *probe)
{
	struct visits nothing = {};

	return visit_all(probe, PROBE_VISIT_LENSES, &nothing);
}

/* ---- processes */

/* No process has more descriptors open than this (fs.nr_open by default), 64 at least at once. */
#define VISITS_MOST (1024 * 1024 / 64)

/* Runs the program for the process, until it has gone through all it has open. */
static int visit_process(struct probe *probe, uint32_t pid)
{
	struct probe_bpf__bss *run_with = probe->bpf->bss;
	int r = 0;

	run_with->visited_pid = pid;
	run_with->visited_file = 0;
	run_with->visit_over = false;
	for (unsigned i = 0; i < VISITS_MOST && r >= 0 && !run_with->visit_over; i++)
		r = run(probe->bpf->progs.visit_task);
	return r;
}

static int visit_processes(struct probe *probe, enum probe_visit purpose)
{
	_cleanup_closedir_ DIR *processes = opendir("/proc");
	struct dirent *entry;
	int r = processes ? 0 : -errno;

	probe->bpf->bss->visit_for = purpose;
	while (processes && r >= 0 && (entry = readdir(processes))) {
		unsigned long pid = strtoul(entry->d_name, NULL, 10);

		if (pid > 0 && pid <= INT32_MAX)
			r = visit_process(probe, (uint32_t)pid);
	}
	return r;
}

int probe_visit_for_sockets(struct probe *probe)
{
	return visit_processes(probe, PROBE_VISIT_SOCKETS);
}

int probe_visit_for_adoption(struct probe *probe, pid_t pid, uint32_t agent)
{
	struct probe_bpf__bss *run_with = probe->bpf->bss;
	int r;

	run_with->wanted_pid = (uint32_t)pid;
	run_with->wanted_agent = agent;
	run_with->wanted_found = false;
	run_with->visit_for = PROBE_VISIT_ADOPTION;
	run_with->adopted = 0;
	r = visit_process(probe, (uint32_t)pid); /* spares a look at the others, mostly */
	while (r >= 0 && run_with->adopted > 0) {
		run_with->adopted = 0;
		r = visit_processes(probe, PROBE_VISIT_ADOPTION);
	}
	return r < 0 ? r : run_with->wanted_found ? 0 : -ESRCH;
}

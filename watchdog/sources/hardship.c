/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/hardship.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "process/service.h"
#include "support/cgroup_tree.h"
#include "support/cleanup.h"
#include "support/clock.h"
#include "support/process_files.h"
#include "support/small_file.h"
#include "support/system_call.h"

#define CACHE_TIME (50 * USEC_PER_MSEC)

#define NSEC_PER_USEC UINT64_C(1000)

enum {
	TASKS_MAX = 64,
	LEVELS_MAX = 16,    /* of control groups, one above the other */
	GROUPS_SIZE = 8192, /* /proc/PID/cgroup: a line a hierarchy, each with a path */
	PATH_SIZE = 4352,   /* PATH_MAX and the mount point */
	FACTS_SIZE = 2048,  /* cpu.stat, memory.events, cpu.pressure */
};

/* ---- its tasks */

/* "RAN WAITED TIMES": nanoseconds, and how often it began to run. All 0 in a kernel that does not
 * count (CONFIG_SCHED_INFO). */
static void add_times(pid_t tid, struct hardship *hardship, uint32_t *times)
{
	uint64_t ran, waited, began;
	char path[64], text[128];

	*times = 0;
	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)tid);
	if (!small_file_read(path, text, sizeof(text)) ||
	    sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64, &ran, &waited, &began) != 3)
		return;
	hardship->ran += ran / NSEC_PER_USEC;
	hardship->waited += waited / NSEC_PER_USEC;
	*times = (uint32_t)began;
}

/* How much a task in that state shows. */
static unsigned rank(char state)
{
	return state == 'D' ? 2 : state == 'R' ? 1 : 0;
}

static void take_task(pid_t tid, struct hardship *hardship)
{
	unsigned so_far = hardship->uninterruptible ? 2 : hardship->runnable ? 1 : 0;
	struct process_status status;
	uint32_t times;

	if (process_status_read(tid, &status) < 0)
		return;
	add_times(tid, hardship, &times);
	if (hardship->task && rank(status.state) <= so_far)
		return;
	hardship->task = (uint32_t)tid;
	hardship->task_runs = times;
	hardship->uninterruptible = status.state == 'D';
	hardship->runnable = status.state == 'R';
}

static void look_at_tasks(pid_t pid, struct hardship *hardship)
{
	_cleanup_closedir_ DIR *tasks = NULL;
	const struct dirent *task;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	for (unsigned i = 0; tasks && i < TASKS_MAX + 2 && (task = readdir(tasks)); i++)
		if (*task->d_name != '.')
			take_task((pid_t)strtol(task->d_name, NULL, 10), hardship);
}

static void look_where_it_waits(struct hardship *hardship)
{
	struct text call = TEXT_IN(hardship->system_call);
	struct wait_view wait;
	const char *name;

	process_service_wait((pid_t)hardship->task, &wait);
	name = system_call_name(wait.system_call);
	if (name)
		text_add(&call, "%s", name);
	else if (wait.system_call >= 0)
		text_add(&call, "%d", (int)wait.system_call);
	else if (wait.system_call == WAIT_OUTSIDE)
		text_add(&call, "none");
	text_copy(hardship->wait_channel, sizeof(hardship->wait_channel), wait.channel);
}

static void look_at_disks(pid_t pid, struct hardship *hardship)
{
	struct disk_view disk;

	process_service_disk(pid, &disk);
	if (disk.trouble == DISK_WELL)
		return;
	hardship->disk_read_only = disk.trouble == DISK_READ_ONLY;
	text_copy(hardship->disk, sizeof(hardship->disk),
		  *disk.mount_point ? disk.mount_point : "?");
}

/* ---- its control groups */

/* Returns the number that follows `key` at the beginning of a line, or 0. */
static uint64_t number_of(const char *facts, const char *key)
{
	size_t length = strlen(key);

	for (const char *line = facts; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, length) == 0 && line[length] == ' ')
			return strtoull(line + length + 1, NULL, 10);
	}
	return 0;
}

/* "some avg10=12.34 avg60=... total=USEC": the time in which at least one task waited. */
static void read_pressure(const char *group, const char *of, uint8_t *percent, usec_t *total)
{
	char path[PATH_SIZE], facts[FACTS_SIZE];
	unsigned last = 0;

	*percent = 0;
	*total = 0;
	if (cgroup_tree_path(group, of, path, sizeof(path)) < 0 ||
	    !small_file_read(path, facts, sizeof(facts)) ||
	    sscanf(facts, "some avg10=%u.%*u avg60=%*f avg300=%*f total=%" SCNu64, &last, total) <
		    1)
		return;
	*percent = (uint8_t)(last > 100 ? 100 : last);
}

static void add_quota(const char *facts, struct hardship *hardship)
{
	hardship->throttled_times += (uint32_t)number_of(facts, "nr_throttled");
	hardship->throttled += number_of(facts, "throttled_usec") +
			       number_of(facts, "throttled_time") / NSEC_PER_USEC; /* version 1 */
}

static void add_memory(const char *facts, struct hardship *hardship)
{
	hardship->memory_limit_hits +=
		(uint32_t)(number_of(facts, "high") + number_of(facts, "max"));
}

/* Reads the file `name` of `group`, a directory, and of those above it, down to `root`, each of
 * which may have a limit. `group` is cut meanwhile. */
static void read_upwards(char *group, size_t root, const char *name,
			 void (*add)(const char *facts, struct hardship *hardship),
			 struct hardship *hardship)
{
	char path[PATH_SIZE + 32], facts[FACTS_SIZE];

	for (unsigned level = 0; level < LEVELS_MAX && strlen(group) > root; level++) {
		snprintf(path, sizeof(path), "%s/%s", group, name);
		if (small_file_read(path, facts, sizeof(facts)))
			add(facts, hardship);
		*strrchr(group, '/') = '\0';
	}
}

static void look_at_group(const char *group, struct hardship *hardship)
{
	const char *root = cgroup_tree_root();
	char path[PATH_SIZE];
	usec_t unused;

	read_pressure(group, "cpu.pressure", &hardship->cpu, &unused);
	read_pressure(group, "io.pressure", &hardship->io, &hardship->io_waited);
	read_pressure(group, "memory.pressure", &hardship->memory, &hardship->memory_waited);
	if (!root || cgroup_tree_path(group, NULL, path, sizeof(path)) < 0)
		return;
	read_upwards(path, strlen(root), "cpu.stat", add_quota, hardship);
	if (cgroup_tree_path(group, NULL, path, sizeof(path)) == 0)
		read_upwards(path, strlen(root), "memory.events", add_memory, hardship);
}

static void add_failures(const char *facts, struct hardship *hardship)
{
	hardship->memory_limit_hits += (uint32_t)strtoul(facts, NULL, 10);
}

/* The directory of a hierarchy of version 1 is named after its controllers. */
static void look_at_group_v1(const char *controllers, const char *group, struct hardship *hardship)
{
	char path[PATH_SIZE];
	int root = snprintf(path, sizeof(path), "/sys/fs/cgroup/%s", controllers);
	bool cpu = strcmp(controllers, "cpu") == 0 || strncmp(controllers, "cpu,", 4) == 0;

	if (root < 0 || (size_t)root + strlen(group) >= sizeof(path))
		return;
	text_copy(path + root, sizeof(path) - (size_t)root, group);
	if (cpu)
		read_upwards(path, (size_t)root, "cpu.stat", add_quota, hardship);
	else if (strcmp(controllers, "memory") == 0)
		read_upwards(path, (size_t)root, "memory.failcnt", add_failures, hardship);
}

/* A line is HIERARCHY:CONTROLLERS:PATH, with no controllers for version 2: cgroups(7). */
static void look_at_groups(pid_t pid, struct hardship *hardship)
{
	char path[64], groups[GROUPS_SIZE];
	char *rest = groups, *line;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	if (!small_file_read(path, groups, sizeof(groups)))
		return;
	while ((line = strsep(&rest, "\n"))) {
		char *controllers = strchr(line, ':');
		char *group = controllers ? strchr(controllers + 1, ':') : NULL;

		if (!group)
			continue;
		*group++ = '\0';
		if (controllers[1] == '\0')
			look_at_group(group, hardship);
		else
			look_at_group_v1(controllers + 1, group, hardship);
	}
}

/* ---- all together */

static usec_t age_of(uint64_t started)
{
	usec_t born = started * (USEC_PER_SEC / (usec_t)sysconf(_SC_CLK_TCK));
	usec_t now = clock_now(CLOCK_BOOTTIME);

	return now > born ? now - born : 0;
}

static struct hardship look(pid_t pid, uint64_t started)
{
	struct hardship hardship = { 0 };
	struct process_status status;

	if (process_status_read(pid, &status) < 0 || (started && status.started != started))
		return hardship;
	hardship.tasks = (uint16_t)(status.threads > UINT16_MAX ? UINT16_MAX : status.threads);
	hardship.age = age_of(status.started);
	look_at_tasks(pid, &hardship);
	look_at_groups(pid, &hardship);
	look_where_it_waits(&hardship);
	if (!hardship.uninterruptible) /* it may wait for its disk, and so would we */
		look_at_disks(pid, &hardship);
	return hardship;
}

struct hardship hardship_look(struct hardship_cache *cache, pid_t pid, uint64_t started, usec_t now)
{
	if (cache->pid != pid || cache->started != started || now > cache->time + CACHE_TIME)
		*cache = (struct hardship_cache){
			.pid = pid, .started = started, .time = now, .hardship = look(pid, started)
		};
	return cache->hardship;
}

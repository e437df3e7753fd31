/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/shortage.h"

#include <string.h>

#include "verdict/evidence.h"

/* Less pressure than this is everyday life. */
enum { PRESSURE_LEAST = 10 }; /* % */

/* A resource that some task waited for so much of the time between the looks, in percent, may be
 * why the agent does nothing; or it is why. */
enum { SCARCE = 50, WANTING = 80 };

/* An agent that gets less than this part of the processor's time that it usually needs is held up
 * by that. One that loops for ever gets more than usual, however little there is. */
enum { USUAL_PART = 4 };

enum { MILLION = 1000000 };

/* ---- between the looks */

static usec_t grown(usec_t before, usec_t after)
{
	return after > before ? after - before : 0;
}

/* In parts of `whole`, 100 at most. */
static unsigned percent(usec_t part, usec_t whole)
{
	if (whole == 0)
		return 0;
	if (part >= whole)
		return 100;
	return (unsigned)(part * 100 / whole);
}

static bool looked_twice(const struct circumstances *given)
{
	return given->hardship.tasks > 0 && given->hardship_before.tasks > 0 &&
	       given->hardship_span > 0;
}

static bool is_same_task(const struct circumstances *given)
{
	return given->hardship.task == given->hardship_before.task;
}

/* All its time since it was made, in millionths of a processor. */
static uint64_t usually_ran(const struct hardship *before)
{
	usec_t age = before->age / USEC_PER_MSEC;

	return age ? before->ran / age * USEC_PER_MSEC : 0;
}

static uint64_t ran_now(const struct circumstances *given)
{
	usec_t ran = grown(given->hardship_before.ran, given->hardship.ran);

	return ran < given->hardship_span ? ran * MILLION / given->hardship_span : MILLION;
}

/* While a task waits for a processor, the kernel does not count: it does when the task gets one. */
static unsigned waited_for_cpu(const struct circumstances *given)
{
	const struct hardship *before = &given->hardship_before, *after = &given->hardship;

	if (before->runnable && after->runnable && is_same_task(given) && after->ran > 0 &&
	    after->ran == before->ran)
		return 100;
	return percent(grown(before->waited, after->waited), given->hardship_span);
}

static unsigned was_throttled(const struct circumstances *given)
{
	if (given->hardship.throttled_times == given->hardship_before.throttled_times)
		return 0;
	return percent(grown(given->hardship_before.throttled, given->hardship.throttled),
		       given->hardship_span);
}

static unsigned waited_for_io(const struct circumstances *given)
{
	return percent(grown(given->hardship_before.io_waited, given->hardship.io_waited),
		       given->hardship_span);
}

static unsigned waited_for_memory(const struct circumstances *given)
{
	return percent(grown(given->hardship_before.memory_waited, given->hardship.memory_waited),
		       given->hardship_span);
}

static uint32_t memory_limit_hits(const struct circumstances *given)
{
	return given->hardship.memory_limit_hits - given->hardship_before.memory_limit_hits;
}

/* It slept at both looks so that no signal wakes it. */
static bool sleeps_uninterruptibly(const struct circumstances *given)
{
	return given->hardship_before.uninterruptible && given->hardship.uninterruptible;
}

/* It has not run in between: it is the same sleep. */
static bool sleeps_on(const struct circumstances *given)
{
	return sleeps_uninterruptibly(given) && is_same_task(given) &&
	       given->hardship.task_runs > 0 &&
	       given->hardship.task_runs == given->hardship_before.task_runs;
}

/* A process sleeps so for its own child, too, until that has called execve(2) (vfork(2)). */
static bool waits_for_its_child(const struct hardship *hardship)
{
	const char *call = hardship->system_call, *channel = hardship->wait_channel;

	return strcmp(call, "vfork") == 0 || strncmp(call, "clone", 5) == 0 ||
	       strcmp(channel, "kernel_clone") == 0 || strcmp(channel, "_do_fork") == 0;
}

/* It could go on if it had what it waits for: it does not rest. PSI is of its whole group, and what
 * others of it wait for is no trouble of an agent that rests. */
static bool is_at_it(const struct circumstances *given)
{
	const struct hardship *before = &given->hardship_before, *after = &given->hardship;

	return (before->runnable || before->uninterruptible) &&
	       (after->runnable || after->uninterruptible);
}

/* ---- of what */

static bool waits_in_memory_control(const struct hardship *hardship)
{
	return strstr(hardship->wait_channel, "mem_cgroup");
}

static struct shortage of_memory(const struct circumstances *given)
{
	bool held = sleeps_uninterruptibly(given) && waits_in_memory_control(&given->hardship);
	bool explains = (waited_for_memory(given) >= SCARCE && is_at_it(given)) ||
			(held && waits_in_memory_control(&given->hardship_before));

	if (explains || held || memory_limit_hits(given) > 0)
		return (struct shortage){ RESOURCE_MEMORY, explains };
	return (struct shortage){ RESOURCE_NONE, false };
}

static struct shortage of_cpu(const struct circumstances *given)
{
	uint64_t ran = ran_now(given), usual = usually_ran(&given->hardship_before);
	bool quota = was_throttled(given) >= SCARCE;
	unsigned waited = waited_for_cpu(given);

	/* on a busy host, one that gets what it usually needs lacks nothing */
	if (waited < SCARCE || (!quota && ran >= usual))
		return (struct shortage){ RESOURCE_NONE, false };
	return (struct shortage){ quota ? RESOURCE_CPU_QUOTA : RESOURCE_CPU,
				  waited >= WANTING && ran * USUAL_PART < usual };
}

static struct shortage of_io(const struct circumstances *given)
{
	bool sleeps = sleeps_uninterruptibly(given) && !waits_for_its_child(&given->hardship);
	bool is_seen = *given->hardship.system_call || *given->hardship.wait_channel;
	bool explains = sleeps && is_seen && (sleeps_on(given) || waited_for_io(given) >= WANTING);

	if (explains || sleeps || (waited_for_io(given) >= SCARCE && is_at_it(given)))
		return (struct shortage){ RESOURCE_IO, explains };
	return (struct shortage){ RESOURCE_NONE, false };
}

/* Whether it minds, nobody sees. */
static struct shortage of_disk(const struct circumstances *given)
{
	return (struct shortage){ *given->hardship.disk ? RESOURCE_DISK : RESOURCE_NONE, false };
}

struct shortage shortage_of(const struct circumstances *given)
{
	static struct shortage (*const asked[])(const struct circumstances *) = {
		of_memory,
		of_cpu,
		of_io,
		of_disk,
	};
	struct shortage most = { RESOURCE_NONE, false };

	for (size_t i = 0; looked_twice(given) && i < sizeof(asked) / sizeof(*asked); i++) {
		struct shortage shortage = asked[i](given);

		if (shortage.explains)
			return shortage;
		if (most.of == RESOURCE_NONE)
			most = shortage;
	}
	return most;
}

bool shortage_is_excluded(const struct circumstances *given)
{
	bool cpu_is_known = !given->hardship.runnable || given->hardship.ran > 0;

	return looked_twice(given) && cpu_is_known && shortage_of(given).of == RESOURCE_NONE;
}

const char *resource_to_string(enum resource resource)
{
	static const char *const names[] = {
		[RESOURCE_NONE] = "nothing",
		[RESOURCE_MEMORY] = "memory",
		[RESOURCE_CPU_QUOTA] = "cpu-quota",
		[RESOURCE_CPU] = "cpu",
		[RESOURCE_IO] = "io",
		[RESOURCE_DISK] = "disk",
	};

	return names[resource];
}

/* ---- in words */

static void describe_place(const struct hardship *hardship, struct tokens *evidence)
{
	if (hardship->uninterruptible)
		tokens_add(evidence, "uninterruptible=yes");
	if (hardship->tasks > 1)
		tokens_add(evidence, "tasks=%u", hardship->tasks);
	if (hardship->runnable)
		tokens_add(evidence, "runnable=yes");
	if (*hardship->system_call && strcmp(hardship->system_call, "none") != 0)
		tokens_add(evidence, "system_call=%s", hardship->system_call);
	if (*hardship->wait_channel)
		tokens_add(evidence, "wait_channel=%s", hardship->wait_channel);
}

static void describe_pressure(const struct hardship *hardship, struct tokens *evidence)
{
	if (hardship->cpu >= PRESSURE_LEAST)
		tokens_add(evidence, "cpu_pressure=%u%%", hardship->cpu);
	if (hardship->io >= PRESSURE_LEAST)
		tokens_add(evidence, "io_pressure=%u%%", hardship->io);
	if (hardship->memory >= PRESSURE_LEAST)
		tokens_add(evidence, "memory_pressure=%u%%", hardship->memory);
}

/* A share of a processor, with a decimal place. */
static double percent_of(uint64_t millionths)
{
	return (double)millionths * 100 / MILLION;
}

static void describe_change(const struct circumstances *given, struct tokens *evidence)
{
	unsigned throttled = was_throttled(given);

	if (waited_for_cpu(given) >= SCARCE) {
		tokens_add(evidence, "waited_for_cpu=%u%%", waited_for_cpu(given));
		tokens_add(evidence, "ran=%.1f%%", percent_of(ran_now(given)));
		tokens_add(evidence, "usually_ran=%.1f%%",
			   percent_of(usually_ran(&given->hardship_before)));
	}
	if (throttled > 0)
		tokens_add(evidence, "throttled=%u%%", throttled);
	if (memory_limit_hits(given) > 0)
		tokens_add(evidence, "memory_limit_hits=%u", memory_limit_hits(given));
}

void shortage_describe(const struct circumstances *given, struct tokens *evidence)
{
	struct shortage shortage = shortage_of(given);

	if (shortage.of != RESOURCE_NONE)
		tokens_add(evidence, "short_of=%s", resource_to_string(shortage.of));
	describe_place(&given->hardship, evidence);
	describe_pressure(&given->hardship, evidence);
	if (looked_twice(given))
		describe_change(given, evidence);
	if (*given->hardship.disk && given->hardship.disk_read_only)
		tokens_add(evidence, "disk_read_only=%s", given->hardship.disk);
	else if (*given->hardship.disk)
		tokens_add(evidence, "disk_full=%s", given->hardship.disk);
}

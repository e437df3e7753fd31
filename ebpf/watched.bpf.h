/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who is watched, and whose MQTT. Both objects use these maps. */
#pragma once

/* Who is watched: global thread group id -> agent, id of a control group -> agent. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, WATCHED_PROCESSES);
	__type(key, __u32);
	__type(value, __u32);
} watched_processes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, WATCHED_CGROUPS);
	__type(key, __u64);
	__type(value, __u32);
} watched_cgroups SEC(".maps");

/* NULL: the thread group is not watched by itself. `processes_watched` is the object's own: false
 * means that nobody was ever entered, so that a host that watches units only is spared the call. */
static __always_inline __u32 *agent_of_process(__u32 id)
{
	return processes_watched ? bpf_map_lookup_elem(&watched_processes, &id) : NULL;
}

static __always_inline __u32 agent_of_cgroup(__u64 id)
{
	__u32 *agent = bpf_map_lookup_elem(&watched_cgroups, &id);

	return agent ? *agent : 0;
}

/* The agent that the current task belongs to, or 0. */
__noinline __u32 agent_of_current(void)
{
	__u32 id = bpf_get_current_pid_tgid() >> 32;
	__u32 *agent = agent_of_process(id);

	return agent ? *agent : agent_of_cgroup(bpf_get_current_cgroup_id());
}

/* agent -> enum inspect. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u32);
} inspected_agents SEC(".maps");

/* Returns a value of enum inspect; 0: nothing of the agent's is looked at. */
static __always_inline __u32 inspect_of(__u32 agent)
{
	__u32 *found = bpf_map_lookup_elem(&inspected_agents, &agent);

	return found ? *found : 0;
}

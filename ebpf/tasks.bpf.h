/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tasks: whose they are, and how they look from our pid namespace. A task goes by its address. */
#pragma once

#define TASK(address) ((struct task_struct *)(address))

static __always_inline __u64 leader_of(__u64 task)
{
	return (__u64)READ(TASK(task), group_leader);
}

/* Thread group of `task` in the pid namespace of the loader; 0: it is not in there. */
__noinline __u32 pid_of(__u64 task)
{
	struct signal_struct *signal;
	struct pid *pid;
	struct upid *number;
	__u32 level;

	if (pid_namespace == PROC_PID_INIT_INO)
		return READ(TASK(task), tgid);
	signal = READ(TASK(task), signal);
	pid = READ(signal, pids[PIDTYPE_TGID]);
	number = __builtin_preserve_access_index(&pid->numbers[0]);
	level = READ(pid, level);
	for (__u32 i = 0; i <= MAX_PID_NS_LEVEL && i <= level; i++) {
		struct pid_namespace *ns = READ(number, ns);

		if (READ(ns, ns.inum) == pid_namespace)
			return READ(number, nr);
		number = (void *)number + bpf_core_type_size(struct upid);
	}
	return 0;
}

static __always_inline __u64 group_id(struct cgroup *group)
{
	struct kernfs_node *node = READ(group, kn);

	return READ(node, id);
}

static __always_inline __u64 task_cgroup(__u64 task)
{
	struct css_set *set = READ(TASK(task), cgroups);

	return group_id(READ(set, dfl_cgrp));
}

/* The agent that `task` belongs to, or 0. */
__noinline __u32 agent_of_task(__u64 task)
{
	__u32 *agent = processes_watched ? agent_of_process(READ(TASK(task), tgid)) : NULL;

	return agent ? *agent : agent_of_cgroup(task_cgroup(task));
}

/* The agent that the current task belongs to, or 0; in programs of sockets on control groups. */
__noinline __u32 agent_of_caller(void)
{
	__u32 *agent;

	if (!have_current_task || !have_current_group)
		return agent_of_task(bpf_get_current_task());
	agent = processes_watched ? agent_of_process(CURRENT(tgid)) : NULL;
	return agent ? *agent : agent_of_cgroup(bpf_get_current_cgroup_id());
}

/* The agent of a control group other than the current one, where agent_of_current() has looked and
 * found none. 0: none. */
static __always_inline __u32 agent_of_other_group(__u64 id)
{
	return id == bpf_get_current_cgroup_id() ? 0 : agent_of_cgroup(id);
}

/* How many threads of its group are not about to end. */
static __always_inline int threads_left(__u64 task)
{
	struct signal_struct *signal = READ(TASK(task), signal);

	return READ(signal, live.counter);
}

/* Returns the exit code as wait(2) encodes it. Before 6.1 a process of one thread leaves no
 * group_exit_code. */
static __always_inline __u32 exit_code_of(__u64 task)
{
	struct signal_struct *signal = READ(TASK(task), signal);

	if (READ(signal, flags) & SIGNAL_GROUP_EXIT)
		return READ(signal, group_exit_code);
	return READ(TASK(task), exit_code);
}

/* `flags`: those of the task. */
static __always_inline void describe_exit(struct probe_task *description, __u64 task, __u32 flags)
{
	description->exit_code = 0;
	description->flags = 0;
	if (flags & PF_EXITING) {
		description->flags |= PROBE_TASK_EXITING;
		description->exit_code = exit_code_of(task);
	}
}

/* Writes the command of `task`, PROBE_COMM_SIZE bytes. */
static __always_inline void copy_comm(char *comm, __u64 task)
{
	bpf_probe_read_kernel(comm, PROBE_COMM_SIZE,
			      __builtin_preserve_access_index(&TASK(task)->comm));
}

static __always_inline void copy_current_comm(char *comm)
{
	if (have_current_task)
		__builtin_memcpy(comm, bpf_get_current_task_btf()->comm, PROBE_COMM_SIZE);
	else
		copy_comm(comm, bpf_get_current_task());
}

/* Fills in `*description`; `in_agent`: the task belongs to the agent that the record is about. */
static __noinline void describe_task(struct probe_task *description, __u64 task, bool in_agent)
{
	__u64 leader = leader_of(task);

	if (!description) /* older verifiers cannot tell */
		return;
	description->pid = pid_of(task);
	describe_exit(description, task, READ(TASK(task), flags));
	if (in_agent)
		description->flags |= PROBE_TASK_IN_AGENT;
	copy_comm(description->comm, leader);
	description->reserved = 0;
	description->start_nsec = READ(TASK(leader), start_boottime);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tasks: whose they are, and how they look from our pid namespace. */
#pragma once

/* Thread group of `task` in the pid namespace of the loader; 0: it is not in there. */
static __noinline __u32 pid_of(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, signal, pids[PIDTYPE_TGID]);
	struct upid *numbers = __builtin_preserve_access_index(&pid->numbers[0]);
	__u32 level = BPF_CORE_READ(pid, level);

	for (__u32 i = 0; i <= MAX_PID_NS_LEVEL && i <= level; i++) {
		struct upid upid;

		bpf_probe_read_kernel(&upid, sizeof(upid), &numbers[i]);
		if (BPF_CORE_READ(upid.ns, ns.inum) == pid_namespace)
			return upid.nr;
	}
	return 0;
}

static __always_inline __u64 task_cgroup(struct task_struct *task)
{
	if (have_task_pointer)
		return task->cgroups->dfl_cgrp->kn->id;
	return BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
}

/* The agent that `task` belongs to, or 0. */
static __noinline __u32 agent_of_task(struct task_struct *task)
{
	__u32 id = TASK_MEMBER(task, tgid);
	__u32 *agent = agent_of_process(id);

	return agent ? *agent : agent_of_cgroup(task_cgroup(task));
}

/* The agent of a control group other than the current one, where agent_of_current() has looked and
 * found none. 0: none. */
static __always_inline __u32 agent_of_other_group(__u64 id)
{
	return id == bpf_get_current_cgroup_id() ? 0 : agent_of_cgroup(id);
}

/* Returns the exit code as wait(2) encodes it. Before 6.1 a process of one thread leaves no
 * group_exit_code. */
static __always_inline __u32 exit_code_of(struct task_struct *task)
{
	if (BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT)
		return BPF_CORE_READ(task, signal, group_exit_code);
	return BPF_CORE_READ(task, exit_code);
}

static __always_inline void describe_exit(struct probe_task *description, struct task_struct *task)
{
	description->exit_code = 0;
	description->flags = 0;
	if (TASK_MEMBER(task, flags) & PF_EXITING) {
		description->flags |= PROBE_TASK_EXITING;
		description->exit_code = exit_code_of(task);
	}
}

/* Fills in `*description`; `in_agent`: the task belongs to the agent that the record is about. */
static __noinline void describe_task(struct probe_task *description, struct task_struct *task,
				     bool in_agent)
{
	struct task_struct *leader = TASK_MEMBER(task, group_leader);

	if (!description) /* older verifiers cannot tell */
		return;
	description->pid = pid_of(task);
	describe_exit(description, task);
	if (in_agent)
		description->flags |= PROBE_TASK_IN_AGENT;
	BPF_CORE_READ_INTO(&description->comm, leader, comm);
	description->reserved = 0;
	description->start_nsec = TASK_MEMBER(leader, start_boottime);
}

/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The probe: programs that turn what happens to the sockets and processes of watched agents into
 * records (probe_record.h). Nothing but tracepoints (with typed arguments where the kernel has
 * types: reads.bpf.h), iterators, and programs on control groups: fentry, kprobes and LSM hooks are
 * refused on some of the machines we run on.
 *
 * Sockets are seen through two lenses that keep what they know in one place, the socket's storage:
 * the group's (group_lens.bpf.h) wherever it can be had, the host's (host_lens.bpf.h) for the rest.
 * Programs that look at packets are attached to watched control groups alone, and can be done
 * without. */
#include "ebpf/kernel_types.h"

#include <stdbool.h>

#include <bpf/bpf_helpers.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

#include "ebpf/probe_record.h"
#include "ebpf/watch_keys.h"

/* Each of these builds on those before it. */
#include "ebpf/maps.bpf.h"

#include "ebpf/reads.bpf.h"

#include "ebpf/tasks.bpf.h"

#include "ebpf/mqtt_maps.bpf.h"

#include "ebpf/kernel_differences.bpf.h"

#include "ebpf/mqtt_told.bpf.h"

#include "ebpf/mqtt_record.bpf.h"

#include "ebpf/tls_record.bpf.h"

#include "ebpf/connections.bpf.h"

#include "ebpf/listeners.bpf.h"

#include "ebpf/segments.bpf.h"

#include "ebpf/packets.bpf.h"

#include "ebpf/lookups.bpf.h"

#include "ebpf/certificate.bpf.h"

#include "ebpf/tls.bpf.h"

#include "ebpf/socket_states.bpf.h"

/* BPF_PROG() names the raw arguments, and few programs need them. */
#pragma clang diagnostic ignored "-Wunused-parameter"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#include "ebpf/host_lens.bpf.h"

#include "ebpf/group_lens.bpf.h"

/* ---- connections */

SEC("raw_tp/tcp_receive_reset")
int BPF_PROG(reset_received, struct sock *sk)
{
	struct connection *connection = connection_of(sk);

	if (connection)
		connection->reset_received = true;
	return 0;
}

/* `sk` may be absent, a request or in TIME_WAIT: none of these has a connection of ours. */
SEC("raw_tp/tcp_send_reset")
int BPF_PROG(reset_sent, struct sock *sk)
{
	struct connection *connection;

	if (!sk)
		return 0;
	connection = connection_of(sk);
	if (!connection || connection->reset_told)
		return 0;
	connection->reset_reason = reset_reason(ctx);
	connection->reset_state = state_of(sk);
	if (!connection->ended_told)
		return 0;
	connection->reset_told = true;
	report_reset(connection);
	if (connection->by_group)
		forget_session(connection);
	if (connection->by_group && is_released(connection))
		forget_connection(sk, connection);
	return 0;
}

static __always_inline bool is_stalled(const struct connection *connection)
{
	return connection && connection->stalled && !connection->ended_told;
}

static __always_inline void heal(struct connection *connection, struct sock *sk)
{
	if (state_of(sk) == TCP_SYN_SENT)
		return;
	connection->stalled = 0;
	report(connection, sk, PROBE_HEALED);
}

/* Absent before 5.14: there, an episode ends with the next one. Every new connection of the host
 * comes by here, so probe_stalls.c attaches it only while something may be stalled. */
SEC("?raw_tp/tcp_cong_state_set")
int BPF_PROG(congestion_state, struct sock *sk, __u8 state)
{
	struct connection *connection;

	if (state == TCP_CA_LOSS)
		return 0;
	connection = connection_of(sk);
	if (is_stalled(connection))
		heal(connection, sk);
	return 0;
}

/* Set by probe_stalls.c before each run. */
bool still_stalled = false;

static __always_inline void look_for_healing(struct connection *connection, struct sock *sk)
{
	struct tcp_sock *tcp;

	if (!is_stalled(connection))
		return;
	tcp = tcp_of(sk);
	if (!tcp)
		return;
	if (MEMBER(tcp, snd_una) == connection->stalled_at)
		still_stalled = true;
	else
		heal(connection, sk);
}

/* Finds what has healed while congestion_state() was not attached. */
SEC("?iter/bpf_sk_storage_map")
int find_healed(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct connection *connection = ctx->value;
	struct sock *sk = ctx->sk;

	if (sk)
		look_for_healing(connection, sk);
	return 0;
}

/* Only connect() leaves a socket without a backlog: one that accept() returned has inherited that
 * of its listener. */
static __always_inline bool is_outbound(struct sock *sk)
{
	return MEMBER(sk, sk_protocol) == IPPROTO_TCP && !MEMBER(sk, sk_max_ack_backlog);
}

/* The TCP socket behind a descriptor of a task; NULL: it is something else, or the walk is over. */
static __always_inline struct sock *socket_of(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;
	struct socket *socket = ctx->task && file ? bpf_sock_from_file(file) : NULL;
	struct sock *sk = socket ? socket->sk : NULL;

	return sk && bpf_skc_to_tcp_sock(sk) ? sk : NULL;
}

/* A task has `sk` open: finds out whether it listens, or is a connection that is yet to be watched.
 */
static __always_inline void take_open_socket(struct sock *sk, __u64 holder)
{
	__u32 agent_of_holder = agent_of_task(holder), agent;
	struct connection *connection;
	int state = state_of(sk);

	if (state == TCP_LISTEN) {
		if (agent_of_holder)
			note_listener(sk, READ(TASK(holder), tgid));
		return;
	}
	if (state == TCP_CLOSE || !is_outbound(sk) || connection_of(sk))
		return;
	agent = agent_of_holder ?: agent_of_cgroup(socket_cgroup_id(sk));
	if (!agent)
		return;
	connection = watch_connection(sk, socket_cookie(sk), agent);
	if (!connection)
		return;
	note_owner(connection, holder, agent_of_holder);
	connection->closing_told = state != TCP_ESTABLISHED && state != TCP_SYN_SENT;
	connection->up_told = state != TCP_SYN_SENT;
	publish_connection(connection, agent);
	report(connection, sk, PROBE_FOUND);
}

SEC("?iter/task_file")
int find_connections(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct sock *sk = socket_of(ctx);

	if (task && sk)
		take_open_socket(sk, address_of(task));
	return 0;
}

/* These do the work of find_healed() and find_host_held() where the kernel refuses an iterator over
 * storage. */
SEC("?iter/task_file")
int find_healed_by_file(struct bpf_iter__task_file *ctx)
{
	struct sock *sk = socket_of(ctx);
	struct connection *connection = sk ? connection_of(sk) : NULL;

	if (connection)
		look_for_healing(connection, sk);
	return 0;
}

SEC("?iter/task_file")
int find_host_held_by_file(struct bpf_iter__task_file *ctx)
{
	struct sock *sk = socket_of(ctx);

	if (sk)
		look_whose(connection_of(sk), sk);
	return 0;
}

/* ---- packets */

enum { PASS = 1 };

/* Runs for each packet to a socket that was made in the control group it is attached to, before TCP
 * sees the packet. */
SEC("?cgroup_skb/ingress")
int packet_received(struct __sk_buff *packet)
{
	struct bpf_sock *sk = packet->sk;
	struct connection *connection;

	if (!sk)
		return PASS;
	connection = connection_of_packet(sk);
	if (connection) {
		note_packet(connection, packet);
		check_calls(connection, sk);
		look_at_tls(connection, packet, false);
	}
	look_for_lookup(packet, false);
	return PASS;
}

SEC("?cgroup_skb/egress")
int packet_sent(struct __sk_buff *packet)
{
	struct bpf_sock *sk = packet->sk;
	struct connection *connection;

	if (!sk)
		return PASS;
	connection = connection_of_packet(sk);
	if (connection) {
		check_calls(connection, sk);
		look_at_tls(connection, packet, true);
	}
	look_for_lookup(packet, true);
	return PASS;
}

/* ---- samples */

/* Set by probe.c before each run. */
bool sample_done = false;
__u8 sample_number = 0; /* never 0 then */

static __always_inline void end_sample(void)
{
	struct probe_header *header = reserve_in_ring(sizeof(*header), PROBE_SAMPLE_DONE, 0);

	if (!header) /* probe.c takes another sample */
		return;
	sample_done = true;
	submit_record(header);
}

/* Writes a record for an open connection into what user space reads from the iterator: the ring is
 * left to what happens. The end of the sample is told in the ring, behind the ENDED of every
 * connection that was passed over here as ended. A connection without an agent is just being
 * opened: its OPENED is still to come. Returns false if nothing was written: where the buffer is
 * full, the kernel shows the same socket again with an empty one. */
static __always_inline bool fill_sample(struct probe_connection *record,
					struct connection *connection, struct sock *sk)
{
	struct tcp_sock *tcp;

	if (connection->ended_told) /* the storage outlives its socket by a moment */
		return false;
	barrier();
	tcp = tcp_of(sk);
	if (!tcp || !connection->agent)
		return false;
	fill_header(&record->header, sizeof(*record), PROBE_SAMPLED, connection->agent);
	copy_socket(record, connection, sk, tcp);
	record->state_before = record->state = state_of(sk);
	return true;
}

static __always_inline bool sample(struct seq_file *seq, struct connection *connection,
				   struct sock *sk)
{
	struct probe_connection record = {};

	return fill_sample(&record, connection, sk) &&
	       bpf_seq_write(seq, &record, sizeof(record)) == 0;
}

SEC("?iter/bpf_sk_storage_map")
int sample_connections(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct connection *connection = ctx->value;
	struct sock *sk = ctx->sk;

	if (!connection)
		end_sample();
	else if (sk)
		sample(ctx->meta->seq, connection, sk);
	return 0;
}

/* Does the work of sample_connections() where the kernel refuses an iterator over storage. Several
 * descriptors may lead to one socket, so the socket's number of the sample tells whether it is in
 * it. */
SEC("?iter/task_file")
int sample_by_file(struct bpf_iter__task_file *ctx)
{
	struct sock *sk = socket_of(ctx);
	struct connection *connection = sk ? connection_of(sk) : NULL;

	if (!ctx->task) {
		end_sample();
	} else if (connection && connection->sampled != sample_number) {
		if (sample(ctx->meta->seq, connection, sk))
			connection->sampled = sample_number;
	}
	return 0;
}

/* ---- processes */

/* The facts of a process record beside the process itself. */
struct process_news {
	__u64 sender; /* the task, of the signal; 0: none */
	__u32 signal;
	__u32 flags;
};

static __noinline int fill_process(struct probe_process *record, __u32 agent, __u64 task,
				   const struct process_news *news)
{
	if (!record || !news)
		return 0;
	describe_task(&record->task, task, true);
	__builtin_memset(&record->sender, 0, sizeof(record->sender));
	record->signal = news->signal;
	record->flags = news->flags;
	if (news->sender)
		describe_task(&record->sender, news->sender, agent_of_current() == agent);
	return 0;
}

static __noinline int overflow_process(enum probe_record_type type, __u32 agent, __u64 task,
				       const struct process_news *news)
{
	struct overflow_key key = {};
	union record *draft;

	if (!news)
		return 0;
	key.subject = READ(TASK(leader_of(task)), start_time);
	key.detail = (__u64)READ(TASK(task), tgid) << 32 | news->signal << 8 | type;
	draft = begin_overflow(&key, sizeof(draft->process), type, agent);
	if (!draft) {
		count_lost(agent);
		return 0;
	}
	fill_process(&draft->process, agent, task, news);
	overflow_record(&key, draft, agent);
	return 0;
}

static __always_inline void report_process(enum probe_record_type type, __u32 agent, __u64 task,
					   const struct process_news *news)
{
	struct probe_process *record = reserve_in_ring(sizeof(*record), type, agent);

	if (!record) {
		overflow_process(type, agent, task, news);
		return;
	}
	fill_process(record, agent, task, news);
	submit_record(record);
}

SEC("raw_tp/sched_process_fork")
int BPF_PROG(process_forked, struct task_struct *parent, struct task_struct *child)
{
	__u32 parent_id = READ(TASK(address_of(parent)), tgid);
	__u64 task = address_of(child);
	__u32 child_id = READ(TASK(task), tgid);
	const struct process_news news = {};
	__u32 *inherited, agent;

	if (parent_id == child_id) /* a thread */
		return 0;
	inherited = agent_of_process(parent_id);
	if (inherited)
		watch_process(child_id, *inherited);
	agent = agent_of_task(task);
	if (agent)
		report_process(PROBE_STARTED, agent, task, &news);
	return 0;
}

SEC("raw_tp/sched_process_exec")
int BPF_PROG(process_execed, struct task_struct *execed)
{
	const struct process_news news = {};
	__u64 task = address_of(execed);
	__u32 agent = agent_of_task(task);

	if (agent)
		report_process(PROBE_EXECED, agent, task, &news);
	return 0;
}

static __always_inline bool first_to_tell(__u64 task)
{
	struct exited_process key = {
		.start_time = READ(TASK(leader_of(task)), start_time),
		.id = READ(TASK(task), tgid),
	};
	__u8 yes = 1;

	return bpf_map_update_elem(&exited_processes, &key, &yes, BPF_NOEXIST) == 0;
}

/* Once for each thread; the process is gone with its last one. */
SEC("raw_tp/sched_process_exit")
int BPF_PROG(process_exited, struct task_struct *exiting)
{
	__u64 task = address_of(exiting);
	struct process_news news = {};
	__u32 agent = agent_of_task(task);
	struct signal_struct *signal;

	note_inspector(task);
	if (!agent || threads_left(task) > 0 || !first_to_tell(task))
		return 0;
	signal = READ(TASK(task), signal);
	if (READ(signal, oom_mm)) /* mark_oom_victim() */
		news.flags |= PROBE_SIGNAL_OOM;
	report_process(PROBE_EXITED, agent, task, &news);
	return 0;
}

/* Its sockets are still to be closed at sched_process_exit, so the watch must outlive that. */
SEC("raw_tp/sched_process_free")
int BPF_PROG(process_freed, struct task_struct *freed)
{
	struct task_struct *task = TASK(address_of(freed));
	__u32 id = READ(task, tgid);

	if ((__u32)READ(task, pid) == id)
		unwatch_process(id);
	return 0;
}

/* Signals that end, stop or continue a process and mean it. include/uapi/asm-generic/signal.h */
#define BIT(signal) (1ULL << (signal))
static const __u64 telling_signals = BIT(1) /* HUP */ | BIT(2) /* INT */ | BIT(3) /* QUIT */ |
				     BIT(4) /* ILL */ | BIT(6) /* ABRT */ | BIT(7) /* BUS */ |
				     BIT(8) /* FPE */ | BIT(9) /* KILL */ | BIT(11) /* SEGV */ |
				     BIT(15) /* TERM */ | BIT(18) /* CONT */ | BIT(19) /* STOP */ |
				     BIT(20) /* TSTP */ | BIT(21) /* TTIN */ | BIT(22) /* TTOU */ |
				     BIT(24) /* XCPU */ | BIT(25) /* XFSZ */ | BIT(31) /* SYS */;

#define SIGCONT 18

/* SIGCONT continues a process even where the signal itself is ignored (prepare_signal()). */
static __always_inline bool is_telling(int signal, int result)
{
	if (signal < 1 || signal > 31 || !(telling_signals & BIT(signal)))
		return false;
	return result == TRACE_SIGNAL_DELIVERED || result == TRACE_SIGNAL_LOSE_INFO ||
	       (signal == SIGCONT && result == TRACE_SIGNAL_IGNORED);
}

/* `info` may be one of two small numbers instead of an address. */
static __always_inline bool is_from_kernel(struct kernel_siginfo *info)
{
	int code;

	if ((__u64)info <= SEND_SIG_PRIV)
		return (__u64)info == SEND_SIG_PRIV;
	code = READ(info, si_code);
	return code != SI_USER && code != SI_QUEUE && code != SI_TKILL;
}

/* force_sig_info_to_task() has set a handler back to SIG_DFL by now if the signal cannot be
 * handled. SIG_DFL is 0 and SIG_IGN is 1; SIGKILL and SIGSTOP have no handlers. libbpf relocates
 * members and sizes, but not the distance between the elements of an array. */
static __always_inline bool has_handler(__u64 task, int signal)
{
	struct sighand_struct *sighand = READ(TASK(task), sighand);
	struct k_sigaction *action;

	if (!sighand || signal < 1 || signal > 31)
		return false;
	action = (void *)sighand + bpf_core_field_offset(sighand->action) +
		 (__u64)(signal - 1) * bpf_core_type_size(struct k_sigaction);
	return (__u64)READ(action, sa.sa_handler) > 1;
}

SEC("raw_tp/signal_generate")
int BPF_PROG(signal_generated, int signal, struct kernel_siginfo *info,
	     struct task_struct *receiver, int group, int result)
{
	struct process_news news = { .signal = signal };
	__u64 task;
	__u32 agent;

	if (!is_telling(signal, result))
		return 0;
	task = address_of(receiver);
	agent = agent_of_task(task);
	if (!agent)
		return 0;
	if (has_handler(task, signal))
		news.flags |= PROBE_SIGNAL_HANDLED;
	if (is_from_kernel(info))
		news.flags |= PROBE_SIGNAL_FROM_KERNEL;
	else
		news.sender = bpf_get_current_task();
	report_process(PROBE_SIGNALED, agent, task, &news);
	return 0;
}

/* Set by probe.c before each run: this process, in our pid namespace, for that agent. */
__u32 wanted_pid = 0;
__u32 wanted_agent = 0;
/* The result of the run. */
bool wanted_found = false;
__u32 adopted = 0;

static __always_inline bool is_unwatched_child(__u64 task, const __u32 *watched)
{
	struct task_struct *real_parent = READ(TASK(task), real_parent);
	__u32 parent = READ(real_parent, tgid);
	__u32 *inherited = bpf_map_lookup_elem(&watched_processes, &parent);

	return !watched && inherited && *inherited == wanted_agent;
}

/* Adds the wanted process, and children of its agent's processes that nobody watches yet. A child
 * may come before its parent, so probe.c goes through all until nothing is added. */
static __always_inline void adopt(__u64 task)
{
	__u32 id = READ(TASK(task), tgid), *watched, agent = wanted_agent;
	bool wanted;

	watched = bpf_map_lookup_elem(&watched_processes, &id);
	wanted = pid_of(task) == wanted_pid;
	if (wanted)
		wanted_found = true;
	if (watched && *watched == agent)
		return;
	if (!wanted && !is_unwatched_child(task, watched))
		return;
	if (watch_process(id, agent))
		adopted++;
}

SEC("?iter/task")
int adopt_processes(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (task && task->pid == task->tgid)
		adopt(address_of(task));
	return 0;
}

#include "ebpf/visits.bpf.h"

/* ---- control groups */

#define DEFAULT_HIERARCHY 0 /* of cgroup v2; ids are unique in their own hierarchy only */

static __always_inline int hierarchy_of(struct cgroup *cgroup)
{
	struct cgroup_root *root = READ(cgroup, root);

	return READ(root, hierarchy_id);
}

static __always_inline __u64 parent_of(struct cgroup *cgroup)
{
	struct cgroup_subsys_state *parent = READ(cgroup, self.parent);

	return group_id(READ(parent, cgroup));
}

static __always_inline __u32 agent_awaiting(__u64 parent, struct cgroup *cgroup)
{
	struct awaited_cgroup key = { .parent = parent };
	struct kernfs_node *node = READ(cgroup, kn);
	__u32 *agent;

	bpf_probe_read_kernel_str(key.name, sizeof(key.name), READ(node, name));
	agent = bpf_map_lookup_elem(&awaited_cgroups, &key);
	return agent ? *agent : 0;
}

/* Tell probe.c, which attaches the programs of groups. */
__u32 awaited_cgroups_made = 0;
__u32 awaited_cgroups_gone = 0;

SEC("raw_tp/cgroup_mkdir")
int BPF_PROG(cgroup_made, struct cgroup *cgroup)
{
	__u64 parent, id;
	__u32 agent, awaited;

	if (hierarchy_of(cgroup) != DEFAULT_HIERARCHY)
		return 0;
	parent = parent_of(cgroup);
	agent = awaited = agent_awaiting(parent, cgroup);
	if (awaited)
		__sync_fetch_and_add(&awaited_cgroups_made, 1);
	else
		agent = agent_of_cgroup(parent);
	if (!agent)
		return 0;
	id = group_id(cgroup);
	watch_cgroup(id, agent);
	if (awaited)
		wake_reader();
	return 0;
}

SEC("raw_tp/cgroup_rmdir")
int BPF_PROG(cgroup_removed, struct cgroup *cgroup)
{
	if (hierarchy_of(cgroup) != DEFAULT_HIERARCHY)
		return 0;
	unwatch_cgroup(group_id(cgroup));
	if (!agent_awaiting(parent_of(cgroup), cgroup))
		return 0;
	__sync_fetch_and_add(&awaited_cgroups_gone, 1);
	wake_reader();
	return 0;
}

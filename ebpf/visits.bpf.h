/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where the kernel has no types of its own, it has no iterators: user space goes through what there
 * is (probe_visits.c), and runs a program for each. Connections are kept by the address of their
 * socket there. A process goes by its number. */
#pragma once

__u32 visit_for = 0; /* enum probe_visit */
__u64 visited = 0;   /* the address; 0: that was the last one */
__u8 visit_sample[sizeof(struct probe_connection)] __attribute__((aligned(8))) = {};
bool visit_sampled = false; /* `visit_sample` is what the visit found */

/* The socket that it was kept of is no more: its memory is free, or another's. */
static __always_inline bool is_left_over(const struct kept_connection *kept, __u64 address)
{
	struct sock *sk = (struct sock *)address;

	return is_of_another(kept, address) ||
	       (bpf_core_field_exists(sk->__sk_common.skc_refcnt.refs.counter) &&
		!READ(sk, __sk_common.skc_refcnt.refs.counter));
}

/* Meanwhile, the socket may have gone, and another one may have its place. */
static __always_inline bool is_still_there(__u64 address, const struct connection *before,
					   __u64 opened_nsec)
{
	const struct connection *now = bpf_map_lookup_elem(&connections_by_address, &address);

	return now == before && now->opened_nsec == opened_nsec && !now->ended_told;
}

SEC("?raw_tp")
int visit_connection(void *ctx)
{
	__u64 address = visited, opened_nsec;
	struct kept_connection *kept;
	struct connection *connection;

	if (!address) {
		end_sample();
		return 0;
	}
	kept = bpf_map_lookup_elem(&connections_by_address, &address);
	if (!kept)
		return 0;
	connection = &kept->connection;
	opened_nsec = connection->opened_nsec;
	if (is_left_over(kept, address))
		forget_connection((struct sock *)address, connection);
	else if (visit_for == PROBE_VISIT_STALLS)
		look_for_healing(connection, (struct sock *)address);
	else if (visit_for == PROBE_VISIT_LENSES)
		look_whose(connection, (struct sock *)address);
	else if (fill_sample((void *)visit_sample, connection, (struct sock *)address))
		visit_sampled = is_still_there(address, connection, opened_nsec);
	return 0;
}

/* ---- a task by its number in our pid namespace */

/* include/linux/xarray.h, xa_is_node(): an inner node is told by its lowest bits. */
#define XA_NODE_MARK   2
#define XA_NODE_LEAST  4096
#define XA_LEVELS_MOST 6 /* of 64 slots each, for 32 bits */

/* Pointers of the kernel: their bytes. */
#define WORD_SIZE bpf_core_field_size(struct fdtable, fd)

static __always_inline __u64 read_word(__u64 address)
{
	__u64 word = 0;

	bpf_probe_read_kernel(&word, WORD_SIZE, (void *)address);
	return word;
}

/* The entry at `index`; 0: there is none. */
static __always_inline __u64 xarray_entry(__u64 entry, __u32 index)
{
	for (int i = 0; i <= XA_LEVELS_MOST; i++) {
		struct xa_node *node = (void *)(entry - XA_NODE_MARK);
		__u32 slots = bpf_core_field_size(node->slots) / WORD_SIZE, slot;

		if ((entry & 3) != XA_NODE_MARK || entry < XA_NODE_LEAST)
			return entry & 3 ? 0 : entry;
		slot = index >> (READ(node, shift) & 31) & (slots - 1);
		entry = read_word((__u64)node + bpf_core_field_offset(node->slots) +
				  (__u64)slot * WORD_SIZE);
	}
	return 0;
}

/* The first thread of the process; 0: there is none. */
static __always_inline __u64 task_by_pid(__u32 number)
{
	struct pid *own = READ(TASK(bpf_get_current_task()), thread_pid), *pid;
	struct upid *last = (void *)own + bpf_core_field_offset(own->numbers) +
			    (__u64)READ(own, level) * bpf_core_type_size(struct upid);
	struct pid_namespace *ns = READ(last, ns);
	struct xarray *processes = __builtin_preserve_access_index(&ns->idr.idr_rt);
	__u64 link;

	pid = (void *)xarray_entry((__u64)READ(processes, xa_head), number);
	if (!pid)
		return 0;
	link = (__u64)READ(pid, tasks[PIDTYPE_TGID].first);
	return link ? link - bpf_core_field_offset(struct task_struct, pid_links[PIDTYPE_TGID]) : 0;
}

/* ---- the sockets that a task has open */

/* include/uapi/linux/stat.h */
#define S_IFMT   0170000
#define S_IFSOCK 0140000

#define FILES_AT_ONCE 64

static __always_inline struct sock *socket_in(struct file *file)
{
	struct inode *inode;
	struct socket *socket;

	if (!file)
		return NULL;
	inode = READ(file, f_inode);
	if ((READ(inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = READ(file, private_data);
	return READ(socket, sk);
}

__u32 visited_pid = 0;
__u32 visited_file = 0; /* the next to look at; the visit moves it on */
bool visit_over = false;

/* Looks at files up to the next socket. */
static __always_inline void visit_files(__u64 task)
{
	struct files_struct *files = READ(TASK(task), files);
	struct fdtable *table = READ(files, fdt);
	__u32 count = READ(table, max_fds), next = visited_file;
	__u64 first = (__u64)READ(table, fd);
	struct sock *sk = NULL;

	for (int i = 0; i < FILES_AT_ONCE && !sk; i++) {
		if (next >= count) {
			visit_over = true;
			break;
		}
		sk = socket_in((void *)read_word(first + (__u64)next * WORD_SIZE));
		next++;
	}
	visited_file = next;
	if (sk && tcp_of(sk))
		take_open_socket(sk, task);
}

SEC("?raw_tp")
int visit_task(void *ctx)
{
	__u64 task = task_by_pid(visited_pid);

	if (!task || READ(TASK(task), tgid) != READ(TASK(task), pid)) {
		visit_over = true;
	} else if (visit_for == PROBE_VISIT_ADOPTION) {
		adopt(task);
		visit_over = true;
	} else if (!agent_of_task(task)) {
		visit_over = true;
	} else {
		visit_files(task);
	}
	return 0;
}

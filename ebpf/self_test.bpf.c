/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads of a socket and a process of our own what the probe reads of those of agents: where the
 * types come from a file, that shows whether it is of this kernel. Run once by BPF_PROG_TEST_RUN,
 * for the process that calls it. */
#include "ebpf/kernel_types.h"

#include <stdbool.h>

#include <bpf/bpf_helpers.h>

#include <bpf/bpf_core_read.h>

#include "ebpf/reads.bpf.h"
#include "ebpf/self_test.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u32 own_file = 0; /* the number of the socket's descriptor */
__u64 seen[SELF_TESTED] = {};

/* Of 8 bytes, or of 4 in a kernel of 32 bits. */
static __always_inline void *read_pointer(const void *address)
{
	void *pointer = NULL;

	bpf_probe_read_kernel(&pointer, bpf_core_field_size(struct fdtable, fd), address);
	return pointer;
}

static __always_inline struct sock *own_socket(struct task_struct *task)
{
	struct files_struct *files = READ(task, files);
	struct fdtable *table = READ(files, fdt);
	void *first = READ(table, fd);
	struct file *file =
		read_pointer(first + (__u64)own_file * bpf_core_field_size(struct fdtable, fd));
	struct socket *socket = READ(file, private_data);

	return READ(socket, sk);
}

static __always_inline bool is_own_name(struct task_struct *task)
{
	__u64 name[2] = {}, told[2] = {};

	bpf_core_read(name, sizeof(name), &task->comm);
	bpf_get_current_comm(told, sizeof(told));
	return name[0] == told[0] && name[1] == told[1];
}

static __always_inline __u32 number_of(struct signal_struct *signal)
{
	struct pid *pid = READ(signal, pids[PIDTYPE_TGID]);
	struct upid *number = __builtin_preserve_access_index(&pid->numbers[0]);

	number = (void *)number + (__u64)READ(pid, level) * bpf_core_type_size(struct upid);
	return READ(number, nr);
}

SEC("raw_tp")
int look_at_ourselves(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct signal_struct *signal = READ(task, signal);
	struct tcp_sock *socket = (void *)own_socket(task);
	struct inet_connection_sock *connection = &socket->inet_conn;
	struct inet_sock *inet = &connection->icsk_inet;

	(void)ctx;
	seen[TESTED_PROCESS] =
		is_own_name(task) && (__u32)READ(task, tgid) == bpf_get_current_pid_tgid() >> 32;
	seen[TESTED_NUMBER] = number_of(signal);
	seen[TESTED_EXIT] = (__u32)READ(signal, group_exit_code);
	seen[TESTED_FAMILY] = READ(inet, sk.__sk_common.skc_family);
	seen[TESTED_STATE] = READ(inet, sk.__sk_common.skc_state);
	seen[TESTED_PROTOCOL] = READ(inet, sk.sk_protocol);
	seen[TESTED_PORT] = READ(inet, inet_sport);
	seen[TESTED_ERROR] = (__u32)READ(inet, sk.sk_err);
	seen[TESTED_USER_TIMEOUT] = READ(connection, icsk_user_timeout);
	seen[TESTED_WRITE_SEQ] = READ(socket, write_seq);
	seen[TESTED_RCV_NXT] = READ(socket, rcv_nxt);
	seen[TESTED_COPIED_SEQ] = READ(socket, copied_seq);
	return 0;
}

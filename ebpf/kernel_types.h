/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The few kernel types the probe reads, with only the members it reads. libbpf finds the real
 * offsets in the running kernel's BTF (CO-RE), so neither order nor size counts here; names do.
 * Types whose shape changed between versions are in kernel_differences.bpf.h. */
#pragma once

typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

#define NULL ((void *)0)

/* include/uapi/linux/bpf.h: numbers that never change. */
enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_SK_STORAGE = 24,
	BPF_MAP_TYPE_RINGBUF = 27,
};
enum {
	BPF_F_NO_PREALLOC = 1 << 0,
};
enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_EXIST = 2,
};
enum {
	BPF_SK_STORAGE_GET_F_CREATE = 1 << 0,
};
enum {
	BPF_RB_NO_WAKEUP = 1 << 0,
	BPF_RB_FORCE_WAKEUP = 1 << 1,
};
enum {
	BPF_RB_AVAIL_DATA = 0,
};

/* include/uapi/linux/bpf.h: a packet as programs see it, at offsets that never change. */
struct bpf_sock;
struct __sk_buff {
	__u32 len;
	__u32 up_to_protocol[3];
	__u32 protocol;
	__u32 up_to_ifindex[5];
	__u32 ifindex;
	__u32 up_to_data[8];
	__u32 data;
	__u32 data_end;
	__u32 up_to_remote_port[12];
	__u32 remote_port; /* network byte order */
	__u32 up_to_sk[8];
	struct bpf_sock *sk;
};
_Static_assert(__builtin_offsetof(struct __sk_buff, ifindex) == 40, "offset of ifindex");
_Static_assert(__builtin_offsetof(struct __sk_buff, data) == 76, "offset of data");
_Static_assert(__builtin_offsetof(struct __sk_buff, remote_port) == 132, "offset of remote_port");
_Static_assert(__builtin_offsetof(struct __sk_buff, sk) == 168, "offset of sk");

/* include/uapi/linux/bpf.h: likewise. */
struct bpf_tcp_sock {
	__u32 up_to_rcv_nxt[4];
	__u32 rcv_nxt;
	__u32 up_to_bytes_received[15];
	__u64 bytes_received;
	__u64 bytes_acked;
};
_Static_assert(__builtin_offsetof(struct bpf_tcp_sock, bytes_received) == 80,
	       "offset of bytes_received");

/* include/uapi/linux/bpf.h: what a program on a control group is called with, when something
 * happens to a socket, or when it is closed. At offsets that never change. */
struct bpf_sock_ops {
	__u32 op;
	__u32 args[4];
	__u32 up_to_flags[16];
	__u32 bpf_sock_ops_cb_flags;
	__u32 up_to_sk[24];
	struct bpf_sock *sk;
};
_Static_assert(__builtin_offsetof(struct bpf_sock_ops, bpf_sock_ops_cb_flags) == 84,
	       "offset of bpf_sock_ops_cb_flags");
_Static_assert(__builtin_offsetof(struct bpf_sock_ops, sk) == 184, "offset of sk");
struct bpf_sock {
	__u32 up_to_protocol[3];
	__u32 protocol;
	__u32 up_to_dst_port[8];
	__be16 dst_port;
	__u16 padding;
	__u32 up_to_state[5];
	__u32 state;
};
_Static_assert(__builtin_offsetof(struct bpf_sock, dst_port) == 48, "offset of dst_port");
_Static_assert(__builtin_offsetof(struct bpf_sock, state) == 72, "offset of state");
enum {
	BPF_SOCK_OPS_TIMEOUT_INIT = 1,
	BPF_SOCK_OPS_TCP_CONNECT_CB = 3,
	BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB = 4,
	BPF_SOCK_OPS_RETRANS_CB = 9,
	BPF_SOCK_OPS_STATE_CB = 10,
	BPF_SOCK_OPS_TCP_LISTEN_CB = 11,
};
enum {
	BPF_SOCK_OPS_RETRANS_CB_FLAG = 1 << 1,
	BPF_SOCK_OPS_STATE_CB_FLAG = 1 << 2,
};

/* include/uapi/asm-generic/errno-base.h */
#define EEXIST 17

/* include/uapi/linux/if_ether.h */
#define ETH_P_IP   0x0800
#define ETH_P_IPV6 0x86dd

#define AF_INET     2
#define AF_INET6    10
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17

/* include/net/tcp_states.h */
enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT,
	TCP_SYN_RECV,
	TCP_FIN_WAIT1,
	TCP_FIN_WAIT2,
	TCP_TIME_WAIT,
	TCP_CLOSE,
	TCP_CLOSE_WAIT,
	TCP_LAST_ACK,
	TCP_LISTEN,
	TCP_CLOSING,
	TCP_NEW_SYN_RECV,
};

/* include/uapi/linux/tcp.h, enum tcp_ca_state: a retransmission time-out ran out. */
#define TCP_CA_LOSS 4

/* include/linux/sched.h, include/linux/sched/signal.h */
#define PF_EXITING        0x00000004
#define SIGNAL_GROUP_EXIT 0x00000004
#define MAX_PID_NS_LEVEL  32

/* include/linux/proc_ns.h: the inode of the initial pid namespace. */
#define PROC_PID_INIT_INO 0xeffffffcU

/* include/trace/events/signal.h: result of signal_generate. */
enum {
	TRACE_SIGNAL_DELIVERED,
	TRACE_SIGNAL_IGNORED,
	TRACE_SIGNAL_ALREADY_PENDING,
	TRACE_SIGNAL_OVERFLOW_FAIL,
	TRACE_SIGNAL_LOSE_INFO,
};

/* include/linux/signal.h, include/linux/sched/signal.h: what stands in for a siginfo. */
#define SEND_SIG_NOINFO 0
#define SEND_SIG_PRIV   1

/* include/uapi/asm-generic/siginfo.h: the codes of signals that a process sent. */
#define SI_USER  0
#define SI_QUEUE -1
#define SI_TKILL -6

/* arch/x86/include/uapi/asm/ptrace.h, arch/arm64/include/uapi/asm/ptrace.h,
 * arch/arm/include/asm/ptrace.h: registers as uprobes see them, at offsets that never change. */
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi,
		orig_rax, rip, cs, eflags, rsp, ss;
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs;
struct user_pt_regs {
	__u64 regs[31];
	__u64 sp;
	__u64 pc;
	__u64 pstate;
};
#elif defined(__TARGET_ARCH_arm)
#pragma clang diagnostic ignored "-Wint-to-void-pointer-cast" /* by PT_REGS_PARM1() */
struct pt_regs {
	__u32 uregs[18];
};
#endif

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* ---- tasks */

struct kernfs_node {
	const char *name;
	__u64 id;
};

struct cgroup;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct ns_common {
	unsigned int inum;
};

/* include/linux/xarray.h */
struct xarray {
	void *xa_head;
};

struct xa_node {
	unsigned char shift;
	void *slots[64];
};

struct idr {
	struct xarray idr_rt;
};

struct pid_namespace {
	struct ns_common ns;
	struct idr idr; /* its processes by number */
};

struct hlist_node;

struct hlist_head {
	struct hlist_node *first;
};

struct hlist_node {
	struct hlist_node *next;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

enum pid_type {
	PIDTYPE_PID,
	PIDTYPE_TGID,
	PIDTYPE_PGID,
	PIDTYPE_SID,
	PIDTYPE_MAX,
};

struct pid {
	unsigned int level;
	struct hlist_head tasks[PIDTYPE_MAX];
	struct upid numbers[1];
};

struct mm_struct;

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;
	int group_exit_code;
	unsigned int flags;
	struct pid *pids[PIDTYPE_MAX];
	struct mm_struct *oom_mm;
};

/* include/linux/signal_types.h, include/linux/sched/signal.h */
struct sigaction {
	void *sa_handler;
};

struct k_sigaction {
	struct sigaction sa;
};

struct sighand_struct {
	struct k_sigaction action[64];
};

struct net;
struct file;

struct nsproxy {
	struct net *net_ns;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct task_struct {
	unsigned int flags;
	int exit_code;
	int pid;
	int tgid;
	__u64 start_time;
	__u64 start_boottime;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct signal_struct *signal;
	struct sighand_struct *sighand;
	struct css_set *cgroups;
	struct nsproxy *nsproxy;
	struct pid *thread_pid;
	struct hlist_node pid_links[PIDTYPE_MAX];
	struct files_struct *files;
	char comm[16];
};

struct kernel_siginfo {
	int si_code;
};

struct linux_binprm;

/* ---- sockets */

struct in6_addr {
	union {
		__be32 u6_addr32[4];
	} in6_u;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

typedef struct {
	__s64 counter;
} atomic64_t;

typedef struct {
	atomic_t refs;
} refcount_t;

struct sock_common {
	__be32 skc_daddr;
	__be16 skc_dport;
	unsigned short skc_family;
	unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	atomic64_t skc_cookie;
	refcount_t skc_refcnt;
	unsigned long skc_flags;
};

/* include/net/sock.h: bit numbers in sk_flags. */
enum sock_flags {
	SOCK_DEAD,
	SOCK_DONE,
	SOCK_URGINLINE,
	SOCK_KEEPOPEN,
	SOCK_LINGER,
};

struct sock_cgroup_data {
	struct cgroup *cgroup;
};

struct rb_node {
	struct rb_node *rb_left;
};

struct rb_root {
	struct rb_node *rb_node;
};

typedef struct {
	int owned;
} socket_lock_t;

struct sock {
	struct sock_common __sk_common;
	socket_lock_t sk_lock;
	struct rb_root tcp_rtx_queue;
	int sk_err;
	int sk_err_soft;
	__u8 sk_shutdown;
	__u16 sk_protocol;
	__u32 sk_max_ack_backlog;
	unsigned long sk_lingertime;
	struct sock_cgroup_data sk_cgrp_data;
	struct bpf_local_storage *sk_bpf_storage;
};

struct inet_sock {
	struct sock sk;
	__be32 inet_saddr;
	__be16 inet_sport;
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	__u32 icsk_rto;
	__u8 icsk_retransmits;
	__u8 icsk_probes_out;
	struct {
		__u32 lrcvtime;
		__u16 rcv_mss;
	} icsk_ack;
	__u32 icsk_user_timeout;
};

#define SACKS_MOST 4 /* RFC 2018, 3 */

struct tcp_sack_block {
	__u32 start_seq;
	__u32 end_seq;
};

struct tcp_options_received {
	__u8 num_sacks;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	struct tcp_options_received rx_opt;
	struct tcp_sack_block selective_acks[SACKS_MOST];
	struct tcp_sack_block recv_sack_cache[SACKS_MOST];
	__u32 sacked_out;
	__u32 mss_cache;
	__u16 advmss;
	__u32 snd_wnd;
	__u32 copied_seq;
	__u32 rcv_nxt;
	__u32 snd_una;
	__u32 snd_nxt;
	__u32 write_seq;
	__u32 lsndtime;
	__u32 rcv_tstamp;
	__u32 srtt_us;
	__u32 total_retrans;
	__u64 bytes_sent;
	__u64 bytes_acked;
	__u64 bytes_received;
	__u8 bpf_sock_ops_cb_flags;
};

/* Whole, if only in name: a type that is no more than declared matches no type of the kernel. */
struct sk_buff {
	struct rb_node rbnode;
	unsigned int len;
};

/* ---- iterators */

struct inode {
	unsigned short i_mode;
};

struct file {
	struct inode *f_inode;
	void *private_data;
};

struct socket {
	struct sock *sk;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct task_struct *task;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	struct file *file;
};

struct bpf_iter__bpf_sk_storage_map {
	struct bpf_iter_meta *meta;
	struct sock *sk;
	void *value;
};

#pragma clang attribute pop

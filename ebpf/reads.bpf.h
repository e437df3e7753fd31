/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How members of kernel structures are read.
 *
 * By address, they can be read of anything, and libbpf relocates the offset and the size: pointers
 * and longs of a 32-bit kernel have half the bytes that they have here. In place, where the
 * verifier knows the type, a read costs less; but it walks the kernel's BTF for each pointer that
 * is read so, at each visit, which took a third of the time of loading. So nothing but numbers of
 * sockets is read in place. */
#pragma once

/* The kernel has BTF of its own, so that programs get typed arguments (tp_btf) and what they keep
 * of a socket is in the socket (bpf_sk_storage_get() for tracing programs, 5.11, 8e4597c627fb).
 * Without, they are raw tracepoints, read all by address, and keep it by address. Set by
 * probe_load.c before the load: a branch on a false one is never verified. */
const volatile bool have_kernel_types = false;

/* Programs of sockets on control groups may call bpf_get_current_task_btf(), and
 * bpf_get_current_cgroup_id(): a release gave them these at some time, others are refused. Set by
 * probe_load.c, too. */
const volatile bool have_current_task = false;
const volatile bool have_current_group = false;

#define READ(pointer, member)                                                               \
	({                                                                                  \
		__typeof__((pointer)->member) value_ = 0;                                   \
		bpf_probe_read_kernel(                                                      \
			&value_, bpf_core_field_size((pointer)->member),                    \
			(const void *)__builtin_preserve_access_index(&(pointer)->member)); \
		value_;                                                                     \
	})

/* A number in a structure of which the verifier knows the type, if the kernel has BTF. */
#define MEMBER(pointer, member) (have_kernel_types ? (pointer)->member : READ(pointer, member))

/* A number of the current task. */
#define CURRENT(member)                                         \
	(have_current_task ? bpf_get_current_task_btf()->member \
			   : READ((struct task_struct *)bpf_get_current_task(), member))

/* The address that the verifier takes for a pointer, as a number that it knows nothing about: a
 * function that takes no more than numbers is verified once, and not for each of its callers. */
static __always_inline __u64 address_of(const void *pointer)
{
	__u64 address = 0;

	bpf_probe_read_kernel(&address, sizeof(address), &pointer);
	return address;
}

/* SO_COOKIE of the socket; 0: nobody has asked for it yet. */
static __always_inline __u64 cookie_at(__u64 address)
{
	struct sock *sk = (struct sock *)address;

	return READ(sk, __sk_common.skc_cookie.counter);
}

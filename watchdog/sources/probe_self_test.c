/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/probe_self_test.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ebpf/self_test.h"
#include "ebpf/self_test.skel.h"
#include "support/cleanup.h"

DEFINE_CLEANUP(struct self_test_bpf *, self_test_bpf__destroy);

/* What no other member has by chance. */
enum { USER_TIMEOUT = 1234567, WRITE_SEQ = 0x5ee7c0de, RCV_NXT = 0x0dd5ea11 };

static const char *const names[SELF_TESTED] = {
	[TESTED_PROCESS] = "task_struct.tgid or comm",
	[TESTED_NUMBER] = "signal_struct.pids",
	[TESTED_EXIT] = "signal_struct.group_exit_code",
	[TESTED_FAMILY] = "sock_common.skc_family",
	[TESTED_STATE] = "sock_common.skc_state",
	[TESTED_PROTOCOL] = "sock.sk_protocol",
	[TESTED_PORT] = "inet_sock.inet_sport",
	[TESTED_ERROR] = "sock.sk_err",
	[TESTED_USER_TIMEOUT] = "inet_connection_sock.icsk_user_timeout",
	[TESTED_WRITE_SEQ] = "tcp_sock.write_seq",
	[TESTED_RCV_NXT] = "tcp_sock.rcv_nxt",
	[TESTED_COPIED_SEQ] = "tcp_sock.copied_seq",
};

/* ---- the socket */

static int set_number(int fd, int option, int value)
{
	return setsockopt(fd, IPPROTO_TCP, option, &value, sizeof(value));
}

static int set_sequence(int fd, int queue, int number)
{
	if (set_number(fd, TCP_REPAIR_QUEUE, queue) < 0)
		return -errno;
	return set_number(fd, TCP_QUEUE_SEQ, number) < 0 ? -errno : 0;
}

/* A socket's sequence numbers can be set while it is closed, with CAP_NET_ADMIN (TCP_REPAIR). */
static bool set_sequences(int fd)
{
	enum { RECEIVED = 1, SENT = 2 }; /* include/uapi/linux/tcp.h: TCP_RECV_QUEUE and the next */

	return set_number(fd, TCP_REPAIR, 1) == 0 && set_sequence(fd, SENT, WRITE_SEQ) == 0 &&
	       set_sequence(fd, RECEIVED, RCV_NXT) == 0;
}

/* Makes the socket, and gives what is to be read of it. Returns its descriptor, or -errno. */
static int make_socket(uint64_t expected[static SELF_TESTED], bool *with_sequences)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) < 0 ||
	    set_number(fd, TCP_USER_TIMEOUT, USER_TIMEOUT) < 0)
		return -errno;
	*with_sequences = set_sequences(fd);
	expected[TESTED_PROCESS] = 1;
	expected[TESTED_NUMBER] = (uint64_t)getpid();
	expected[TESTED_FAMILY] = AF_INET;
	expected[TESTED_STATE] = TCP_CLOSE;
	expected[TESTED_PROTOCOL] = IPPROTO_TCP;
	expected[TESTED_PORT] = address.sin_port;
	expected[TESTED_USER_TIMEOUT] = USER_TIMEOUT;
	expected[TESTED_WRITE_SEQ] = WRITE_SEQ;
	expected[TESTED_RCV_NXT] = RCV_NXT;
	expected[TESTED_COPIED_SEQ] = RCV_NXT;
	return STEAL_FD(fd);
}

/* ---- the test */

static int run(const struct self_test_bpf *bpf)
{
	LIBBPF_OPTS(bpf_test_run_opts, nothing);

	return bpf_prog_test_run_opts(bpf_program__fd(bpf->progs.look_at_ourselves), &nothing);
}

static int look(const char *btf, int fd, uint64_t seen[static SELF_TESTED])
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .btf_custom_path = btf);
	_cleanup_(self_test_bpf__destroy_held) struct self_test_bpf *bpf =
		self_test_bpf__open_opts(&options);
	int r;

	if (!bpf)
		return -errno;
	bpf->rodata->own_file = (uint32_t)fd;
	r = self_test_bpf__load(bpf);
	if (r >= 0)
		r = run(bpf);
	if (r >= 0)
		memcpy(seen, bpf->bss->seen, SELF_TESTED * sizeof(*seen));
	return r;
}

int probe_self_test(const char *btf, char reason[static PROBE_BTF_REASON_SIZE])
{
	uint64_t expected[SELF_TESTED] = { 0 }, seen[SELF_TESTED];
	bool with_sequences = false;
	_cleanup_close_ int fd = make_socket(expected, &with_sequences);
	int last = with_sequences ? SELF_TESTED : TESTED_WRITE_SEQ, r;

	libbpf_set_print(NULL);
	r = fd < 0 ? fd : look(btf, fd, seen);

	if (r < 0) {
		snprintf(reason, PROBE_BTF_REASON_SIZE, "it cannot be tried (%s)", strerror(-r));
		return r;
	}
	for (int i = 0; i < last; i++) {
		if (seen[i] == expected[i])
			continue;
		snprintf(reason, PROBE_BTF_REASON_SIZE, "%s is not where it says", names[i]);
		return -ENOEXEC;
	}
	return 0;
}

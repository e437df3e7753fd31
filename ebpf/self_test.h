/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What self_test.bpf.c reads of a socket and a process of our own. */
#pragma once

enum self_tested {
	TESTED_PROCESS, /* 1: its number and its name are what the kernel's own functions say */
	TESTED_NUMBER,  /* of the process in its pid namespace, by way of signal_struct.pids */
	TESTED_EXIT,    /* signal_struct.group_exit_code */
	TESTED_FAMILY,
	TESTED_STATE,
	TESTED_PROTOCOL,
	TESTED_PORT, /* in network byte order */
	TESTED_ERROR,
	TESTED_USER_TIMEOUT,
	TESTED_WRITE_SEQ,
	TESTED_RCV_NXT,
	TESTED_COPIED_SEQ,
	SELF_TESTED,
};

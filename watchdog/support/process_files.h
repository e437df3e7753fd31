/* What /proc tells of one process. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process_status {
	char comm[16];
	char state; /* as proc(5): 'T' stopped by a signal, 'Z' dead */
	unsigned threads;
};

/* Reads /proc/PID/stat. Returns 0, -ESRCH, or -EBADMSG for what proc(5) does not describe. */
int process_status_read(pid_t pid, struct process_status *status);

/* The same from the text of that file: it needs no end, and is `size` bytes long. */
int process_status_parse(const char *text, size_t size, struct process_status *status);

/* Calls `visit` with the inode of each socket that `pid` has open. Returns 0, -ESRCH, -EACCES
 * (CAP_SYS_PTRACE is missing) or another -errno. */
int process_sockets(pid_t pid, void (*visit)(void *userdata, uint32_t inode), void *userdata);

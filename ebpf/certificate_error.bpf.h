/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Why the agent's own libssl does not accept the hub's certificate: when it has verified one, it
 * asks libcrypto for the error by X509_STORE_CTX_get_error(3), and a uprobe at the return of that
 * has the number. Nothing of the certificate is read, nor what the function is given.
 *
 * Which socket the certificate came by, the thread's reading tells, as for MQTT (mqtt_tls.bpf.h):
 * libssl verifies a certificate as soon as it has it. Applications that look at errors for
 * themselves, in the midst of the verification or after it, call the same function: the last one
 * counts, and only where the handshake then ends so (tls_library_error()). */
#pragma once

/* The socket that the thread has received from last; its cookie is 0 if that is not known. */
static __always_inline struct mqtt_socket socket_of_thread(void)
{
	struct mqtt_socket socket = {}, *last;
	__u64 thread = bpf_get_current_pid_tgid();
	struct tls_call *call = bpf_map_lookup_elem(&tls_calls, &thread);

	if (call && (call->mixed || call->received_from.cookie))
		return call->mixed ? socket : call->received_from;
	last = bpf_map_lookup_elem(&received_last, &thread);
	return last ? *last : socket;
}

/* ---- the program; sources/probe_mqtt.c attaches it */

SEC("?uretprobe")
int BPF_KRETPROBE(certificate_verified, int error)
{
	struct mqtt_socket socket = socket_of_thread();
	struct probe_verified *record;

	if (!socket.cookie)
		return 0;
	record = reserve_beside(sizeof(*record));
	if (!record) {
		count_unreported(socket.agent);
		return 0;
	}
	fill_header(&record->header, sizeof(*record), PROBE_VERIFIED, socket.agent);
	record->cookie = socket.cookie;
	record->opened_nsec = socket.opened_nsec;
	record->error = error;
	record->reserved = 0;
	bpf_ringbuf_submit(record, 0);
	return 0;
}

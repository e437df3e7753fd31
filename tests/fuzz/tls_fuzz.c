/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `connwatchctl check` and a hub that means harm: whatever it sends, each step is told once, in
 * printable text. The target is a part of the step, whose parts nobody else sees: a handshake with
 * a fuzzer never comes as far as the certificate. Input: a byte that chooses, then what the hub
 * sends, a certificate (DER), or the headers of its answer. */
#include "fuzz.h"

#include "check/tls.c" /* NOLINT(bugprone-suspicious-include) */

#include <sys/socket.h>
#include <unistd.h>

static const struct way hub = { .host = "hub.example", .port = HTTPS_PORT, .tls = true };

static void take_step(void *userdata, const struct check_step *step)
{
	(void)userdata;
	MUST(step->result >= 0 && step->result < CHECK_RESULT_MAX);
	MUST(memchr(step->text, '\0', sizeof(step->text)));
	for (const char *c = step->text; *c; c++)
		MUST(*c >= ' ' && *c <= '~');
}

static void hear(struct check *check, const uint8_t *data, size_t size)
{
	int ends[2];

	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
	MUST(size == 0 || write(ends[1], data, size) == (ssize_t)size);
	shutdown(ends[1], SHUT_WR);
	check_tls(check, &hub, ends[0]);
	close(ends[0]);
	close(ends[1]);
}

static void take_certificate(struct check *check, const uint8_t *data, size_t size)
{
	struct handshake handshake = { .check = check, .way = &hub };
	X509 *certificate = d2i_X509(NULL, &data, (long)size);

	if (!certificate)
		return;
	check_name(&handshake, certificate);
	check_chain(&handshake, certificate);
	check_validity(&handshake, certificate);
	X509_free(certificate);
}

static void take_headers(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	MUST(text);
	memcpy(text, data, size);
	text[size] = '\0';
	date_of(text);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct check check = { .sink = take_step };

	setenv("SSL_CERT_FILE", "/dev/null", 1); /* reading the system's takes long */
	setenv("SSL_CERT_DIR", "/dev/null", 1);
	if (size == 0)
		return 0;
	if (data[0] % 3 == 0)
		hear(&check, data + 1, size - 1);
	else if (data[0] % 3 == 1)
		take_certificate(&check, data + 1, size - 1);
	else
		take_headers(data + 1, size - 1);
	ERR_clear_error();
	return 0;
}

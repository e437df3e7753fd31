/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A client that does what client.py and goodbye.py do, with GnuTLS:
 * gnutls AUTHORITY VERSION HOST PORT [END]. */
#include <gnutls/gnutls.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MSEC = 7000, LONG_PATIENCE_MSEC = 15000, QUIET_USEC = 1300000, LIFE_AFTER_SEC = 2 };

static gnutls_certificate_credentials_t authorities;
static gnutls_session_t secure;
static int plain;

static int connect_to(const char *host, const char *port)
{
	struct addrinfo *to, wanted = { .ai_socktype = SOCK_STREAM };
	int r;

	if (getaddrinfo(host, port, &wanted, &to) != 0)
		return -1;
	plain = socket(to->ai_family, to->ai_socktype, 0);
	r = plain < 0 ? -1 : connect(plain, to->ai_addr, to->ai_addrlen);
	freeaddrinfo(to);
	return r;
}

static int prepare(const char *authority, const char *version, unsigned patience)
{
	const char *versions = strcmp(version, "1.2") == 0 ? "NORMAL:-VERS-TLS1.3" : "NORMAL";

	if (gnutls_certificate_allocate_credentials(&authorities) < 0 ||
	    gnutls_certificate_set_x509_trust_file(authorities, authority, GNUTLS_X509_FMT_PEM) <
		    0 ||
	    gnutls_init(&secure, GNUTLS_CLIENT) < 0 ||
	    gnutls_priority_set_direct(secure, versions, NULL) < 0 ||
	    gnutls_credentials_set(secure, GNUTLS_CRD_CERTIFICATE, authorities) < 0)
		return -1;
	gnutls_session_set_verify_cert(secure, "hub.test", 0);
	gnutls_handshake_set_timeout(secure, patience);
	gnutls_record_set_timeout(secure, patience);
	gnutls_transport_set_int(secure, plain);
	return 0;
}

static int handshake(void)
{
	int r;

	do
		r = gnutls_handshake(secure);
	while (r < 0 && !gnutls_error_is_fatal(r));
	return r;
}

/* Session tickets of TLS 1.3 come between, and are no data. */
static ssize_t receive(char *buffer, size_t size)
{
	ssize_t r;

	do
		r = gnutls_record_recv(secure, buffer, size);
	while (r == GNUTLS_E_AGAIN || r == GNUTLS_E_INTERRUPTED);
	return r;
}

static void end(const char *how)
{
	static const struct linger at_once = { .l_onoff = 1 };
	char rest[64];

	if (strcmp(how, "later") == 0)
		usleep(QUIET_USEC);
	if (strcmp(how, "answer") != 0)
		gnutls_bye(secure, GNUTLS_SHUT_WR);
	if (strcmp(how, "abort") == 0) {
		setsockopt(plain, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		return;
	}
	while (receive(rest, sizeof(rest)) > 0)
		continue;
	if (strcmp(how, "answer") == 0)
		gnutls_bye(secure, GNUTLS_SHUT_WR);
}

int main(int argc, char **argv)
{
	char answer[6];

	if (argc < 5 || connect_to(argv[3], argv[4]) < 0 ||
	    prepare(argv[1], argv[2], argc == 6 ? LONG_PATIENCE_MSEC : PATIENCE_MSEC) < 0)
		return 1;
	if (handshake() >= 0) {
		gnutls_record_send(secure, "hello\n", 6);
		receive(answer, sizeof(answer));
		if (argc == 6)
			end(argv[5]);
		else
			gnutls_bye(secure, GNUTLS_SHUT_WR);
	}
	close(plain);
	if (argc == 6)
		sleep(LIFE_AFTER_SEC);
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opens sessions over TLS on loopback, one after the other, as fast as it goes:
 *
 *     handshake_loop TURNS SESSIONS CGROUP OTHER-CGROUP
 *
 * A session is a connection, a full handshake with a certificate that is verified, 1 KiB there and
 * 1 KiB back, and an orderly end. The hub is a child that stays out of both control groups. In each
 * turn, the program holds so many sessions in the one group and as many in the other, so that what
 * else the machine does falls on both alike. Prints a line a turn: the nanoseconds of this
 * program's processor time that a session took in the one and in the other. */
#include <arpa/inet.h>
#include <err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/join_cgroup.h"
#include "tests/bench/listen_on_loopback.h"

enum { MESSAGE_SIZE = 1024, DAY = 24 * 60 * 60 };

static uint64_t processor_time(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void demand(int good, const char *what)
{
	if (good <= 0)
		errx(EXIT_FAILURE, "cannot %s", what);
}

/* A certificate that vouches for itself. */
static X509 *make_certificate(EVP_PKEY *key)
{
	X509 *certificate = X509_new();
	X509_NAME *name = X509_get_subject_name(certificate);

	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY);
	X509_gmtime_adj(X509_getm_notAfter(certificate), DAY);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"hub", -1, -1,
				   0);
	X509_set_issuer_name(certificate, name);
	X509_set_pubkey(certificate, key);
	demand(X509_sign(certificate, key, EVP_sha256()), "sign the certificate");
	return certificate;
}

static void exchange(SSL *ssl, bool sends_first)
{
	char message[MESSAGE_SIZE] = "";

	for (int turn = 0; turn < 2; turn++) {
		if (sends_first == (turn == 0)) {
			demand(SSL_write(ssl, message, sizeof(message)) == MESSAGE_SIZE, "write");
			continue;
		}
		for (int got = 0, n; got < MESSAGE_SIZE; got += n) {
			n = SSL_read(ssl, message, sizeof(message));
			demand(n, "read");
		}
	}
}

static void serve(int listener, X509 *certificate, EVP_PKEY *key)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	demand(SSL_CTX_use_certificate(context, certificate), "use the certificate");
	demand(SSL_CTX_use_PrivateKey(context, key), "use the key");
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		SSL *ssl = SSL_new(context);

		SSL_set_fd(ssl, fd);
		if (SSL_accept(ssl) == 1)
			exchange(ssl, false);
		SSL_shutdown(ssl);
		SSL_free(ssl);
		close(fd);
	}
}

static void hold_session(SSL_CTX *context, const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	SSL *ssl = SSL_new(context);

	if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		err(EXIT_FAILURE, "cannot connect");
	SSL_set_fd(ssl, fd);
	demand(SSL_connect(ssl), "shake hands");
	exchange(ssl, true);
	SSL_shutdown(ssl);
	SSL_free(ssl);
	close(fd);
}

/* Nanoseconds a session. */
static double hold_sessions(SSL_CTX *context, const struct sockaddr_in *address, int count,
			    const char *group)
{
	uint64_t before;

	join_cgroup(group);
	before = processor_time();
	for (int i = 0; i < count; i++)
		hold_session(context, address);
	return (double)(processor_time() - before) / count;
}

int main(int argc, char **argv)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = make_certificate(key);
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	struct sockaddr_in address;
	int listener = listen_on_loopback(&address);
	pid_t parent = getpid(), hub;

	if (argc != 5)
		errx(EXIT_FAILURE, "usage: handshake_loop TURNS SESSIONS CGROUP OTHER-CGROUP");
	hub = fork();
	if (hub == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			serve(listener, certificate, key);
		_exit(EXIT_SUCCESS);
	}
	if (hub < 0)
		err(EXIT_FAILURE, "cannot fork");
	demand(X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate), "trust the hub");
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	for (int turn = atoi(argv[1]); turn > 0; turn--) {
		double one = hold_sessions(context, &address, atoi(argv[2]), argv[3]);
		double other = hold_sessions(context, &address, atoi(argv[2]), argv[4]);

		printf("%.1f %.1f\n", one, other);
	}
	kill(hub, SIGKILL);
	return EXIT_SUCCESS;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A client that does what client.py does, with mbedTLS: mbedtls AUTHORITY VERSION HOST PORT; and
 * what goodbye.py does, with END. Debian's mbedTLS is 2.28, which has no TLS 1.3: VERSION is 1.2.
 */
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MSEC = 7000, QUIET_USEC = 1300000, LIFE_AFTER_SEC = 2 };

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context random_numbers;
static mbedtls_x509_crt authority;
static mbedtls_net_context connection;
static mbedtls_ssl_config config;
static mbedtls_ssl_context secure;

static int prepare(const char *file)
{
	mbedtls_entropy_init(&entropy);
	mbedtls_ctr_drbg_init(&random_numbers);
	mbedtls_x509_crt_init(&authority);
	mbedtls_net_init(&connection);
	mbedtls_ssl_config_init(&config);
	mbedtls_ssl_init(&secure);
	if (mbedtls_ctr_drbg_seed(&random_numbers, mbedtls_entropy_func, &entropy, NULL, 0) ||
	    mbedtls_x509_crt_parse_file(&authority, file) ||
	    mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_CLIENT,
					MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT))
		return -1;
	mbedtls_ssl_conf_ca_chain(&config, &authority, NULL);
	mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &random_numbers);
	mbedtls_ssl_conf_read_timeout(&config, PATIENCE_MSEC);
	return mbedtls_ssl_setup(&secure, &config) || mbedtls_ssl_set_hostname(&secure, "hub.test");
}

static void end(const char *how)
{
	static const struct linger at_once = { .l_onoff = 1 };
	unsigned char rest[64];

	if (strcmp(how, "later") == 0)
		usleep(QUIET_USEC);
	if (strcmp(how, "answer") != 0)
		mbedtls_ssl_close_notify(&secure);
	if (strcmp(how, "abort") == 0) {
		setsockopt(connection.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		close(connection.fd); /* mbedtls_net_free() would send a FIN before it */
		connection.fd = -1;
		return;
	}
	while (mbedtls_ssl_read(&secure, rest, sizeof(rest)) > 0)
		continue;
	if (strcmp(how, "answer") == 0)
		mbedtls_ssl_close_notify(&secure);
}

int main(int argc, char **argv)
{
	unsigned char answer[6];

	if (argc < 5 || prepare(argv[1]) ||
	    mbedtls_net_connect(&connection, argv[3], argv[4], MBEDTLS_NET_PROTO_TCP))
		return 1;
	mbedtls_ssl_set_bio(&secure, &connection, mbedtls_net_send, NULL, mbedtls_net_recv_timeout);
	if (mbedtls_ssl_handshake(&secure) == 0) {
		mbedtls_ssl_write(&secure, (const unsigned char *)"hello\n", 6);
		mbedtls_ssl_read(&secure, answer, sizeof(answer));
		if (argc == 6)
			end(argv[5]);
		else
			mbedtls_ssl_close_notify(&secure);
	}
	mbedtls_net_free(&connection);
	if (argc == 6)
		sleep(LIFE_AFTER_SEC);
	return 0;
}

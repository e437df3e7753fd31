/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"

#define DAY ((time_t)24 * 60 * 60)

/* Hubs renew their certificates weeks before the end; tokens fail if the clock is minutes off. */
enum { DAYS_LEFT_MIN = 14, CLOCK_OFF_MAX = 60 };

#define HTTPS_PORT 443

#if OPENSSL_VERSION_NUMBER < 0x30000000L
#define SSL_get1_peer_certificate SSL_get_peer_certificate
#endif

DEFINE_CLEANUP(SSL_CTX *, SSL_CTX_free);
DEFINE_CLEANUP(X509 *, X509_free);
DEFINE_CLEANUP(GENERAL_NAMES *, GENERAL_NAMES_free);

struct handshake {
	struct check *check;
	const struct way *way;
	SSL *ssl;
	int fd;
	bool client_certificate_wanted;
	int chain_error; /* the first X509_V_ERR_ that is not about time */
};

/* ---- the handshake */

static int on_client_certificate(SSL *ssl, X509 **certificate, EVP_PKEY **key)
{
	struct handshake *handshake = SSL_get_app_data(ssl);

	(void)certificate, (void)key;
	handshake->client_certificate_wanted = true;
	return 0; /* we have none */
}

static bool is_about_time(int error)
{
	return error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID;
}

/* Accepts every certificate, so that all faults can be reported. */
static int on_chain(int good, X509_STORE_CTX *chain)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct handshake *handshake = SSL_get_app_data(ssl);
	int error = X509_STORE_CTX_get_error(chain);

	/* the validity of the hub's own certificate is a step of its own */
	if (!good && handshake->chain_error == X509_V_OK &&
	    !(is_about_time(error) && X509_STORE_CTX_get_error_depth(chain) == 0))
		handshake->chain_error = error;
	return 1;
}

static bool is_address(const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

/* Waits until OpenSSL can continue. Returns false on an error or a timeout (errno ETIMEDOUT). */
static bool wait_for(struct handshake *handshake, int result)
{
	struct pollfd poll_fd = { .fd = handshake->fd };
	int r;

	switch (SSL_get_error(handshake->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		poll_fd.events = POLLIN;
		break;
	case SSL_ERROR_WANT_WRITE:
		poll_fd.events = POLLOUT;
		break;
	default:
		return false;
	}
	do
		r = poll(&poll_fd, 1, check_patience(handshake->check));
	while (r < 0 && errno == EINTR);
	if (r == 0)
		errno = ETIMEDOUT;
	return r > 0;
}

static const char *why_not(void)
{
	unsigned long error = ERR_peek_error();
	const char *reason = error ? ERR_reason_error_string(error) : NULL;

	if (reason)
		return reason;
	if (errno == ETIMEDOUT)
		return "no answer";
	return errno ? strerror(errno) : "the other side closed the connection";
}

static bool shake_hands(struct handshake *handshake)
{
	struct check *check = handshake->check;
	int r;

	check_begin(check);
	ERR_clear_error();
	do {
		errno = 0;
		r = SSL_connect(handshake->ssl);
	} while (r != 1 && wait_for(handshake, r));
	if (r == 1)
		return check_tell(
			check, "tls", CHECK_OK, "%s, %s%s", SSL_get_version(handshake->ssl),
			SSL_get_cipher_name(handshake->ssl),
			handshake->client_certificate_wanted ? "; it asks for a client certificate"
							     : "");
	if (handshake->client_certificate_wanted)
		return check_tell(check, "tls", CHECK_WARNING,
				  "it insists on a client certificate, which is the agent's to "
				  "show (%s)",
				  why_not());
	return check_tell(check, "tls", CHECK_FAILED, "%s", why_not());
}

/* ---- the certificate */

/* Lists the names in a certificate, as many as fit into `size` bytes. */
static void list_names(X509 *certificate, char *text, size_t size)
{
	_cleanup_(GENERAL_NAMES_free_held) GENERAL_NAMES *names =
		X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);

	text[0] = '\0';
	for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		size_t used = strlen(text);

		if (name->type == GEN_DNS)
			snprintf(text + used, size - used, "%s%.*s", used ? ", " : "",
				 ASN1_STRING_length(name->d.dNSName),
				 ASN1_STRING_get0_data(name->d.dNSName));
	}
	if (!*text)
		X509_NAME_oneline(X509_get_subject_name(certificate), text, (int)size);
}

/* Returns true if the certificate is for the hub. */
static bool check_name(struct handshake *handshake, X509 *certificate)
{
	const char *host = handshake->way->host;
	char names[STEP_TEXT_SIZE / 2];
	bool matches = is_address(host) ? X509_check_ip_asc(certificate, host, 0) == 1
					: X509_check_host(certificate, host, 0, 0, NULL) == 1;

	list_names(certificate, names, sizeof(names));
	if (matches)
		return check_tell(handshake->check, "name", CHECK_OK, "the certificate is for %s",
				  names);
	return check_tell(handshake->check, "name", CHECK_FAILED,
			  "the certificate is for %s, not for %s", names, host);
}

static void check_chain(struct handshake *handshake, X509 *certificate)
{
	char issuer[STEP_TEXT_SIZE / 4];

	X509_NAME_oneline(X509_get_issuer_name(certificate), issuer, sizeof(issuer));
	if (handshake->chain_error == X509_V_OK)
		check_tell(handshake->check, "chain", CHECK_OK, "issued by %s", issuer);
	else
		check_tell(handshake->check, "chain", CHECK_FAILED, "issued by %s: %s", issuer,
			   X509_verify_cert_error_string(handshake->chain_error));
}

static time_t seconds_of(const ASN1_TIME *time)
{
	struct tm parts = { 0 };

	return ASN1_TIME_to_tm(time, &parts) == 1 ? timegm(&parts) : 0;
}

static const char *day(time_t time, char text[static 32])
{
	struct tm parts;

	strftime(text, 32, "%Y-%m-%d %H:%M", gmtime_r(&time, &parts));
	return text;
}

/* Checks the certificate's validity. Returns true if this host's clock is within it. */
static bool check_validity(struct handshake *handshake, X509 *certificate)
{
	time_t from = seconds_of(X509_get0_notBefore(certificate));
	time_t to = seconds_of(X509_get0_notAfter(certificate)), here = time(NULL);
	char begin[32], end[32], now[32];
	struct check *check = handshake->check;

	day(from, begin), day(to, end), day(here, now);
	if (here > to)
		return check_tell(check, "validity", CHECK_FAILED,
				  "the certificate expired %s UTC; this host's clock says %s", end,
				  now);
	if (here < from)
		return check_tell(check, "validity", CHECK_FAILED,
				  "the certificate is valid from %s UTC on; this host's clock says "
				  "%s: it is likely wrong",
				  begin, now);
	return check_tell(
		check, "validity", to - here < DAYS_LEFT_MIN * DAY ? CHECK_WARNING : CHECK_OK,
		"from %s to %s UTC, %lld days left", begin, end, (long long)((to - here) / DAY));
}

/* ---- the clock */

static bool send_request(struct handshake *handshake)
{
	char request[512];
	int length = snprintf(request, sizeof(request),
			      "HEAD / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
			      handshake->way->host);
	int r;

	if (length < 0 || (size_t)length >= sizeof(request))
		return false;
	do
		r = SSL_write(handshake->ssl, request, length);
	while (r <= 0 && wait_for(handshake, r));
	return r > 0;
}

/* Reads up to the end of the headers, or to the end of the data. */
static void read_headers(struct handshake *handshake, char *text, size_t size)
{
	size_t used = 0;
	int r;

	do {
		r = SSL_read(handshake->ssl, text + used, (int)(size - used - 1));
		if (r > 0)
			used += (size_t)r;
		text[used] = '\0';
	} while (used + 1 < size && !strstr(text, "\r\n\r\n") && (r > 0 || wait_for(handshake, r)));
}

/* Returns the time of the Date header (RFC 9110, 5.6.7: IMF-fixdate), or 0 if there is none. */
static time_t date_of(const char *headers)
{
	const char *date = strcasestr(headers, "\r\nDate:");
	struct tm parts = { 0 };

	if (!date)
		return 0;
	date += strlen("\r\nDate:");
	return strptime(date, " %a, %d %b %Y %H:%M:%S GMT", &parts) ? timegm(&parts) : 0;
}

static void check_clock_by_http(struct handshake *handshake)
{
	char headers[8192] = "";
	time_t date = 0;
	long long ahead;

	check_begin(handshake->check);
	if (send_request(handshake))
		read_headers(handshake, headers, sizeof(headers));
	date = date_of(headers);
	ahead = (long long)time(NULL) - date;
	if (!date)
		check_tell(handshake->check, "clock", CHECK_SKIPPED, "the server told no date");
	else
		check_tell(handshake->check, "clock",
			   llabs(ahead) > CLOCK_OFF_MAX ? CHECK_FAILED : CHECK_OK,
			   "this host is %lld s %s the server", llabs(ahead),
			   ahead < 0 ? "behind" : "ahead of");
}

/* Compares this host's clock with the server's Date header. TLS itself no longer has the time (RFC
 * 8446, 4.1.3). */
static void check_clock(struct handshake *handshake, bool valid)
{
	if (handshake->way->port == HTTPS_PORT && SSL_is_init_finished(handshake->ssl))
		check_clock_by_http(handshake);
	else
		check_tell(handshake->check, "clock", CHECK_SKIPPED, "not told by this port%s",
			   valid ? "; it lies within the certificate's validity" : "");
}

/* ---- all of it */

static bool set_up(struct handshake *handshake, SSL_CTX *context)
{
	const struct way *way = handshake->way;

	SSL_CTX_set_client_cert_cb(context, on_client_certificate);
	if (way->authorities ? SSL_CTX_load_verify_locations(context, way->authorities, NULL) != 1
			     : SSL_CTX_set_default_verify_paths(context) != 1)
		return check_tell(handshake->check, "tls", CHECK_FAILED,
				  "cannot read the authorities in %s",
				  way->authorities ? way->authorities : "the system's store");
	handshake->ssl = SSL_new(context);
	if (!handshake->ssl || SSL_set_fd(handshake->ssl, handshake->fd) != 1)
		return check_tell(handshake->check, "tls", CHECK_FAILED, "no memory");
	SSL_set_app_data(handshake->ssl, handshake);
	SSL_set_verify(handshake->ssl, SSL_VERIFY_PEER, on_chain);
	if (!is_address(way->host))
		SSL_set_tlsext_host_name(handshake->ssl, way->host);
	return true;
}

static void look_at_certificate(struct handshake *handshake)
{
	_cleanup_(X509_free_held) X509 *certificate = SSL_get1_peer_certificate(handshake->ssl);
	bool valid;

	if (!certificate)
		return;
	if (check_name(handshake, certificate))
		handshake->check->certificate_ends = seconds_of(X509_get0_notAfter(certificate));
	check_chain(handshake, certificate);
	valid = check_validity(handshake, certificate);
	check_clock(handshake, valid);
}

void check_tls(struct check *check, const struct way *way, int fd)
{
	_cleanup_(SSL_CTX_free_held) SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	struct handshake handshake = { .check = check, .way = way, .fd = fd };

	signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
	if (context && set_up(&handshake, context) && shake_hands(&handshake))
		look_at_certificate(&handshake);
	SSL_free(handshake.ssl);
}

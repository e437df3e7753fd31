/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads messages of sock_diag; no bad one is read beyond its end (ASan watches). */
#include "sources/socket_diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

/* Attributes are aligned to 4 bytes, struct tcp_info is not aligned to 8. */
struct __attribute__((packed)) message {
	struct nlmsghdr header;
	struct inet_diag_msg socket;
	struct nlattr info_header;
	struct tcp_info info;
	struct nlattr shutdown_header; /* one that is not looked at */
	char shutdown[4];
};

enum { INFO_SIZE = sizeof(struct nlattr) + sizeof(struct tcp_info) };

static struct message good_message(void)
{
	struct message message = {
		.header = { .nlmsg_len = sizeof(message) },
		.socket = { .idiag_family = AF_INET,
			    .idiag_state = TCP_STATE_ESTABLISHED,
			    .idiag_inode = 4711,
			    .idiag_rqueue = 10,
			    .idiag_wqueue = 20,
			    .id = { .idiag_sport = htons(50000),
				    .idiag_dport = htons(8883),
				    .idiag_cookie = { 7, 1 } } },
		.info_header = { INFO_SIZE, INET_DIAG_INFO },
		.info = { .tcpi_segs_in = 3,
			  .tcpi_last_data_recv = 1500,
			  .tcpi_snd_wnd = 65535,
			  .tcpi_bytes_acked = 6 },
		.shutdown_header = { sizeof(struct nlattr) + 1, INET_DIAG_SHUTDOWN },
	};

	message.socket.id.idiag_src[0] = inet_addr("192.0.2.7");
	message.socket.id.idiag_dst[0] = inet_addr("198.51.100.9");
	return message;
}

/* Parses a copy of the first `size` bytes that ends where its memory ends. */
static int parse(const struct message *message, size_t size, struct socket_look *look)
{
	void *copy = malloc(size);
	int r;

	memcpy(copy, message, size);
	r = socket_diag_parse(copy, size, look);
	free(copy);
	return r;
}

static void a_message_is_read(void)
{
	struct message message = good_message();
	char text[ENDPOINT_TEXT_SIZE];
	struct socket_look look;

	CU_ASSERT_EQUAL_FATAL(parse(&message, sizeof(message), &look), 0);
	CU_ASSERT_EQUAL(look.cookie, UINT64_C(1) << 32 | 7);
	CU_ASSERT_EQUAL(look.state, TCP_STATE_ESTABLISHED);
	CU_ASSERT_EQUAL(look.inode, 4711);
	CU_ASSERT_EQUAL(look.unread, 10);
	CU_ASSERT_EQUAL(look.unacked, 20);
	CU_ASSERT_STRING_EQUAL(endpoint_format(&look.local, text), "192.0.2.7:50000");
	CU_ASSERT_STRING_EQUAL(endpoint_format(&look.peer, text), "198.51.100.9:8883");
	CU_ASSERT_TRUE(look.counted);
	CU_ASSERT_EQUAL(look.segments_in, 3);
	CU_ASSERT_EQUAL(look.idle_rx, 1500 * USEC_PER_MSEC);
	CU_ASSERT_EQUAL(look.send_window, 65535);
}

static void a_mapped_address_is_the_one_behind_it(void)
{
	struct message message = good_message();
	char text[ENDPOINT_TEXT_SIZE];
	struct socket_look look;

	message.socket.idiag_family = AF_INET6;
	message.socket.id.idiag_src[0] = htonl(0x20010db8);
	memset(message.socket.id.idiag_dst, 0, sizeof(message.socket.id.idiag_dst));
	message.socket.id.idiag_dst[2] = htonl(0xffff);
	message.socket.id.idiag_dst[3] = inet_addr("198.51.100.9");
	CU_ASSERT_EQUAL_FATAL(parse(&message, sizeof(message), &look), 0);
	CU_ASSERT_STRING_EQUAL(endpoint_format(&look.local, text), "[2001:db8::]:50000");
	CU_ASSERT_STRING_EQUAL(endpoint_format(&look.peer, text), "198.51.100.9:8883");
}

static void a_header_that_is_too_long_is_not_believed(void)
{
	static const uint32_t lengths[] = { sizeof(struct message) + 1, INT32_MAX, 1U << 31,
					    UINT32_MAX };
	struct message message = good_message();
	struct socket_look look;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		message.header.nlmsg_len = lengths[i];
		CU_ASSERT_EQUAL(parse(&message, sizeof(message), &look), -EBADMSG);
	}
}

/* Cut off, and cut off with a header that fits the rest. */
static void what_is_cut_off_is_not_read(void)
{
	for (size_t size = 0; size < sizeof(struct message); size++) {
		struct message message = good_message();
		struct socket_look look;

		CU_ASSERT_EQUAL(parse(&message, size, &look), -EBADMSG);
		if (size < sizeof(message.header))
			continue;
		message.header.nlmsg_len = (uint32_t)size;
		if (parse(&message, size, &look) == 0)
			CU_ASSERT_TRUE(size >= offsetof(struct message, info_header));
	}
}

static void lengths_of_attributes_are_not_believed(void)
{
	static const uint16_t lengths[] = {
		0, 1, 3, 4, 5, 100, INFO_SIZE - 1, INFO_SIZE + 100, UINT16_MAX
	};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct message message = good_message();
		struct socket_look look;

		message.info_header.nla_len = lengths[i];
		parse(&message, sizeof(message), &look);
		message.info_header.nla_type = INET_DIAG_ULP_INFO; /* holds attributes itself */
		parse(&message, sizeof(message), &look);
	}
}

static void counters_of_an_old_kernel_do_not_count(void)
{
	struct message message = good_message();
	struct socket_look look;

	message.info_header.nla_len =
		sizeof(struct nlattr) + offsetof(struct tcp_info, tcpi_snd_wnd);
	message.header.nlmsg_len =
		(uint32_t)(offsetof(struct message, info_header) + message.info_header.nla_len);
	CU_ASSERT_EQUAL(parse(&message, message.header.nlmsg_len, &look), 0);
	CU_ASSERT_FALSE(look.counted);
}

static void a_subflow_shows(void)
{
	struct message message = good_message();
	struct nlattr nested = { sizeof(nested), INET_ULP_INFO_MPTCP };
	struct socket_look look;

	message.info_header.nla_type = INET_DIAG_ULP_INFO | NLA_F_NESTED;
	memcpy(&message.info, &nested, sizeof(nested));
	CU_ASSERT_EQUAL(parse(&message, sizeof(message), &look), 0);
	CU_ASSERT_TRUE(look.subflow);
}

static void values_outside_their_lists_are_refused(void)
{
	struct message message = good_message();
	struct socket_look look;

	message.socket.idiag_state = TCP_STATE_MAX;
	CU_ASSERT_EQUAL(parse(&message, sizeof(message), &look), -ERANGE);
	message.socket.idiag_state = 0;
	CU_ASSERT_EQUAL(parse(&message, sizeof(message), &look), -ERANGE);
	message = good_message();
	message.socket.idiag_family = AF_UNIX;
	CU_ASSERT_EQUAL(parse(&message, sizeof(message), &look), -ERANGE);
}

SUITE("socket diag", { "a message is read", a_message_is_read },
      { "a mapped address is the one behind it", a_mapped_address_is_the_one_behind_it },
      { "what is cut off is not read", what_is_cut_off_is_not_read },
      { "a header that is too long is not believed", a_header_that_is_too_long_is_not_believed },
      { "lengths of attributes are not believed", lengths_of_attributes_are_not_believed },
      { "counters of an old kernel do not count", counters_of_an_old_kernel_do_not_count },
      { "a subflow shows", a_subflow_shows },
      { "values outside their lists are refused", values_outside_their_lists_are_refused })

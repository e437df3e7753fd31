/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads answers of ctnetlink; no bad one is read beyond its end (ASan watches). */
#include "sources/flow_tracking.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

enum { ROOM = 512 };

static void put_tuple(struct nlmsghdr *header, int type, const char *from, uint16_t from_port,
		      const char *to, uint16_t to_port)
{
	struct nlattr *tuple = mnl_attr_nest_start(header, (uint16_t)type);
	struct nlattr *part = mnl_attr_nest_start(header, CTA_TUPLE_IP);

	mnl_attr_put_u32(header, CTA_IP_V4_SRC, inet_addr(from));
	mnl_attr_put_u32(header, CTA_IP_V4_DST, inet_addr(to));
	mnl_attr_nest_end(header, part);
	part = mnl_attr_nest_start(header, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(header, CTA_PROTO_NUM, IPPROTO_TCP);
	mnl_attr_put_u16(header, CTA_PROTO_SRC_PORT, htons(from_port));
	mnl_attr_put_u16(header, CTA_PROTO_DST_PORT, htons(to_port));
	mnl_attr_nest_end(header, part);
	mnl_attr_nest_end(header, tuple);
}

/* An entry whose port and address are translated. Returns its size. */
static size_t put_entry(char buffer[static ROOM])
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);

	header->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
	mnl_nlmsg_put_extra_header(header, sizeof(struct nfgenmsg));
	put_tuple(header, CTA_TUPLE_ORIG, "172.17.0.2", 40000, "198.51.100.9", 8883);
	put_tuple(header, CTA_TUPLE_REPLY, "198.51.100.9", 8883, "192.0.2.7", 51234);
	mnl_attr_put_u32(header, CTA_STATUS, 0);
	return header->nlmsg_len;
}

/* In memory that ends where the message ends. */
static int parse(const char *message, size_t size, struct translation *translation)
{
	void *exact = malloc(size);
	int r;

	memcpy(exact, message, size);
	r = flow_tracking_parse(exact, size, translation);
	free(exact);
	return r;
}

static void the_way_of_answers_is_read(void)
{
	struct translation translation;
	char message[ROOM];
	char text[ENDPOINT_TEXT_SIZE];
	size_t size = put_entry(message);

	CHECK(parse(message, size, &translation) == 0, "is read");
	CHECK(strcmp(endpoint_format(&translation.from, text), "198.51.100.9:8883") == 0, "from");
	CHECK(strcmp(endpoint_format(&translation.to, text), "192.0.2.7:51234") == 0, "to");
}

static void an_error_is_told(void)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
	} message = {
		.header = { .nlmsg_len = sizeof(message), .nlmsg_type = NLMSG_ERROR },
		.error = { .error = -ENOENT },
	};
	struct translation translation;

	CHECK(parse((char *)&message, sizeof(message), &translation) == -ENOENT, "no entry");
	message.error.error = 0;
	CHECK(parse((char *)&message, sizeof(message), &translation) == -EBADMSG, "no error");
}

static void what_is_short_or_foreign_is_refused(void)
{
	struct translation translation;
	char message[ROOM];
	size_t size = put_entry(message);

	for (size_t shorter = 1; shorter < size; shorter++) {
		((struct nlmsghdr *)message)->nlmsg_len = (uint32_t)shorter;
		if (parse(message, shorter, &translation) == 0)
			CHECK(translation.from.family && translation.to.family, "short");
	}
	put_entry(message);
	((struct nlmsghdr *)message)->nlmsg_type = NFNL_SUBSYS_QUEUE << 8;
	CHECK(parse(message, size, &translation) == -EBADMSG, "of another part of the kernel");
}

SUITE("connection tracking", { "the way of answers is read", the_way_of_answers_is_read },
      { "an error is told", an_error_is_told },
      { "what is short or foreign is refused", what_is_short_or_foreign_is_refused })

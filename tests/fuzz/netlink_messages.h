/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Input that is messages of netlink, one after the other. */
#pragma once

#include <netlink/msg.h>

#include "fuzz.h"

/* Takes the next message off the input, to be freed by the caller; NULL: there is none. libnl reads
 * no message whose length is not that of what was received: such a one goes up to the end. */
static inline struct nl_msg *next_message(const uint8_t **data, size_t *size)
{
	struct nlmsghdr header;
	struct nl_msg *message;

	if (*size < sizeof(header))
		return NULL;
	memcpy(&header, *data, sizeof(header));
	if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > *size)
		header.nlmsg_len = (uint32_t)*size;
	message = nlmsg_alloc_size(header.nlmsg_len);
	MUST(message);
	memcpy(nlmsg_hdr(message), *data, header.nlmsg_len);
	nlmsg_hdr(message)->nlmsg_len = header.nlmsg_len;
	*data += header.nlmsg_len;
	*size -= header.nlmsg_len;
	return message;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Netlink messages of any content: none is read beyond its end, one that is not understood is an
 * error, and any two looks at a socket give an end. */
#include <errno.h>
#include <linux/netlink.h>

#include "events/socket_look.h"
#include "fuzz.h"
#include "sources/flow_tracking.h"
#include "sources/process_events.h"
#include "sources/socket_diag.h"

static void check_facts(const struct socket_facts *facts)
{
	MUST(facts->state < TCP_STATE_MAX);
	MUST(facts->state_before < TCP_STATE_MAX);
}

static void take_look(struct socket_look *last, const struct socket_look *look)
{
	struct socket_facts facts = socket_look_facts(look);

	check_facts(&facts);
	if (socket_look_closing(look, &facts))
		check_facts(&facts);
	facts = socket_look_ended(last, look, look->state == TCP_STATE_TIME_WAIT, USEC_PER_SEC);
	check_facts(&facts);
	facts = socket_look_ended(look, NULL, false, USEC_PER_MINUTE);
	check_facts(&facts);
	*last = *look;
}

/* `message` ends where its memory ends, so that ASan sees a byte too many. */
static void take_message(const void *message, size_t size, struct socket_look *last)
{
	struct translation translation;
	struct process_notice notice;
	struct socket_look look;
	int r = socket_diag_parse(message, size, &look);

	MUST(r == 0 || r == -EBADMSG || r == -ERANGE);
	if (r == 0)
		take_look(last, &look);
	r = process_events_parse(message, size, &notice);
	MUST(r == 0 || r == -EBADMSG || r == -ENOMSG);
	MUST(r != 0 || notice.type <= PROCESS_EXITED);
	r = flow_tracking_parse(message, size, &translation);
	MUST(r < 0 || (translation.from.family && translation.to.family));
}

/* Returns the length that the message states, or that of the rest if it is less. */
static size_t message_size(const uint8_t *data, size_t size)
{
	uint32_t length = 0;

	if (size < sizeof(struct nlmsghdr))
		return size;
	memcpy(&length, data, sizeof(length));
	length = NLMSG_ALIGN(length);
	return length > 0 && length < size ? length : size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct socket_look last = { .state = TCP_STATE_ESTABLISHED };

	while (size > 0) {
		size_t whole = message_size(data, size);
		void *message = malloc(whole);

		MUST(message);
		memcpy(message, data, whole);
		take_message(message, whole, &last);
		free(message);
		data += whole;
		size -= whole;
	}
	return 0;
}

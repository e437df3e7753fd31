/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "namespace/service.h"

#include <linux/netlink.h>
#include <stdbool.h>

#include "namespace/network.h"
#include "support/cleanup.h"
#include "support/descriptor_message.h"

/* as in units/connwatch-namespace.socket */
static const char service[] = "/run/connwatch/namespace";

/* ---- who asks */

static int ask(int namespace, int protocol)
{
	_cleanup_close_ int connection = descriptor_message_connect(service);
	_cleanup_close_ int netlink = -1;
	int result = 0, r = connection;

	if (r >= 0)
		r = descriptor_message_send(connection, &protocol, sizeof(protocol), &namespace, 1);
	if (r >= 0)
		r = descriptor_message_receive(connection, &result, sizeof(result), &netlink, 1);
	if (r < 0 || result < 0)
		return r < 0 ? r : result;
	return r == 1 ? STEAL_FD(netlink) : -ECONNRESET;
}

int namespace_service_open(int namespace, int protocol)
{
	int r = network_namespace_netlink(namespace, protocol);

	return r == -EPERM ? ask(namespace, protocol) : r;
}

/* ---- who answers */

static bool may_be_had(int protocol)
{
	return protocol == NETLINK_ROUTE || protocol == NETLINK_SOCK_DIAG;
}

int namespace_service_answer(int connection)
{
	_cleanup_close_ int namespace = -1, netlink = -1;
	int protocol, result = -EINVAL, r = descriptor_message_limit(connection);

	if (r >= 0)
		r = descriptor_message_receive(connection, &protocol, sizeof(protocol), &namespace,
					       1);
	if (r < 0)
		return r;
	if (namespace >= 0 && may_be_had(protocol))
		result = netlink = network_namespace_netlink(namespace, protocol);
	result = result < 0 ? result : 0;
	return descriptor_message_send(connection, &result, sizeof(result), &netlink, netlink >= 0);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fleet/advice.h"

#include <stddef.h>

/* Shorter than the catalog's: of many devices, nobody looks at each. */
static const char *const advice[CAUSE_MAX] = {
	[CAUSE_UNKNOWN] = "Record the events of one of the devices (connwatchctl watch --record) "
			  "and report them.",
	[CAUSE_EVIDENCE_LOST] = "Watch fewer connections: set Peer= in the agents' settings.",
	[CAUSE_AGENT_CRASH] = "Compare versions (--by=), and look at a core dump (coredumpctl).",
	[CAUSE_AGENT_OOM] = "Look for a leak in the agent, or raise MemoryMax= of its unit.",
	[CAUSE_AGENT_EXIT] = "Read the agent's last lines; Restart= in its unit starts it again.",
	[CAUSE_AGENT_STOPPED] = "Nothing, if it was meant.",
	[CAUSE_AGENT_HANG] = "See what the agent waits for; give its unit a WatchdogSec=.",
	[CAUSE_AGENT_ABORT] = "A bug in the agent or its SDK, not in the network: use a newer SDK.",
	[CAUSE_AGENT_CLOSE] = "Read the agent's log; at regular intervals, it may renew a token.",
	[CAUSE_TOKEN_RENEWAL] = "Nothing.",
	[CAUSE_AGENT_NOT_RECONNECTING] = "Restart the agent (OnAgentNotReconnecting=), and use a "
					 "newer SDK.",
	[CAUSE_TOKEN_EXPIRED] = "Use an SDK that renews its token before it expires, or accept the "
				"gap. A restart does not help.",
	[CAUSE_PEER_IDLE_TIMEOUT] = "Find out why the agents were silent, before the keep-alive is "
				    "changed.",
	[CAUSE_SESSION_REJECTED] = "Check credentials, the devices' clocks and the quota. A "
				   "restart does not help.",
	[CAUSE_SESSION_TAKEOVER] = "Find the other client with the same identity: a cloned image, "
				   "an agent started twice.",
	[CAUSE_SERVICE_TRANSIENT] = "Look at the service's status page. Let agents retry with "
				    "back-off; do not restart a whole fleet.",
	[CAUSE_CONNECT_REFUSED] = "Check the hub's name, its port and the firewalls on the path.",
	[CAUSE_PEER_RESET] = "Compare ages and idle times: the same age points to the token, the "
			     "same idle time to a NAT or load balancer.",
	[CAUSE_PEER_CLOSE] = "Compare ages: regular intervals point to the token, lives of seconds "
			     "to rejected sessions.",
	[CAUSE_TLS_REFUSED_BY_AGENT] = "Compare the hub's certificate with what the devices trust, "
				       "and look at their clocks.",
	[CAUSE_TLS_REFUSED_BY_HUB] = "Check that the client certificates are valid and registered "
				     "at the hub.",
	[CAUSE_TLS_NOT_SPOKEN] = "See what answers in place of the hub: a portal or a proxy.",
	[CAUSE_TLS_STALLED] = "Look for large packets that are lost on the path (MTU), or a hub "
			      "that hangs.",
	[CAUSE_NAME_NOT_FOUND] = "Look at the name servers of these sites, and at the hub's name.",
	[CAUSE_NAME_SERVER_FAILING] = "Look at the name servers of these sites.",
	[CAUSE_NAME_SERVER_SILENT] = "See whether the name servers can be reached, and whether a "
				     "firewall drops port 53.",
	[CAUSE_LINK_DOWN] = "Look at the link, the modem or the access point.",
	[CAUSE_WIFI_DISCONNECTED] =
		"Read the reasons in CONNWATCH_EVIDENCE, then look at the access "
		"point and at the signal there.",
	[CAUSE_MODEM_DISCONNECTED] =
		"Look at the coverage there, the SIM cards and their contracts.",
	[CAUSE_NO_ROUTE] = "See which route is missing on the devices.",
	[CAUSE_ADDRESS_CHANGED] = "Look at DHCP leases, or at the sessions of the mobile network.",
	[CAUSE_UNREACHABLE] = "See how far packets get (traceroute), and ask that network.",
	[CAUSE_PATH_SILENT] = "Test the path, compare sites (--by=), and ask their networks.",
	[CAUSE_PATH_MTU] =
		"Lower the MTU of these sites' links, or let ICMP \"fragmentation needed\" "
		"through.",
	[CAUSE_PATH_HALF] = "Compare sites (--by=), and see which family or direction is lost.",
	[CAUSE_IDLE_DROP] = "Make the keep-alive shorter than the idle timeout of the NAT or load "
			    "balancer (4 minutes at an Azure load balancer).",
	[CAUSE_MIDDLEBOX_RESET] = "Ask for the log of the firewalls between devices and hub.",
	[CAUSE_OPERATOR_ABORT] = "See in the record which task did it, and ask its owner.",
	[CAUSE_HOST_SUSPEND] = "Nothing, or keep the hosts awake.",
	[CAUSE_CLOCK_WRONG] = "Set the clocks, and see that a time service runs.",
	[CAUSE_MEMORY_PRESSURE] = "Find out who holds the sockets (/proc/net/sockstat).",
	[CAUSE_HOST_STARVED] =
		"Give the agent's control group more of what it lacks, or find out who takes it.",
	[CAUSE_HOST_FIREWALL] = "See which rule of the devices drops it (nft list ruleset), and "
				"who made it.",
	[CAUSE_HOST_NAT] = "See what flushes the devices' conntrack tables, which timeouts they "
			   "have, and whether they are full.",
	[CAUSE_HOST_SHUTDOWN] =
		"Nothing, if the shutdowns were wanted; else find out who asks for them.",
	[CAUSE_HOST_REBOOT] =
		"Nothing, if the reboots were wanted; else find out who asks for them.",
	[CAUSE_HOST_CRASH] = "Read the kernels' records of their panics (/var/lib/systemd/pstore).",
	[CAUSE_POWER_LOST] = "Look at the power supplies.",
};

const char *fleet_advice(enum cause cause)
{
	return cause >= 0 && cause < CAUSE_MAX ? advice[cause] : NULL;
}

bool fleet_is_expected(enum cause cause)
{
	return cause == CAUSE_AGENT_STOPPED || cause == CAUSE_TOKEN_RENEWAL;
}

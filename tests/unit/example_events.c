/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "example_events.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

struct endpoint hub_endpoint(void)
{
	return (struct endpoint){ .family = AF_INET, .port = 8883, .address = { 192, 0, 2, 7 } };
}

struct endpoint own_endpoint(void)
{
	return (struct endpoint){ .family = AF_INET, .address = { 10, 0, 0, 5 } };
}

struct task agent_task(uint32_t pid)
{
	return (struct task){ .pid = pid, .comm = "agent", .in_agent = true };
}

struct event connection_event(enum event_type type, uint64_t cookie, enum tcp_state before,
			      enum tcp_state state)
{
	return (struct event){
		.type = type,
		.connection = { .cookie = cookie,
				.netns = NETNS,
				.local = own_endpoint(),
				.peer = hub_endpoint(),
				.owner = agent_task(PID),
				.current = agent_task(PID),
				.facts = { .state_before = before, .state = state } },
	};
}

struct event opened(uint64_t cookie)
{
	return connection_event(EVENT_OPENED, cookie, TCP_STATE_CLOSE, TCP_STATE_SYN_SENT);
}

struct event established(uint64_t cookie)
{
	return connection_event(EVENT_ESTABLISHED, cookie, TCP_STATE_SYN_SENT,
				TCP_STATE_ESTABLISHED);
}

struct event established_in_view(uint64_t cookie)
{
	struct event event = established(cookie);

	event.connection.facts.flow_ttl_min = event.connection.facts.flow_ttl_max = 64;
	return event;
}

struct event local_fin(uint64_t cookie)
{
	struct event event =
		connection_event(EVENT_CLOSING, cookie, TCP_STATE_ESTABLISHED, TCP_STATE_FIN_WAIT1);

	event.connection.facts.shutdown = 3;
	return event;
}

struct event dying_fin(uint64_t cookie, uint32_t exit_code)
{
	struct event event = local_fin(cookie);

	event.connection.current.exiting = true;
	event.connection.current.exit_code = exit_code;
	return event;
}

struct event peer_fin(uint64_t cookie, usec_t age)
{
	struct event event = connection_event(EVENT_CLOSING, cookie, TCP_STATE_ESTABLISHED,
					      TCP_STATE_CLOSE_WAIT);

	event.connection.facts.fin_received = true;
	event.connection.facts.age = age;
	return event;
}

struct event refused(uint64_t cookie)
{
	struct event event =
		connection_event(EVENT_ENDED, cookie, TCP_STATE_SYN_SENT, TCP_STATE_CLOSE);

	event.connection.facts.error = ECONNREFUSED;
	event.connection.facts.reset_received = true;
	return event;
}

struct event exited(uint32_t exit_code)
{
	struct event event = { .type = EVENT_EXITED, .process = { .task = agent_task(PID) } };

	event.process.task.exiting = true;
	event.process.task.exit_code = exit_code;
	return event;
}

struct event signaled(int signal, uint32_t sender)
{
	return (struct event){ .type = EVENT_SIGNALED,
			       .process = { .task = agent_task(PID),
					    .signal = signal,
					    .sender = { .pid = sender, .comm = "sender" } } };
}

struct event of_process(uint32_t pid, struct event event)
{
	if (event_is_process(event.type))
		event.process.task.pid = pid;
	else
		event.connection.owner.pid = event.connection.current.pid = pid;
	return event;
}

struct event unit_is(enum unit_state state, uint32_t main_pid)
{
	return (struct event){
		.type = EVENT_UNIT,
		.unit = { .unit = "agent.service", .state = state, .main_pid = main_pid },
	};
}

static struct event path_event(enum event_type type, bool up)
{
	return (struct event){ .type = type, .path = { .netns = NETNS, .interface = 2, .up = up } };
}

struct event link_is(bool up)
{
	struct event event = path_event(EVENT_LINK, up);

	strcpy(event.path.interface_name, "eth0");
	return event;
}

struct event radio_is(enum radio radio, uint16_t reason)
{
	struct event event = path_event(EVENT_RADIO, radio_is_up(radio));

	event.path.radio = radio;
	event.path.reason = reason;
	return event;
}

struct event device_is(enum device_state state, uint16_t reason)
{
	struct event event = path_event(EVENT_DEVICE, state == DEVICE_ACTIVATED);

	event.path.device = state;
	event.path.reason = reason;
	return event;
}

struct event address_is(bool up)
{
	struct event event = path_event(EVENT_ADDRESS, up);

	event.path.address = own_endpoint();
	event.path.prefix_length = 24;
	return event;
}

struct event default_route_is(bool up)
{
	struct event event = path_event(EVENT_ROUTE, up);

	event.path.address.family = AF_INET;
	event.path.gateway = (struct endpoint){ .family = AF_INET, .address = { 10, 0, 0, 1 } };
	event.path.table = 254 /* RT_TABLE_MAIN */;
	return event;
}

struct event path_is_known(bool known)
{
	return (struct event){ .type = EVENT_NAMESPACE, .path = { .netns = NETNS, .up = known } };
}

struct event as_found(struct event event)
{
	event.path.initial = true;
	return event;
}

void path_found(bool online, event_sink take, void *userdata)
{
	struct event event = path_is_known(false);

	take(userdata, &event);
	event = as_found(link_is(true));
	take(userdata, &event);
	event = as_found(address_is(true));
	take(userdata, &event);
	event = as_found(default_route_is(true));
	if (online)
		take(userdata, &event);
	event = path_is_known(true);
	take(userdata, &event);
}

struct event lookup(enum lookup_answer answer)
{
	return (struct event){
		.type = EVENT_LOOKUP,
		.lookup = { .answer = answer,
			    .server = { .family = 2 /* AF_INET */, .address = { 192, 0, 2, 53 } } },
	};
}

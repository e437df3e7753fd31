/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/control_bus_objects.h"

#include <errno.h>
#include <string.h>

#include "base/keyed_table.h"
#include "base/text.h"
#include "support/cleanup.h"
#include "support/clock.h"

#define NO_SUCH_AGENT BUS_NAME ".NoSuchAgent"

/* The most connections in an answer: a D-Bus message has a maximum size. */
enum { CONNECTIONS_SHOWN = 1024 };

/* The kernel is asked once for all who ask within this time. */
#define SAMPLE_LIFETIME (100 * USEC_PER_MSEC)

/* ---- which agent */

char *agent_object_path(const char *name)
{
	char *path;

	return sd_bus_path_encode(AGENT_PATH, name, &path) < 0 ? NULL : path;
}

static struct bus_agent *find_agent(struct control_bus *bus, const char *name)
{
	for (uint32_t number = 1; number <= TALLIES_MAX; number++)
		if (bus->agents[number].number && strcmp(bus->agents[number].name, name) == 0)
			return &bus->agents[number];
	return NULL;
}

int agent_object_find(sd_bus *sd_bus, const char *path, const char *interface, void *userdata,
		      void **found, sd_bus_error *error)
{
	_cleanup_free_ char *name = NULL;
	int r = sd_bus_path_decode(path, AGENT_PATH, &name);

	(void)sd_bus, (void)interface, (void)error;
	if (r <= 0)
		return r;
	*found = find_agent(userdata, name);
	return *found != NULL;
}

int agent_objects_list(sd_bus *sd_bus, const char *prefix, void *userdata, char ***paths,
		       sd_bus_error *error)
{
	struct control_bus *bus = userdata;
	char **list = calloc(TALLIES_MAX + 1, sizeof(*list));
	unsigned count = 0;

	(void)sd_bus, (void)prefix, (void)error;
	if (!list)
		return -ENOMEM;
	for (uint32_t number = 1; number <= TALLIES_MAX; number++)
		if (bus->agents[number].number &&
		    (list[count] = agent_object_path(bus->agents[number].name)))
			count++;
	*paths = list;
	return 0;
}

/* ---- properties of an agent that are not kept ready */

static const struct tally *tally_of(const struct bus_agent *agent)
{
	const struct tallies *tallies = agent->bus->tallies;

	return tallies_find(tallies, agent->name) ?: &tallies->nothing;
}

#define GETTER(name)                                                                       \
	static int get_##name(sd_bus *sd_bus, const char *path, const char *interface,     \
			      const char *property, sd_bus_message *reply, void *userdata, \
			      sd_bus_error *error)

/* Defines a getter for one value of an agent's tally. */
#define GETTER_OF_TALLY(name, type, value)                                              \
	GETTER(name)                                                                    \
	{                                                                               \
		const struct tally *tally = tally_of(userdata);                         \
                                                                                        \
		(void)sd_bus, (void)path, (void)interface, (void)property, (void)error; \
		return sd_bus_message_append(reply, type, value);                       \
	}

/* Returns `word`, or "" before the first verdict and for an unset value. */
static const char *last_word(const struct tally *tally, const char *word)
{
	return *tally->last_message && word ? word : "";
}

/* Returns the last end; "" for a stalled connection, which has not ended. */
static const char *last_ended_by(const struct tally *tally)
{
	return tally->last_kind == RECORD_ENDED ? ended_by_to_string(tally->last_ended_by) : "";
}

/* Converts to microseconds since 1970; 0 stays 0. */
static usec_t realtime(usec_t monotonic)
{
	return monotonic ? monotonic + clock_now(CLOCK_REALTIME) - clock_now(CLOCK_MONOTONIC) : 0;
}

GETTER_OF_TALLY(last_cause, "s", last_word(tally, cause_to_string(tally->last_cause)))
GETTER_OF_TALLY(last_ended_by, "s", last_word(tally, last_ended_by(tally)))
GETTER_OF_TALLY(last_confidence, "s",
		last_word(tally, confidence_to_string(tally->last_confidence)))
GETTER_OF_TALLY(last_message, "s", tally->last_message)
GETTER_OF_TALLY(last_time, "t", realtime(tally->last_time))
GETTER_OF_TALLY(recoveries, "t", tally->recovered)
GETTER_OF_TALLY(downtime, "t", tally->downtime)

GETTER(down_since)
{
	const struct bus_agent *agent = userdata;

	(void)sd_bus, (void)path, (void)interface, (void)property, (void)error;
	return sd_bus_message_append(reply, "t", realtime(agent->down_since));
}

/* 0 also once that time is over: nobody says when it is. */
GETTER(next_action)
{
	usec_t time = ((const struct bus_agent *)userdata)->next_action;

	(void)sd_bus, (void)path, (void)interface, (void)property, (void)error;
	if (time != USEC_INFINITY)
		time = time > clock_now(CLOCK_MONOTONIC) ? realtime(time) : 0;
	return sd_bus_message_append(reply, "t", time);
}

GETTER(failed_since)
{
	const struct bus_agent *agent = userdata;

	(void)sd_bus, (void)path, (void)interface, (void)property, (void)error;
	return sd_bus_message_append(reply, "t", realtime(agent->failed_since));
}

static int append_counts(sd_bus_message *reply, const struct tally *tally,
			 uint64_t (*count)(const struct tally *tally, enum cause cause))
{
	int r = sd_bus_message_open_container(reply, 'a', "{st}");

	for (enum cause cause = 0; r >= 0 && cause < CAUSE_MAX; cause++)
		if (count(tally, cause))
			r = sd_bus_message_append(reply, "{st}", cause_to_string(cause),
						  count(tally, cause));
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

GETTER(ended)
{
	(void)sd_bus, (void)path, (void)interface, (void)property, (void)error;
	return append_counts(reply, tally_of(userdata), tally_ended);
}

static uint64_t stalled(const struct tally *tally, enum cause cause)
{
	return tally->stalled[cause];
}

GETTER(stalled)
{
	(void)sd_bus, (void)path, (void)interface, (void)property, (void)error;
	return append_counts(reply, tally_of(userdata), stalled);
}

GETTER(actions)
{
	const struct tally *tally = tally_of(userdata);
	int r = sd_bus_message_open_container(reply, 'a', "(sst)");

	(void)sd_bus, (void)path, (void)interface, (void)property, (void)error;
	for (enum action_type type = 0; type < ACTION_TYPE_MAX; type++)
		for (enum action_outcome outcome = 0; outcome < ACTION_OUTCOME_MAX; outcome++)
			if (r >= 0 && tally->actions[type][outcome])
				r = sd_bus_message_append(reply, "(sst)",
							  action_type_to_string(type),
							  action_outcome_to_string(outcome),
							  tally->actions[type][outcome]);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* Finds the peer of one of the agent's connections, preferably one that is up. */
struct peer_search {
	uint32_t agent;
	bool up;
	struct endpoint peer;
};

static void search_peer(void *userdata, const struct connection_snapshot *connection)
{
	struct peer_search *search = userdata;

	if (connection->agent != search->agent || connection->ended || search->up)
		return;
	search->up = connection->up;
	search->peer = connection->peer;
}

GETTER(peer)
{
	struct bus_agent *agent = userdata;
	struct peer_search search = { .agent = agent->number };
	struct snapshot_sink sink = { .connection = search_peer, .userdata = &search };
	char text[ENDPOINT_TEXT_SIZE] = "";

	(void)sd_bus, (void)path, (void)interface, (void)property, (void)error;
	watch_loop_snapshot(agent->bus->loop, &sink, NULL);
	if (search.peer.family)
		endpoint_format(&search.peer, text);
	return sd_bus_message_append(reply, "s", text);
}

/* ---- all connections, with what the kernel knows of each */

struct connection_list {
	struct control_bus *bus;
	sd_bus_message *reply;
	unsigned shown;
	int error;
};

static void keep_sampled(void *userdata, const struct event *event)
{
	struct connection_list *list = userdata;
	struct keyed_table *table = &list->bus->sampled;
	const struct connection_event *sampled = &event->connection;
	struct socket_facts *facts = keyed_table_find(table, sampled->cookie);

	if (!facts)
		facts = keyed_table_add(table, sampled->cookie);
	if (facts)
		*facts = sampled->facts;
}

static const char *path_state(const struct path_view *path)
{
	if (!path->known)
		return "unknown";
	if (!path->radio.there)
		return "radio-down";
	if (!path->link.there)
		return "link-down";
	if (!path->address.there)
		return "address-gone";
	return path->routes_known && !path->route.there ? "no-route" : "whole";
}

/* Adds one entry to the current dictionary, unless there was an error before. */
static void add(struct connection_list *list, const char *name, const char *type, ...)
{
	sd_bus_message *reply = list->reply;
	va_list values;
	int r = list->error;

	va_start(values, type);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'e', "sv");
	if (r >= 0)
		r = sd_bus_message_append(reply, "s", name);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'v', type);
	if (r >= 0)
		r = sd_bus_message_appendv(reply, type, values);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	va_end(values);
	list->error = r < 0 ? r : 0;
}

static void add_connection(struct connection_list *list,
			   const struct connection_snapshot *connection)
{
	char text[ENDPOINT_TEXT_SIZE], command[COMM_SIZE];

	/* a process name may have any bytes; D-Bus accepts only UTF-8 */
	memcpy(command, connection->owner.comm, sizeof(command));
	text_make_printable(command);
	add(list, "Agent", "s", list->bus->agents[connection->agent].name);
	add(list, "Local", "s", endpoint_format(&connection->local, text));
	add(list, "Peer", "s", endpoint_format(&connection->peer, text));
	add(list, "Up", "b", connection->up);
	add(list, "InSession", "b", connection->serves);
	add(list, "Ended", "b", connection->ended);
	add(list, "Trouble", "s", connection->stalled ? cause_to_string(connection->stalled) : "");
	add(list, "Path", "s", path_state(&connection->path));
	add(list, "Interface", "s", connection->path.interface);
	add(list, "PID", "u", connection->owner.pid);
	add(list, "Command", "s", command);
	add(list, "NetworkNamespace", "t", connection->netns);
	add(list, "SocketCookie", "t", connection->cookie);
	if (connection->token_ends)
		add(list, "TokenEnds", "t", realtime(connection->token_ends));
}

static void add_facts(struct connection_list *list, const struct socket_facts *facts)
{
	add(list, "State", "s", tcp_state_to_string(facts->state));
	add(list, "AgeUSec", "t", facts->age);
	add(list, "IdleReceiveUSec", "t", facts->idle_rx);
	add(list, "IdleSendUSec", "t", facts->idle_tx);
	add(list, "UnackedBytes", "u", facts->unacked_bytes);
	add(list, "UnreadBytes", "u", facts->unread_bytes);
	add(list, "BytesSent", "t", facts->bytes_sent);
	add(list, "BytesReceived", "t", facts->bytes_received);
	add(list, "Retransmits", "u", facts->retransmits);
	add(list, "RoundTripUSec", "u", facts->rtt_usec);
}

static void append_connection(void *userdata, const struct connection_snapshot *connection)
{
	struct connection_list *list = userdata;
	const struct socket_facts *facts =
		keyed_table_find(&list->bus->sampled, connection->cookie);

	if (list->error < 0 || list->shown++ >= CONNECTIONS_SHOWN)
		return;
	list->error = sd_bus_message_open_container(list->reply, 'a', "{sv}");
	add_connection(list, connection);
	if (facts)
		add_facts(list, facts);
	if (list->error >= 0)
		list->error = sd_bus_message_close_container(list->reply);
}

static bool is_fresh(const struct control_bus *bus)
{
	return bus->sampled_at && clock_now(CLOCK_MONOTONIC) < bus->sampled_at + SAMPLE_LIFETIME;
}

static int begin_sample(struct control_bus *bus)
{
	bus->sampled_at = 0;
	keyed_table_release(&bus->sampled);
	bus->sampled = (struct keyed_table){ 0 };
	if (keyed_table_init(&bus->sampled, CONNECTIONS_SHOWN, sizeof(struct socket_facts)) < 0)
		return -ENOMEM;
	bus->sampled_at = clock_now(CLOCK_MONOTONIC);
	return 0;
}

static int append_connections(struct connection_list *list)
{
	struct snapshot_sink sink = { .connection = append_connection, .userdata = list };
	bool fresh = is_fresh(list->bus);
	int r = fresh ? 0 : begin_sample(list->bus);

	if (r >= 0)
		r = sd_bus_message_open_container(list->reply, 'a', "a{sv}");
	if (r < 0)
		return r;
	watch_loop_snapshot(list->bus->loop, &sink, fresh ? NULL : keep_sampled);
	return list->error < 0 ? list->error : sd_bus_message_close_container(list->reply);
}

static int snapshot(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	struct connection_list list = { .bus = userdata };
	int r = sd_bus_message_new_method_return(call, &list.reply);

	(void)error;
	if (r >= 0)
		r = append_connections(&list);
	if (r >= 0)
		r = sd_bus_send(NULL, list.reply, NULL);
	sd_bus_message_unref(list.reply);
	return r;
}

/* ---- the manager */

GETTER(agents)
{
	struct control_bus *bus = userdata;
	int r = sd_bus_message_open_container(reply, 'a', "(so)");

	(void)sd_bus, (void)path, (void)interface, (void)property, (void)error;
	for (uint32_t number = 1; r >= 0 && number <= TALLIES_MAX; number++) {
		const char *name = bus->agents[number].name;
		_cleanup_free_ char *object = NULL;

		if (!bus->agents[number].number)
			continue;
		object = agent_object_path(name);
		r = object ? sd_bus_message_append(reply, "(so)", name, object) : -ENOMEM;
	}
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

GETTER(text)
{
	const struct control_bus *bus = userdata;

	(void)sd_bus, (void)path, (void)interface, (void)error;
	if (strcmp(property, "Version") == 0)
		return sd_bus_message_append(reply, "s", VERSION);
	return sd_bus_message_append(reply, "s", mode_to_string(watch_loop_mode(bus->loop)));
}

GETTER(btf)
{
	const struct control_bus *bus = userdata;
	const char *from = watch_loop_mode(bus->loop) != MODE_EBPF  ? ""
			   : watch_loop_has_external_btf(bus->loop) ? "external"
								    : "kernel";

	(void)sd_bus, (void)path, (void)interface, (void)property, (void)error;
	return sd_bus_message_append(reply, "s", from);
}

GETTER(clock)
{
	const struct control_bus *bus = userdata;

	(void)sd_bus, (void)path, (void)interface, (void)property, (void)error;
	return sd_bus_message_append(reply, "s",
				     clock_state_to_string(watch_loop_clock(bus->loop)));
}

static int reload(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	struct control_bus *bus = userdata;
	int r = bus->reload(bus->userdata);

	(void)error;
	return r < 0 ? r : sd_bus_reply_method_return(call, "");
}

static int hold(sd_bus_message *call, struct control_bus *bus, bool held, sd_bus_error *error)
{
	const struct bus_agent *agent;
	const char *name;
	int r = sd_bus_message_read(call, "s", &name);

	if (r < 0)
		return r;
	agent = find_agent(bus, name);
	if (!agent)
		return sd_bus_error_setf(error, NO_SUCH_AGENT, "No agent is called '%s'", name);
	r = watch_loop_hold_actions(bus->loop, agent->number, held);
	return r < 0 ? r : sd_bus_reply_method_return(call, "");
}

static int hold_actions(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return hold(call, userdata, true, error);
}

static int resume_actions(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return hold(call, userdata, false, error);
}

/* ---- what each object offers. Methods without UNPRIVILEGED are root's: sd-bus itself refuses
 * others, whatever the bus policy lets through. */

const sd_bus_vtable manager_objects[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Version", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Mode", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Btf", "s", get_btf, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Clock", "s", get_clock, 0, 0),
	SD_BUS_PROPERTY("LostEvents", "t", NULL, offsetof(struct control_bus, lost_events),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Agents", "a(so)", get_agents, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, reload, 0),
	SD_BUS_METHOD_WITH_ARGS("HoldActions", SD_BUS_ARGS("s", agent), SD_BUS_NO_RESULT,
				hold_actions, 0),
	SD_BUS_METHOD_WITH_ARGS("ResumeActions", SD_BUS_ARGS("s", agent), SD_BUS_NO_RESULT,
				resume_actions, 0),
	SD_BUS_METHOD_WITH_ARGS("Snapshot", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", connections),
				snapshot, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

#define KEPT(name, type, member)                                              \
	SD_BUS_PROPERTY(name, type, NULL, offsetof(struct bus_agent, member), \
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE)
#define FOUND(name, type, get) \
	SD_BUS_PROPERTY(name, type, get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE)
#define SIGNAL_OF_RECORD(name) SD_BUS_SIGNAL_WITH_ARGS(name, SD_BUS_ARGS("a{sv}", record), 0)

/* control_bus.c announces changes by these names. */
const sd_bus_vtable agent_objects[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Name", "s", NULL, offsetof(struct bus_agent, name),
			SD_BUS_VTABLE_PROPERTY_CONST),
	KEPT("Unit", "s", unit),
	KEPT("UnitState", "s", unit_state),
	KEPT("Connected", "b", connected),
	KEPT("Connections", "u", connections),
	SD_BUS_PROPERTY("Peer", "s", get_peer, 0, SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION),
	FOUND("DownSince", "t", get_down_since),
	KEPT("Attempts", "u", attempts),
	KEPT("FailedAt", "s", failed_at),
	FOUND("FailedSince", "t", get_failed_since),
	KEPT("ActionsHeld", "b", actions_held),
	KEPT("ActionLimitBurst", "u", limit_burst),
	KEPT("ActionLimitIntervalUSec", "t", limit_interval),
	FOUND("NextAction", "t", get_next_action),
	KEPT("Absent", "b", absent),
	FOUND("LastCause", "s", get_last_cause),
	FOUND("LastEndedBy", "s", get_last_ended_by),
	FOUND("LastConfidence", "s", get_last_confidence),
	FOUND("LastMessage", "s", get_last_message),
	FOUND("LastTime", "t", get_last_time),
	FOUND("EndedByCause", "a{st}", get_ended),
	FOUND("StalledByCause", "a{st}", get_stalled),
	FOUND("Recoveries", "t", get_recoveries),
	FOUND("DowntimeUSec", "t", get_downtime),
	FOUND("Actions", "a(sst)", get_actions),
	SIGNAL_OF_RECORD("ConnectionEnded"),
	SIGNAL_OF_RECORD("ConnectionStalled"),
	SIGNAL_OF_RECORD("Recovered"),
	SIGNAL_OF_RECORD("ActionTaken"),
	SD_BUS_VTABLE_END,
};

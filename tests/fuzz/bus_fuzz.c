/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever systemd's and connwatchd's place on the bus says, in whatever types: the state of a unit
 * stays within its own, and a value is read as a whole or refused. sd-bus checks that a message is
 * what its signature says, so the input is what to write into one, not its bytes. The target is a
 * part of the unit monitor, whose readers nobody else sees. */
#include "fuzz.h"

#include "sources/unit_monitor.c" /* NOLINT(bugprone-suspicious-include) */

#include <sys/socket.h>

#include "cli/bus_value.h"

enum { DEPTH_MAX = 5, ENTRIES_MAX = 6 };

struct input {
	const uint8_t *data;
	size_t size;
};

static uint8_t next(struct input *input)
{
	if (input->size == 0)
		return 0;
	input->size--;
	return *input->data++;
}

/* Of printable ASCII, which is valid as UTF-8, too. */
static const char *next_text(struct input *input, char text[static 256])
{
	size_t length = next(input);

	for (size_t i = 0; i < length; i++)
		text[i] = (char)(' ' + next(input) % 95);
	text[length] = '\0';
	return text;
}

static const char *next_name(struct input *input, char text[static 256])
{
	static const char *const names[] = {
		"ActiveState",  "SubState", "Result", "LoadState",    "Slice",
		"ControlGroup", "MainPID",  "Job",    "InvocationID",
	};
	uint8_t choice = next(input) % (sizeof(names) / sizeof(names[0]) + 1);

	return choice < sizeof(names) / sizeof(names[0]) ? names[choice] : next_text(input, text);
}

/* ---- writing a message */

static void write_bytes(struct input *input, sd_bus_message *message)
{
	uint8_t bytes[64];
	size_t count = next(input) % sizeof(bytes);

	for (size_t i = 0; i < count; i++)
		bytes[i] = next(input);
	MUST(sd_bus_message_append_array(message, 'y', bytes, count) >= 0);
}

static void write_properties(struct input *input, sd_bus_message *message, unsigned depth);

static const char *const types[] = {
	"s", "u", "b", "y", "t", "o", "as", "ay", "(uo)", "a{sv}", "v"
};
enum { TYPES = sizeof(types) / sizeof(types[0]), DEEP = 2 /* the last ones */ };

static void write_value(struct input *input, sd_bus_message *message, unsigned depth)
{
	const char *type = types[next(input) % (depth < DEPTH_MAX ? TYPES : TYPES - DEEP)];
	char text[256];

	MUST(sd_bus_message_open_container(message, 'v', type) >= 0);
	if (strcmp(type, "s") == 0)
		sd_bus_message_append(message, "s", next_text(input, text));
	else if (strcmp(type, "u") == 0)
		sd_bus_message_append(message, "u", (uint32_t)next(input) << 24 | next(input));
	else if (strcmp(type, "b") == 0)
		sd_bus_message_append(message, "b", next(input) & 1);
	else if (strcmp(type, "y") == 0)
		sd_bus_message_append(message, "y", next(input));
	else if (strcmp(type, "t") == 0)
		sd_bus_message_append(message, "t", (uint64_t)next(input) << 56);
	else if (strcmp(type, "o") == 0)
		sd_bus_message_append(message, "o", "/org/freedesktop/systemd1");
	else if (strcmp(type, "as") == 0)
		sd_bus_message_append(message, "as", 2, "one", next_text(input, text));
	else if (strcmp(type, "ay") == 0)
		write_bytes(input, message);
	else if (strcmp(type, "(uo)") == 0)
		sd_bus_message_append(message, "(uo)", next(input), "/job");
	else if (strcmp(type, "v") == 0)
		write_value(input, message, depth + 1);
	else
		write_properties(input, message, depth + 1);
	MUST(sd_bus_message_close_container(message) >= 0);
}

static void write_properties(struct input *input, sd_bus_message *message, unsigned depth)
{
	char text[256];

	MUST(sd_bus_message_open_container(message, 'a', "{sv}") >= 0);
	for (unsigned left = next(input) % ENTRIES_MAX; left > 0; left--) {
		MUST(sd_bus_message_open_container(message, 'e', "sv") >= 0);
		MUST(sd_bus_message_append(message, "s", next_name(input, text)) >= 0);
		write_value(input, message, depth);
		MUST(sd_bus_message_close_container(message) >= 0);
	}
	MUST(sd_bus_message_close_container(message) >= 0);
}

/* ---- reading it */

static void check_event(void *userdata, const struct event *event)
{
	(void)userdata;
	MUST(event->type == EVENT_UNIT);
	MUST(event->unit.state >= 0 && event->unit.state < UNIT_STATE_MAX);
	MUST(memchr(event->unit.invocation_id, '\0', sizeof(event->unit.invocation_id)));
	MUST(memchr(event->unit.sub_state, '\0', sizeof(event->unit.sub_state)));
	MUST(memchr(event->unit.result, '\0', sizeof(event->unit.result)));
	MUST(memchr(event->unit.job, '\0', sizeof(event->unit.job)));
}

static void take_notice(void *userdata, const char *text, int error)
{
	(void)userdata, (void)error;
	MUST(text);
}

static void take_group(void *userdata, uint32_t agent, const char *parent, const char *name)
{
	(void)userdata, (void)agent;
	MUST(*parent && strlen(parent) + strlen(name) < 2 * (size_t)CGROUP_PATH_SIZE);
}

static void read_as_unit(sd_bus_message *message, bool changed)
{
	static struct unit_monitor monitor = {
		.listener = { .event = check_event, .notice = take_notice },
		.groups = { .found = take_group },
	};
	struct watched_unit unit = { .monitor = &monitor, .now.unit = "agent.service" };

	if (changed)
		on_changed(message, &unit, NULL);
	else
		on_properties(message, &unit, NULL);
	free(unit.path);
}

static void read_as_values(sd_bus_message *message)
{
	_cleanup_(value_free_held) struct value *value = NULL;

	while (value_read(message, &value) == 0) {
		value_find(value, "Agents");
		value_text(value, "MainPID");
		value = value_free(value);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const interfaces[] = { SYSTEMD ".Unit", SYSTEMD ".Service" };
	struct input input = { data, size };
	static sd_bus *bus;
	sd_bus_message *message = NULL;
	uint8_t how = next(&input);
	int ends[2];

	if (!bus) {
		MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
		MUST(sd_bus_new(&bus) >= 0 && sd_bus_set_fd(bus, ends[0], ends[0]) >= 0 &&
		     sd_bus_start(bus) >= 0);
	}
	MUST(sd_bus_message_new_signal(bus, &message, "/", PROPERTIES, "PropertiesChanged") >= 0);
	if (how & 1)
		MUST(sd_bus_message_append(message, "s", interfaces[how >> 1 & 1]) >= 0);
	write_properties(&input, message, 0);
	MUST(sd_bus_message_seal(message, 1, 0) >= 0);
	MUST(sd_bus_message_rewind(message, true) >= 0);
	if (how & 4)
		read_as_values(message);
	else
		read_as_unit(message, how & 1);
	sd_bus_message_unref(message);
	return 0;
}

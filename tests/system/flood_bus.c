/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* flood_bus CALLS SECONDS INTERFACE METHOD [SIGNATURE ARGUMENT]: keeps so many calls of a method of
 * /org/connwatch1 in flight. Prints "ANSWERED REFUSED" at the end. */
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-bus.h>
#include <time.h>

static char **words;
static unsigned long answered, refused;

static int call(sd_bus *bus);

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	(void)error;
	if (sd_bus_message_is_method_error(reply, SD_BUS_ERROR_LIMITS_EXCEEDED))
		refused++;
	else if (!sd_bus_message_is_method_error(reply, NULL))
		answered++;
	return call(userdata);
}

static int call(sd_bus *bus)
{
	return sd_bus_call_method_async(bus, NULL, "org.connwatch1", "/org/connwatch1", words[0],
					words[1], on_reply, bus, words[2],
					words[2] ? words[3] : NULL);
}

int main(int argc, char *argv[])
{
	time_t end = time(NULL) + (argc > 2 ? atoi(argv[2]) : 0);
	sd_bus *bus = NULL;
	int r;

	if (argc < 5)
		return 64;
	words = argv + 3;
	r = sd_bus_open_system(&bus);
	for (int i = atoi(argv[1]); i > 0 && r >= 0; i--)
		r = call(bus);
	while (r >= 0 && time(NULL) < end) {
		r = sd_bus_process(bus, NULL);
		if (r == 0)
			r = sd_bus_wait(bus, 100000);
	}
	printf("%lu %lu\n", answered, refused);
	sd_bus_unref(bus);
	return r < 0;
}

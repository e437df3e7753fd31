/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/units_known.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "base/text.h"
#include "base/usec.h"

#define SYSTEMD           "org.freedesktop.systemd1"
#define SYSTEMD_PATH      "/org/freedesktop/systemd1"
#define MANAGER_INTERFACE SYSTEMD ".Manager"
#define ANSWER_TIMEOUT    (5 * USEC_PER_SEC)

struct units_known {
	sd_bus *bus;
};

int units_known_open(struct units_known **ret)
{
	struct units_known *units = calloc(1, sizeof(*units));
	int r;

	if (!units)
		return -ENOMEM;
	r = sd_bus_open_system_with_description(&units->bus, "verify");
	if (r >= 0)
		r = sd_bus_set_method_call_timeout(units->bus, ANSWER_TIMEOUT);
	if (r < 0) {
		units_known_close(units);
		return r;
	}
	*ret = units;
	return 0;
}

struct units_known *units_known_close(struct units_known *units)
{
	if (!units)
		return NULL;
	sd_bus_flush_close_unref(units->bus);
	free(units);
	return NULL;
}

static int read_load_state(struct units_known *units, struct unit_known *ret)
{
	char *state = NULL;
	int r = sd_bus_get_property_string(units->bus, SYSTEMD, ret->path, SYSTEMD ".Unit",
					   "LoadState", NULL, &state);

	if (r < 0)
		return r;
	text_copy(ret->load_state, sizeof(ret->load_state), state);
	free(state);
	return 0;
}

int units_known_look(struct units_known *units, const char *name, struct unit_known *ret)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	const char *path;
	int r = sd_bus_call_method(units->bus, SYSTEMD, SYSTEMD_PATH, MANAGER_INTERFACE, "LoadUnit",
				   &error, &reply, "s", name);

	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &path);
	if (r >= 0)
		r = text_copy(ret->path, sizeof(ret->path), path);
	if (r >= 0)
		r = read_load_state(units, ret);
	sd_bus_message_unref(reply);
	sd_bus_error_free(&error);
	return r;
}

/* ---- did you mean */

/* A template is no unit. */
static bool is_template(const char *name)
{
	const char *at = strchr(name, '@');

	return at && at[1] == '.';
}

/* Considers the names that `method` returns: they begin its structures of type `members`, in an
 * array of type `array`. Those of files have their directories. */
static void consider(struct units_known *units, const char *method, const char *array,
		     const char *members, struct nearest *nearest,
		     char ret[static NEAREST_WORD_SIZE])
{
	sd_bus_message *reply = NULL;
	int r = sd_bus_call_method(units->bus, SYSTEMD, SYSTEMD_PATH, MANAGER_INTERFACE, method,
				   NULL, &reply, NULL);

	if (r >= 0)
		r = sd_bus_message_enter_container(reply, 'a', array);
	while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'r', members)) > 0) {
		const char *path = "", *name;

		r = sd_bus_message_read(reply, "s", &path);
		name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
		if (!is_template(name) && nearest_consider_name(nearest, name))
			text_copy(ret, NEAREST_WORD_SIZE, name);
		if (r >= 0)
			r = sd_bus_message_skip(reply, members + 1);
		if (r >= 0)
			r = sd_bus_message_exit_container(reply);
	}
	sd_bus_message_unref(reply);
}

void units_known_nearest(struct units_known *units, const char *name,
			 char ret[static NEAREST_WORD_SIZE])
{
	struct nearest nearest = nearest_begin_name(name);

	ret[0] = '\0';
	consider(units, "ListUnitFiles", "(ss)", "ss", &nearest, ret);
	consider(units, "ListUnits", "(ssssssouso)", "ssssssouso", &nearest, ret);
}

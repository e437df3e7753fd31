/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connwatchctl verify: checks the settings as the daemon would read them. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/agent_now.h"
#include "cli/command.h"
#include "cli/units_known.h"
#include "sources/probe_btf.h"
#include "sources/settings_files.h"
#include "support/array.h"
#include "support/json.h"

enum { ARGUMENT_ROOT = 256, TEXT_SIZE = 512 };

/* What the agents before had. */
struct owner {
	char agent[AGENT_NAME_SIZE];
	char unit[UNIT_NAME_SIZE];
	char path[UNIT_PATH_SIZE]; /* of the unit on the bus; empty: not known */
	bool optional;
	struct settings_place place; /* of its Unit= */
};

/* What the hub calls an agent before. */
struct named {
	char agent[AGENT_NAME_SIZE];
	char device_id[DEVICE_ID_SIZE];
	struct settings_place place; /* of its DeviceId= */
};

struct verification {
	bool as_json;
	bool of_this_host; /* not below another root: agents may run here */
	const char *root;
	const char *file; /* that is read by itself; NULL: all files are read */
	unsigned complaints;
	bool missing;              /* a file that was named does not exist */
	struct units_known *units; /* NULL: systemd is not asked */
	int cannot_ask;            /* why it is not, as -errno; 0: it was not tried yet */
	bool said_cannot_ask;
	struct owner *owners;
	size_t owner_count;
	struct named *named;
	size_t named_count;
	int failed; /* -ENOMEM */
};

/* `line` is 0 where the whole file is meant; `file` is NULL where none is. */
static void say(const struct verification *verification, const char *file, unsigned line,
		const char *name, const char *text)
{
	struct json json = { .stream = stdout };

	if (!verification->as_json && line)
		fprintf(stderr, "%s:%u: %s\n", file, line, text);
	else if (!verification->as_json)
		fprintf(stderr, "%s: %s\n", file ?: "connwatchctl verify", text);
	if (!verification->as_json)
		return;
	json_open(&json, NULL, '{');
	if (file)
		json_string(&json, "file", file);
	if (line)
		json_number(&json, "line", line);
	json_string(&json, name, text);
	json_close(&json, '{');
	putchar('\n');
}

static void complain(void *userdata, const char *file, unsigned line, const char *text)
{
	struct verification *verification = userdata;

	verification->complaints++;
	say(verification, file, line, "complaint", text);
}

/* Returns true if the files assign `key`, and the place in `*ret`. A default has none. */
static bool locate(struct verification *verification, const struct agent_settings *settings,
		   const char *key, struct settings_place *ret)
{
	int r = settings_files_locate(verification->root, settings->name, verification->file, key,
				      ret);

	if (r == -ENOMEM)
		verification->failed = r;
	return r == 0;
}

/* ---- settings that have no effect */

struct agent_verified {
	struct verification *verification;
	const struct agent_settings *settings;
};

static void take_futile(void *userdata, const char *key, const char *text)
{
	const struct agent_verified *agent = userdata;
	struct settings_place place = { .line = 0 };

	if (locate(agent->verification, agent->settings, key, &place))
		complain(agent->verification, place.file, place.line, text);
}

/* ---- units */

/* Connects at the first call. Returns false if systemd cannot be asked. */
static bool can_ask(struct verification *verification)
{
	if (!verification->of_this_host)
		return false;
	if (!verification->units && !verification->cannot_ask)
		verification->cannot_ask = units_known_open(&verification->units);
	return verification->units;
}

static void cannot_ask(struct verification *verification, int error)
{
	char text[TEXT_SIZE];

	verification->units = units_known_close(verification->units);
	verification->cannot_ask = error;
	if (verification->said_cannot_ask || verification->file)
		return;
	verification->said_cannot_ask = true;
	snprintf(text, sizeof(text), "whether the units exist is not known: cannot ask systemd: %s",
		 strerror(-error));
	say(verification, NULL, 0, "remark", text);
}

/* A file that is read by itself may be for another host. */
static void complain_of_unit(struct verification *verification,
			     const struct agent_settings *settings, const char *key,
			     const char *text)
{
	struct settings_place place = { .line = 0 };

	if (!locate(verification, settings, key, &place))
		return;
	if (verification->file)
		say(verification, place.file, place.line, "remark", text);
	else
		complain(verification, place.file, place.line, text);
}

/* Returns true if systemd knows the unit, which is in `*ret` then. */
static bool look_at_unit(struct verification *verification, const struct agent_settings *settings,
			 const char *key, const char *unit, struct unit_known *ret)
{
	char text[TEXT_SIZE], nearest[NEAREST_WORD_SIZE];
	int r;

	if (!can_ask(verification)) {
		if (verification->cannot_ask)
			cannot_ask(verification, verification->cannot_ask);
		return false;
	}
	r = units_known_look(verification->units, unit, ret);
	if (r == -EINVAL) {
		snprintf(text, sizeof(text),
			 "%s= names %s, which is no unit: a template needs an instance", key, unit);
		complain_of_unit(verification, settings, key, text);
		return false;
	}
	if (r < 0) {
		cannot_ask(verification, r);
		return false;
	}
	if (strcmp(ret->load_state, "not-found") != 0)
		return true;
	units_known_nearest(verification->units, unit, nearest);
	snprintf(text, sizeof(text), "%s= names %s, which does not exist on this host%s%s%s", key,
		 unit, *nearest ? ". Did you mean " : "", nearest, *nearest ? "?" : "");
	complain_of_unit(verification, settings, key, text);
	return false;
}

static void look_at_target(struct verification *verification, const struct agent_settings *settings,
			   const char *key, const char *unit)
{
	struct unit_known known;
	char text[TEXT_SIZE];

	if (!look_at_unit(verification, settings, key, unit, &known) ||
	    strcmp(known.load_state, "loaded") == 0)
		return;
	snprintf(text, sizeof(text), "%s= names %s, which cannot be started: its LoadState is %s",
		 key, unit, known.load_state);
	complain_of_unit(verification, settings, key, text);
}

static void take_target(void *userdata, const char *key, const struct action *action)
{
	const struct agent_verified *agent = userdata;

	if (action->type == ACTION_START_UNIT)
		look_at_target(agent->verification, agent->settings, key, action->unit);
}

/* ---- two agents with one unit */

static const struct owner *other_owner(const struct verification *verification,
				       const struct owner *owner)
{
	for (size_t i = 0; i < verification->owner_count; i++) {
		const struct owner *other = &verification->owners[i];

		if (strcmp(other->unit, owner->unit) == 0 ||
		    (*owner->path && strcmp(other->path, owner->path) == 0))
			return other;
	}
	return NULL;
}

/* The operator's own file is the one to be changed, not a profile. */
static void complain_of_owners(struct verification *verification, const struct owner *owner,
			       const struct owner *other)
{
	const struct owner *changed = owner->optional && !other->optional ? other : owner;
	const struct owner *kept = changed == owner ? other : owner;
	char text[TEXT_SIZE + PATH_MAX];

	snprintf(text, sizeof(text),
		 "%s is the unit of agent %s already (%s:%u): only one of the two is watched",
		 changed->unit, kept->agent, kept->place.file, kept->place.line);
	complain(verification, changed->place.file, changed->place.line, text);
}

static void take_owner(struct verification *verification, const struct owner *owner)
{
	const struct owner *other = other_owner(verification, owner);
	struct owner *owners;

	if (other)
		complain_of_owners(verification, owner, other);
	owners = array_grow(verification->owners, verification->owner_count, sizeof(*owners));
	if (!owners) {
		verification->failed = -ENOMEM;
		return;
	}
	verification->owners = owners;
	owners[verification->owner_count++] = *owner;
}

/* A profile's unit may be missing on this host. */
static void verify_unit(struct verification *verification, const struct agent_settings *settings)
{
	const char *unit = agent_settings_unit(settings);
	struct owner owner = { .optional = settings->optional };
	struct unit_known known = { .path = "" };

	if (!unit)
		return;
	if (!settings->optional && look_at_unit(verification, settings, "Unit", unit, &known))
		text_copy(owner.path, sizeof(owner.path), known.path);
	text_copy(owner.agent, sizeof(owner.agent), settings->name);
	text_copy(owner.unit, sizeof(owner.unit), unit);
	if (locate(verification, settings, "Unit", &owner.place))
		take_owner(verification, &owner);
}

/* ---- two agents with one name at the hub */

static void take_named(struct verification *verification, const struct named *named)
{
	struct named *all = verification->named;
	char text[TEXT_SIZE + PATH_MAX];

	for (size_t i = 0; i < verification->named_count; i++) {
		if (strcmp(all[i].device_id, named->device_id) != 0)
			continue;
		snprintf(text, sizeof(text),
			 "DeviceId= %s is that of agent %s already (%s:%u): a hub ends the "
			 "connection of one when the other connects",
			 named->device_id, all[i].agent, all[i].place.file, all[i].place.line);
		complain(verification, named->place.file, named->place.line, text);
		return;
	}
	all = array_grow(all, verification->named_count, sizeof(*all));
	if (!all) {
		verification->failed = -ENOMEM;
		return;
	}
	verification->named = all;
	all[verification->named_count++] = *named;
}

static void verify_device_id(struct verification *verification,
			     const struct agent_settings *settings)
{
	struct named named = { .place.line = 0 };

	text_copy(named.agent, sizeof(named.agent), settings->name);
	text_copy(named.device_id, sizeof(named.device_id), settings->device_id);
	if (named.device_id[0] && locate(verification, settings, "DeviceId", &named.place))
		take_named(verification, &named);
}

/* ---- agents that run now */

/* No mistake: the agent may do otherwise later. */
static void remark(const struct verification *verification, const char *agent, const char *text)
{
	struct json json = { .stream = stdout };

	if (!verification->as_json) {
		fprintf(stderr, "connwatchctl verify: agent %s: %s\n", agent, text);
		return;
	}
	json_open(&json, NULL, '{');
	json_string(&json, "agent", agent);
	json_string(&json, "remark", text);
	json_close(&json, '{');
	putchar('\n');
}

static void remark_on(const struct verification *verification,
		      const struct agent_settings *settings, const struct agent_now *now)
{
	char text[160];

	if (now->use.listens && !now->use.opened) {
		snprintf(text, sizeof(text),
			 "process %d listens, and no process of the agent has opened a connection. "
			 "Those that it accepts are not watched.",
			 (int)now->listener);
		remark(verification, settings->name, text);
	}
	if (settings->peer_count && now->use.opened && !now->use.wanted)
		remark(verification, settings->name,
		       "it has opened connections, and none of them leads to a Peer=. Only those "
		       "that do are watched.");
}

/* ---- all settings */

static void take_agent(void *userdata, const struct agent_settings *settings)
{
	struct verification *verification = userdata;
	struct agent_verified agent = { verification, settings };
	struct agent_now now;

	agent_settings_find_futile(settings, take_futile, &agent);
	verify_unit(verification, settings);
	verify_device_id(verification, settings);
	agent_settings_actions(settings, take_target, &agent);
	if (verification->of_this_host && agent_now_look(settings, &now) == 0)
		remark_on(verification, settings, &now);
}

/* The file must be of the kernel that runs now. */
static void verify_btf(struct verification *verification, const char *path)
{
	struct probe_btf btf;
	const char *complaint = NULL;

	if (!*path || !verification->of_this_host)
		return;
	if (probe_btf_open(&btf, path, &complaint) >= 0)
		probe_btf_close(&btf);
	if (complaint)
		complain(verification, "Btf=", 0, complaint);
}

static int verify_host(struct verification *verification)
{
	struct daemon_settings daemon;
	int r = settings_files_load(verification->root, &daemon, take_agent, complain,
				    verification);

	if (r >= 0) {
		verify_btf(verification, daemon.btf_path);
		settings_files_find_strays(verification->root, complain, verification);
	}
	return r;
}

static int verify_file(struct verification *verification, const char *file)
{
	verification->file = file;
	verification->missing |= access(file, F_OK) < 0 && errno == ENOENT;
	return settings_files_verify(file, take_agent, complain, verification);
}

static int verify(const char *root, char *files[], int count, bool as_json)
{
	struct verification verification = {
		.as_json = as_json,
		.of_this_host = !*root,
		.root = root,
	};
	int r = count == 0 ? verify_host(&verification) : 0;

	for (int i = 0; r >= 0 && i < count; i++)
		r = verify_file(&verification, files[i]);
	if (r >= 0)
		r = verification.failed;
	units_known_close(verification.units);
	free(verification.owners);
	free(verification.named);
	if (r < 0)
		fprintf(stderr, "connwatchctl verify: %s\n", strerror(-r));
	if (r >= 0 && verification.missing)
		return EXIT_NO_INPUT;
	return r < 0 || verification.complaints > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run(const struct command *command, int argc, char *argv[])
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "output", required_argument, NULL, 'o' },
		{ "root", required_argument, NULL, ARGUMENT_ROOT },
		{ 0 },
	};
	const char *root = "";
	bool as_json = false;
	int option;

	while ((option = getopt_long(argc, argv, "ho:", options, NULL)) != -1) {
		if (option == 'h')
			return command_help(command);
		if (option == ARGUMENT_ROOT)
			root = optarg;
		else if (option != 'o')
			return command_misread(command);
		else if (strcmp(optarg, "json") != 0 && strcmp(optarg, "short") != 0)
			return command_misused(command, "--output: '%s' is neither short nor json",
					       optarg);
		else
			as_json = strcmp(optarg, "json") == 0;
	}
	if (*root && optind < argc)
		return command_misused(command, "--root cannot be used with FILEs");
	return verify(root, argv + optind, argc - optind, as_json);
}

const struct command command_verify = {
	.name = "verify",
	.arguments = "[OPTIONS...] [FILE...]",
	.summary = "Check the settings",
	.options = "Reads the settings as the daemon would and reports mistakes, also units that\n"
		   "this host lacks and settings without effect. With FILEs, reads only these:\n"
		   "NAME.agent, connwatchd.conf, or a drop-in of either (NAME.agent.d/*.conf).\n"
		   "The exit status is 1 if there is a mistake. Of an agent that runs now and has\n"
		   "no connection that would be watched, it says so.\n\n"
		   "      --root=DIR         read the settings below DIR\n"
		   "  -o, --output=FORMAT    short: text (the default); json: one object a line\n"
		   "  -h, --help             print this\n",
	.run = run,
};

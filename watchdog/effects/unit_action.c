/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "effects/unit_action.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#define SYSTEMD           "org.freedesktop.systemd1"
#define SYSTEMD_PATH      "/org/freedesktop/systemd1"
#define MANAGER_INTERFACE SYSTEMD ".Manager"
#define UNIT_INTERFACE    SYSTEMD ".Unit"
#define PROPERTIES        "org.freedesktop.DBus.Properties"

/* One job of systemd, from our request to its end. */
struct unit_job {
	struct unit_actions *actions;
	struct unit_job *next;
	uint32_t order;
	uint32_t agent;
	char *path; /* NULL: systemd has not answered yet */
	sd_bus_slot *call;
	char *unit_path;   /* of a restart; else NULL */
	sd_bus_slot *look; /* at the unit's invocation */
	bool looked;       /* it was seen before the restart: the next member */
	sd_id128_t invocation;
};

struct unit_actions {
	sd_event *loop;
	event_sink sink;
	void *userdata;
	sd_bus *bus; /* NULL: not connected yet */
	struct unit_job *jobs;
};

static const char *const methods[ACTION_TYPE_MAX] = {
	[ACTION_RESTART] = "RestartUnit",
	[ACTION_RELOAD] = "ReloadUnit",
	[ACTION_START_UNIT] = "StartUnit",
};

static void free_job(struct unit_job *job)
{
	struct unit_job **link = &job->actions->jobs;

	while (*link != job)
		link = &(*link)->next;
	*link = job->next;
	sd_bus_slot_unref(job->call);
	sd_bus_slot_unref(job->look);
	free(job->path);
	free(job->unit_path);
	free(job);
}

static void finish_job(struct unit_job *job, int error, const char *detail)
{
	struct unit_actions *actions = job->actions;
	struct event event = {
		.type = EVENT_ACTION_RESULT,
		.agent = job->agent,
		.action_result = { .order = job->order, .error = error },
	};
	char *text = event.action_result.detail;

	memcpy(text, detail, strnlen(detail, sizeof event.action_result.detail - 1));
	sd_event_now(actions->loop, CLOCK_MONOTONIC, &event.time);
	free_job(job);
	actions->sink(actions->userdata, &event);
}

/* The -errno for a result of JobRemoved (org.freedesktop.systemd1(5)). */
static int job_error(const char *result)
{
	if (strcmp(result, "done") == 0)
		return 0;
	if (strcmp(result, "canceled") == 0)
		return -ECANCELED;
	if (strcmp(result, "timeout") == 0)
		return -ETIMEDOUT;
	return -EIO;
}

/* The -errno for a refused call. Without an answer, it is unknown whether systemd received the
 * call. */
static int refusal_error(const sd_bus_error *refusal)
{
	if (sd_bus_error_has_name(refusal, SD_BUS_ERROR_NO_REPLY))
		return -ECONNRESET;
	return -sd_bus_error_get_errno(refusal);
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct unit_job *job = userdata;
	const sd_bus_error *refusal = sd_bus_message_get_error(reply);
	const char *path;

	(void)error;
	if (refusal) {
		const char *word = strrchr(refusal->name, '.');

		finish_job(job, refusal_error(refusal), word ? word + 1 : refusal->name);
		return 0;
	}
	if (sd_bus_message_read(reply, "o", &path) < 0 || !(job->path = strdup(path)))
		finish_job(job, -ENOMEM, "");
	return 0;
}

/* ---- a restart that the unit's start limit refuses
 *
 * The job's result is "failed" then, as for a unit that was started and failed. A refused start
 * makes no new invocation of the unit (unit_test_start_limit() in systemd): it has the old one, or,
 * if it was stopped for the restart, none. */

static int ask_invocation(struct unit_job *job, sd_bus_message_handler_t answer)
{
	job->look = sd_bus_slot_unref(job->look);
	return sd_bus_call_method_async(job->actions->bus, &job->look, SYSTEMD, job->unit_path,
					PROPERTIES, "Get", answer, job, "ss", UNIT_INTERFACE,
					"InvocationID");
}

/* Returns false if `reply` does not tell it. A unit that never ran has none. */
static bool read_invocation(sd_bus_message *reply, sd_id128_t *invocation)
{
	const void *bytes;
	size_t size;

	*invocation = SD_ID128_NULL;
	if (sd_bus_message_is_method_error(reply, NULL) ||
	    sd_bus_message_enter_container(reply, 'v', "ay") < 0 ||
	    sd_bus_message_read_array(reply, 'y', &bytes, &size) < 0)
		return false;
	if (size == sizeof(*invocation))
		memcpy(invocation, bytes, size);
	return true;
}

static int on_invocation_before(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct unit_job *job = userdata;

	(void)error;
	job->looked = read_invocation(reply, &job->invocation);
	return 0;
}

static int on_invocation_after(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct unit_job *job = userdata;
	sd_id128_t now;

	(void)error;
	if (read_invocation(reply, &now) &&
	    (sd_id128_is_null(now) || sd_id128_equal(now, job->invocation)))
		finish_job(job, -EDQUOT, "start-limit");
	else
		finish_job(job, -EIO, "failed");
	return 0;
}

static void end_job(struct unit_job *job, const char *result)
{
	if (!job->looked || strcmp(result, "failed") != 0 ||
	    ask_invocation(job, on_invocation_after) < 0)
		finish_job(job, job_error(result), result);
}

/* systemd tells all of JobRemoved while the client that requested the job is there, also without
 * Subscribe(). Anybody may send a signal to us alone. */
static int on_job_removed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct unit_actions *actions = userdata;
	const char *path, *result;

	(void)error;
	if (sd_bus_message_get_destination(message))
		return 0;
	if (sd_bus_message_read(message, "uoss", NULL, &path, NULL, &result) < 0)
		return 0;
	for (struct unit_job *job = actions->jobs; job; job = job->next) {
		if (job->path && strcmp(job->path, path) == 0) {
			end_job(job, result);
			break;
		}
	}
	return 0;
}

static struct unit_job *find_answered(struct unit_actions *actions)
{
	struct unit_job *job = actions->jobs;

	while (job && !job->path)
		job = job->next;
	return job;
}

/* Pending calls have already received an error before this signal. */
static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct unit_actions *actions = userdata;
	struct unit_job *job;

	(void)message;
	(void)error;
	while ((job = find_answered(actions)))
		finish_job(job, -ECONNRESET, "bus-lost");
	return 0;
}

static int join_bus(struct unit_actions *actions)
{
	int r;

	if (actions->bus && sd_bus_is_open(actions->bus) > 0)
		return 0;
	actions->bus = sd_bus_close_unref(actions->bus);
	r = sd_bus_open_system_with_description(&actions->bus, "unit-action");
	if (r < 0)
		return r;
	/* the loop handles one message at a time, and one agent's records without end */
	r = sd_bus_attach_event(actions->bus, actions->loop, SD_EVENT_PRIORITY_IMPORTANT);
	if (r < 0)
		return r;
	r = sd_bus_match_signal_async(actions->bus, NULL, SYSTEMD, SYSTEMD_PATH, MANAGER_INTERFACE,
				      "JobRemoved", on_job_removed, NULL, actions);
	if (r < 0)
		return r;
	return sd_bus_match_signal_async(
		actions->bus, NULL, "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
		"org.freedesktop.DBus.Local", "Disconnected", on_disconnected, NULL, actions);
}

int unit_actions_new(struct unit_actions **ret, sd_event *loop, event_sink sink, void *userdata)
{
	struct unit_actions *actions = calloc(1, sizeof *actions);

	if (!actions)
		return -ENOMEM;
	actions->loop = sd_event_ref(loop);
	actions->sink = sink;
	actions->userdata = userdata;
	*ret = actions;
	return 0;
}

struct unit_actions *unit_actions_free(struct unit_actions *actions)
{
	if (!actions)
		return NULL;
	while (actions->jobs)
		free_job(actions->jobs);
	sd_bus_flush_close_unref(actions->bus);
	sd_event_unref(actions->loop);
	free(actions);
	return NULL;
}

int unit_action_start(struct unit_actions *actions, uint32_t order, uint32_t agent,
		      enum action_type action, const char *unit)
{
	const char *method =
		action > ACTION_NONE && action < ACTION_TYPE_MAX ? methods[action] : NULL;
	struct unit_job *job;
	int r;

	if (!method)
		return -EINVAL;
	r = join_bus(actions);
	if (r < 0) {
		actions->bus = sd_bus_close_unref(actions->bus);
		return r;
	}
	job = calloc(1, sizeof *job);
	if (!job)
		return -ENOMEM;
	*job = (struct unit_job){
		.actions = actions,
		.next = actions->jobs,
		.order = order,
		.agent = agent,
	};
	actions->jobs = job;
	if (action == ACTION_RESTART &&
	    sd_bus_path_encode(SYSTEMD_PATH "/unit", unit, &job->unit_path) >= 0)
		ask_invocation(job, on_invocation_before);
	r = sd_bus_call_method_async(actions->bus, &job->call, SYSTEMD, SYSTEMD_PATH,
				     MANAGER_INTERFACE, method, on_answer, job, "ss", unit, "fail");
	if (r < 0)
		free_job(job);
	return r < 0 ? r : 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/boot_end.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-journal.h>
#include <systemd/sd-messages.h>

#include "base/text.h"
#include "sources/boot_end_sudo.h"
#include "support/cleanup.h"
#include "support/clock.h"

/* From the stop of connwatchd to the end of an orderly shutdown, at most: systemd gives services so
 * long to stop. */
#define SHUTDOWN_TIME (2 * USEC_PER_MINUTE)

enum { FIELD_SIZE = 256 };

DEFINE_CLEANUP(sd_journal *, sd_journal_close);

/* Matches entries of one boot with all of the fields, up to NULL; fields of one name are
 * alternatives. */
static int match(sd_journal *journal, const char *boot, const char *const *fields)
{
	char field[FIELD_SIZE];
	int r;

	sd_journal_flush_matches(journal);
	snprintf(field, sizeof(field), "_BOOT_ID=%s", boot);
	r = sd_journal_add_match(journal, field, 0);
	for (; r >= 0 && *fields; fields++)
		r = sd_journal_add_match(journal, *fields, 0);
	return r;
}

/* Goes to the last entry that matches. Returns 1, 0 if there is none, or -errno. */
static int go_to_last(sd_journal *journal, const char *boot, const char *const *fields)
{
	int r = match(journal, boot, fields);

	if (r >= 0)
		r = sd_journal_seek_tail(journal);
	return r < 0 ? r : sd_journal_previous(journal);
}

/* The value of a field of the entry, printable; "" if it has none. */
static const char *value_of(sd_journal *journal, const char *name, char *value, size_t size)
{
	const void *data;
	size_t length, prefix = strlen(name) + 1;

	value[0] = '\0';
	if (sd_journal_get_data(journal, name, &data, &length) >= 0 && length > prefix)
		snprintf(value, size, "%.*s", (int)(length - prefix), (const char *)data + prefix);
	text_make_printable(value);
	return value;
}

static int monotonic_of(sd_journal *journal, usec_t *time)
{
	sd_id128_t boot;

	return sd_journal_get_monotonic_usec(journal, time, &boot);
}

/* ---- the boot's last words */

static bool is_end_of_journald(sd_journal *journal)
{
	char id[SD_ID128_STRING_MAX], transport[FIELD_SIZE];

	value_of(journal, "MESSAGE_ID", id, sizeof(id));
	value_of(journal, "_TRANSPORT", transport, sizeof(transport));
	return strcmp(id, SD_MESSAGE_JOURNAL_STOP_STR) == 0 && strcmp(transport, "driver") == 0;
}

#define BY_SYSTEMD "_PID=1", "_UID=0"
#define STARTED    "MESSAGE_ID=" SD_MESSAGE_UNIT_STARTED_STR
#define STOPPED    "MESSAGE_ID=" SD_MESSAGE_UNIT_STOPPED_STR

/* The targets of systemd.special(7) by which a host goes down. */
static int find_stop(sd_journal *journal, const char *boot, enum host_stop *stop)
{
	static const char *const fields[] = { BY_SYSTEMD,
					      STARTED,
					      "UNIT=poweroff.target",
					      "UNIT=halt.target",
					      "UNIT=reboot.target",
					      "UNIT=kexec.target",
					      NULL };
	char unit[FIELD_SIZE];
	int r = go_to_last(journal, boot, fields);

	if (r <= 0)
		return r;
	value_of(journal, "UNIT", unit, sizeof(unit));
	unit[strcspn(unit, ".")] = '\0';
	*stop = host_stop_from_string(unit);
	if (*stop == HOST_STOP_INVALID)
		*stop = HOST_STOP_UNSEEN;
	return 0;
}

/* What logind logs when somebody presses a button (systemd 251), or one of its clients asks for a
 * shutdown. */
#define POWER_KEY       "MESSAGE_ID=b72ea4a2881545a0b50e200e55b9b071"
#define POWER_KEY_LONG  "MESSAGE_ID=3e0117101eb243c1b9a50db3494ab10b"
#define REBOOT_KEY      "MESSAGE_ID=9fa9d2c012134ec385451ffe316f97d0"
#define REBOOT_KEY_LONG "MESSAGE_ID=f1c59a58c9d943668965c337caec5975"
#define SHUTDOWN        "MESSAGE_ID=" SD_MESSAGE_SHUTDOWN_STR
#define BY_LOGIND       "_SYSTEMD_UNIT=systemd-logind.service"

/* Whether the journal's present entry belongs to the shutdown that ended at `last`. */
static bool is_of_shutdown(sd_journal *journal, usec_t last)
{
	usec_t time;

	return monotonic_of(journal, &time) >= 0 && time + SHUTDOWN_TIME > last;
}

static int find_word(sd_journal *journal, const char *boot, usec_t last, const char *const *fields,
		     const char *word, struct host_end *host)
{
	int r = *host->asked_by ? 0 : go_to_last(journal, boot, fields);

	if (r > 0 && is_of_shutdown(journal, last))
		text_copy(host->asked_by, sizeof(host->asked_by), word);
	return r;
}

/* The last of sudo's commands, among the newest, that takes a host down. */
static int find_sudo(sd_journal *journal, const char *boot, usec_t last, struct host_end *host)
{
	static const char *const fields[] = { "_EXE=/usr/bin/sudo", NULL };
	int r = *host->asked_by ? 0 : go_to_last(journal, boot, fields);

	for (; r > 0 && is_of_shutdown(journal, last); r = sd_journal_previous(journal)) {
		char line[FIELD_SIZE], user[sizeof(host->asked_by) - sizeof("sudo[]") + 1];

		value_of(journal, "MESSAGE", line, sizeof(line));
		if (!boot_end_sudo_read(line, user, sizeof(user)))
			continue;
		snprintf(host->asked_by, sizeof(host->asked_by), "sudo[%s]", user);
		return 0;
	}
	return r;
}

/* Who asked for the shutdown, where that is told: a unit, or who asks systemd without logind,
 * leaves no trace. */
static int find_asker(sd_journal *journal, const char *boot, usec_t last, struct host_end *host)
{
	static const char *const power[] = { BY_LOGIND, POWER_KEY, POWER_KEY_LONG, NULL };
	static const char *const reboot[] = { BY_LOGIND, REBOOT_KEY, REBOOT_KEY_LONG, NULL };
	static const char *const client[] = { BY_LOGIND, SHUTDOWN, NULL };
	int r;

	if (host->stop == HOST_STOP_UNSEEN)
		return 0;
	r = find_word(journal, boot, last, power, "power-key", host);
	if (r >= 0)
		r = find_word(journal, boot, last, reboot, "reboot-key", host);
	if (r >= 0)
		r = find_sudo(journal, boot, last, host);
	if (r >= 0)
		r = find_word(journal, boot, last, client, "logind", host);
	return r;
}

/* Whether connwatch was stopped, and not started again, `patience` or more before `last`. */
static int find_unwatched(sd_journal *journal, const char *boot, const char *unit, usec_t last,
			  usec_t patience, bool *unwatched)
{
	char field[FIELD_SIZE], id[SD_ID128_STRING_MAX];
	const char *const fields[] = { BY_SYSTEMD, STARTED, STOPPED, field, NULL };
	usec_t stopped;
	int r;

	snprintf(field, sizeof(field), "UNIT=%s", unit);
	r = go_to_last(journal, boot, fields);
	if (r <= 0)
		return r;
	value_of(journal, "MESSAGE_ID", id, sizeof(id));
	r = monotonic_of(journal, &stopped);
	*unwatched = r >= 0 && strcmp(id, SD_MESSAGE_UNIT_STOPPED_STR) == 0 &&
		     stopped + patience <= last;
	return r;
}

/* ---- the boot after it */

/* Whether the entry after the journal's present one is of the boot `present`. */
static int find_next(sd_journal *journal, const char *cursor, const char *present, bool *is_present)
{
	char boot[SD_ID128_STRING_MAX];
	int r;

	sd_journal_flush_matches(journal);
	r = sd_journal_seek_cursor(journal, cursor);
	for (int i = 0; r >= 0 && i < 2; i++)
		r = sd_journal_next(journal);
	if (r < 0)
		return r;
	*is_present =
		r > 0 && strcmp(value_of(journal, "_BOOT_ID", boot, sizeof(boot)), present) == 0;
	return 0;
}

static int find_first(sd_journal *journal, const char *present, usec_t *monotonic)
{
	static const char *const fields[] = { NULL };
	int r = match(journal, present, fields);

	if (r >= 0)
		r = sd_journal_seek_head(journal);
	if (r >= 0)
		r = sd_journal_next(journal);
	if (r <= 0)
		return r < 0 ? r : -ENODATA;
	return monotonic_of(journal, monotonic);
}

/* By the clock as it is now, which may have been set since the boot. */
static usec_t down_time(const struct boot_end *end)
{
	usec_t since = clock_now(CLOCK_MONOTONIC) - end->next;
	usec_t first = clock_now(CLOCK_REALTIME) - since;

	return first > end->last ? first - end->last : 0;
}

int boot_end_read(const char *boot, const char *present, const char *unit, bool clock_is_doubted,
		  struct boot_end *end)
{
	static const char *const any[] = { NULL };
	_cleanup_(sd_journal_close_held) sd_journal *journal = NULL;
	_cleanup_free_ char *cursor = NULL;
	bool follows = false;
	usec_t last = 0;
	int r = sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY);

	*end = (struct boot_end){ 0 };
	text_copy(end->host.boot_id, sizeof(end->host.boot_id), boot);
	if (r >= 0)
		r = go_to_last(journal, boot, any);
	if (r == 0)
		r = -ENODATA;
	if (r >= 0)
		r = sd_journal_get_realtime_usec(journal, &end->last);
	if (r >= 0)
		r = monotonic_of(journal, &last);
	if (r >= 0)
		r = sd_journal_get_cursor(journal, &cursor);
	if (r < 0)
		return r;
	end->host.journal_closed = is_end_of_journald(journal);
	r = find_next(journal, cursor, present, &follows);
	end->host.not_the_last = !follows;
	if (r >= 0)
		r = find_stop(journal, boot, &end->host.stop);
	if (r >= 0)
		r = find_asker(journal, boot, last, &end->host);
	if (r >= 0)
		r = find_unwatched(journal, boot, unit, last,
				   end->host.journal_closed || end->host.stop ? SHUTDOWN_TIME : 0,
				   &end->host.unwatched);
	if (r >= 0)
		r = find_first(journal, present, &end->next);
	if (r < 0)
		return r;
	if (follows && !clock_is_doubted)
		end->host.down = down_time(end);
	return 0;
}

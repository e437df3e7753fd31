/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SLEEPING = 37, /* also without sleep, for `nmcli networking off` */
	CONNECTION_REMOVED = 38,
	USER_REQUESTED = 39,
	NEW_ACTIVATION = 60,
	REASON_TEXT_SIZE = 12,
};

/* NMDeviceStateReason in the words of NetworkManager's log: those with which it disconnects an
 * interface or fails to connect it. Others are told by their number. One string: a table of
 * pointers would take thrice its size. */
static const char reasons[] = "4 config-failed\0"
			      "5 ip-config-unavailable\0"
			      "6 ip-config-expired\0"
			      "7 no-secrets\0"
			      "8 supplicant-disconnect\0"
			      "10 supplicant-failed\0"
			      "11 supplicant-timeout\0"
			      "13 ppp-disconnect\0"
			      "14 ppp-failed\0"
			      "15 dhcp-start-failed\0"
			      "16 dhcp-error\0"
			      "17 dhcp-failed\0"
			      "29 gsm-apn-failed\0"
			      "31 gsm-registration-denied\0"
			      "32 gsm-registration-timeout\0"
			      "33 gsm-registration-failed\0"
			      "36 removed\0"
			      "37 sleeping\0"
			      "38 connection-removed\0"
			      "39 user-requested\0"
			      "40 carrier-changed\0"
			      "43 modem-not-found\0"
			      "45 gsm-sim-not-inserted\0"
			      "50 dependency-failed\0"
			      "53 ssid-not-found\0"
			      "57 modem-failed\0"
			      "60 new-activation\0"
			      "61 parent-changed\0"
			      "64 ip-address-duplicate\0";

static const char *reason_words(unsigned reason)
{
	for (const char *at = reasons; *at; at += strlen(at) + 1) {
		char *words;

		if (strtoul(at, &words, 10) == reason)
			return words + 1;
	}
	return NULL;
}

bool device_was_asked(unsigned reason)
{
	return reason == SLEEPING || reason == CONNECTION_REMOVED || reason == USER_REQUESTED ||
	       reason == NEW_ACTIVATION;
}

/* Of a reason without words, its number. */
static const char *reason_text(unsigned reason, char number[static REASON_TEXT_SIZE])
{
	const char *words = reason_words(reason);

	snprintf(number, REASON_TEXT_SIZE, "%u", reason);
	return words ?: number;
}

void device_describe_attempt(struct tokens *tokens, const struct path_view *path)
{
	char number[REASON_TEXT_SIZE];

	if (path->attempt.state == DEVICE_NONE)
		return;
	if (!*path->interface)
		tokens_add(tokens, "nm_interface=%s", path->attempted);
	tokens_add(tokens, "nm_failed=%s", reason_text(path->attempt.reason, number));
}

void device_describe(struct deliberation *on, const struct path_part *part)
{
	const struct path_view *path = &on->given->path;
	const struct device_fall *fall = &part->fall, *attempt = &path->attempt;
	char number[REASON_TEXT_SIZE];
	bool fell = fall->state != DEVICE_NONE;
	bool failed = !part->there && attempt->state != DEVICE_NONE &&
		      (attempt->state != fall->state || attempt->reason != fall->reason);

	/* a link or a radio is told with its interface */
	if ((fell || failed) && *path->interface && part != &path->link && part != &path->radio)
		tokens_add(evidence(on), "interface=%s", path->interface);
	if (fell) {
		tokens_add(evidence(on), "nm_state=%s", device_state_to_string(fall->state));
		tokens_add(evidence(on), "nm_reason=%s", reason_text(fall->reason, number));
	}
	if (failed)
		device_describe_attempt(evidence(on), path);
}

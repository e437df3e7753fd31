/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/radio.h"

/* Those that access points and stations give when they end a connection. */
static const char *const reasons[] = {
	[1] = "unspecified",
	[2] = "authentication-no-longer-valid",
	[3] = "the-sender-leaves",
	[4] = "inactivity",
	[5] = "too-many-stations",
	[6] = "not-authenticated",
	[7] = "not-associated",
	[8] = "the-sender-leaves-the-network",
	[9] = "associating-before-authenticating",
	[10] = "transmit-power-not-acceptable",
	[11] = "channels-not-acceptable",
	[12] = "sent-to-another-access-point",
	[13] = "invalid-element",
	[14] = "message-integrity-check-failed",
	[15] = "key-handshake-timed-out",
	[16] = "group-key-handshake-timed-out",
	[17] = "key-handshake-differs-from-association",
	[18] = "group-cipher-not-valid",
	[19] = "pairwise-cipher-not-valid",
	[20] = "key-management-not-valid",
	[21] = "security-version-not-supported",
	[22] = "security-capabilities-not-valid",
	[23] = "802.1X-authentication-failed",
	[24] = "cipher-rejected-by-policy",
	[30] = "not-allowed-at-this-place",
	[32] = "quality-of-service",
	[33] = "not-enough-bandwidth",
	[34] = "poor-channel",
	[36] = "the-station-leaves",
	[39] = "timeout",
	[46] = "limit-of-accesses-reached",
	[47] = "service-outside-requires-it",
	[49] = "key-identifier-not-valid",
};

const char *radio_reason_words(unsigned reason)
{
	return reason < sizeof(reasons) / sizeof(reasons[0]) ? reasons[reason] : NULL;
}

void radio_describe(struct deliberation *on)
{
	const struct radio_loss *loss = &on->given->path.loss;
	const char *words = radio_reason_words(loss->reason);

	if (radio_is_of_modem(loss->radio))
		tokens_add(evidence(on), "modem=%s", radio_to_string(loss->radio));
	if (loss->radio == RADIO_NONE || radio_is_of_modem(loss->radio))
		return;
	tokens_add(evidence(on), "wifi=%s", radio_to_string(loss->radio));
	if (loss->reason)
		tokens_add(evidence(on), "wifi_reason=%u%s%s", loss->reason, words ? "-" : "",
			   words ?: "");
	if (loss->signal)
		tokens_add(evidence(on), "wifi_signal_dbm=%d", loss->signal);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules: the peer ended the connection. */
#pragma once

#include "verdict/evidence.h"

/* A FIN or a RST of the peer's ended the connection, or the peer refused it. SILENT for any other
 * ENDED_BY. WAIT while MQTT packets from before the end may still be observed. */
enum ruling rule_peer(struct deliberation *on);

/* Decides why the peer ended the session, whichever side closed the connection. Never SILENT; WAIT
 * as the rules that it asks. */
enum ruling decide_peers_doing(struct deliberation *on);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "verdict/evidence.h"

/* The TLS handshake came to nothing: one side refused the other by an alert, the peer does not
 * speak TLS, or its answer did not come. Silent where the agent's process died of a signal. */
enum ruling rule_tls(struct deliberation *on);

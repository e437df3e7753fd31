/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a radio says of its loss, as evidence. */
#pragma once

#include "verdict/evidence.h"

/* Adds what was reported of the loss of the path's radio; nothing where nothing was. */
void radio_describe(struct deliberation *on);

/* Returns the meaning of a reason code of IEEE 802.11, 9.4.1.7, in words with "-" between them;
 * NULL for one that has none here. Static. */
const char *radio_reason_words(unsigned reason);

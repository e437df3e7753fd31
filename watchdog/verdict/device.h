/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What NetworkManager says of an interface that it disconnected, as evidence. It is the word of a
 * program, and never excludes another cause. */
#pragma once

#include "verdict/evidence.h"

/* True for a reason (NMDeviceStateReason) that is somebody's wish: a user's or a program's. */
bool device_was_asked(unsigned reason);

/* Adds that NetworkManager failed to connect the interface, if it did and told no more since. */
void device_describe_attempt(struct tokens *tokens, const struct path_view *path);

/* Adds what NetworkManager told about the loss of `part`, a part of the path; nothing where nothing
 * was told. */
void device_describe(struct deliberation *on, const struct path_part *part);

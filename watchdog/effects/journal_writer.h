/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes records to the systemd journal. */
#pragma once

#include "record/record.h"

/* Sends one record; the journal adds the sender (_SYSTEMD_UNIT, SYSLOG_IDENTIFIER, ...). Returns 0,
 * -ENOENT if the system has no journal, or another -errno. */
int journal_write(const struct record *record);

/* Writes records to the systemd journal. */
#pragma once

#include "core/record.h"

/* Sends one record; the journal adds who we are (_SYSTEMD_UNIT, SYSLOG_IDENTIFIER, ...). Returns 0,
 * -ENOENT if the system has no journal (nothing was done), or another -errno. */
int journal_write(const struct record *record);

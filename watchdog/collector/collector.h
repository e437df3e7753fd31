/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The subcommands of connwatch-fleet: one file and one row of the table in main.c each. */
#pragma once

#include "cli/command.h"

#define COLLECTOR_PROGRAM "connwatch-fleet"

extern const struct command command_report;
extern const struct command command_explain_hub;

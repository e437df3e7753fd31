/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rule: an end that nobody observed, in the mode sock-diag. */
#pragma once

#include "verdict/evidence.h"

/* The looks before and after the end leave more than one possibility for it: a process that died
 * with it, a peer that did not answer, or a broken path. Mostly suspected. SILENT where ENDED_BY is
 * known. WAIT for the exit of the process. */
enum ruling rule_unobserved(struct deliberation *on);

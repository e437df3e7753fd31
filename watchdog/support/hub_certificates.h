/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When the certificates of hubs end, as `connwatchctl check` last saw them, or connwatchd in the
 * handshakes of its agents: a line each in a file that lasts until the host goes down. Only root
 * writes it. */
#pragma once

#include <stdint.h>

/* One for each agent, and some that were checked. */
enum { HUB_CERTIFICATES_MAX = 80, HUB_NAME_SIZE = 96, HUB_AGENT_SIZE = 64 };

struct hub_certificate {
	char hub[HUB_NAME_SIZE];    /* HOST:PORT, with none but letters, digits and ".:-_[]" */
	int64_t ends;               /* seconds since 1970 */
	int64_t checked;            /* likewise: when it was seen */
	char agent[HUB_AGENT_SIZE]; /* in whose handshake; empty: by a check */
};

/* Reads the file (`path`; NULL: /run/connwatch/certificates) into `list`. Returns how many there
 * are; a line that is none is passed over, and no file is no hub. */
unsigned hub_certificates_read(const char *path,
			       struct hub_certificate list[static HUB_CERTIFICATES_MAX]);

/* Keeps what is known of one hub, in place of what was known of it, or of the agent's hub, or,
 * where there is no room, of the one that was checked longest ago. The same certificate in the
 * handshakes of an agent is written once an hour. Returns 0, -EINVAL for a name that is none, or
 * -errno: -ENOENT where connwatchd was never started since the host did. */
int hub_certificates_keep(const char *path, const struct hub_certificate *certificate);

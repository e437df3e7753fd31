/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which journals there are on a collecting host, and from whom each came.
 *
 * systemd-journal-remote(8) with --split-mode=host writes a file for each sender, which it names
 * after the sender's certificate or address: remote-SENDER.journal, and remote-SENDER@....journal
 * for those that were rotated. The name is the only thing in a journal that its sender does not
 * choose.
 *
 * Behind a TLS server, the address is one of the loopback network that the server uses for one
 * certificate alone, and hosts(5) has the name of the device for it (docs/FLEET.md). */
#pragma once

#include "base/cleanup.h"
#include "fleet/fleet.h"

enum { SENDER_SIZE = 256 };

struct fleet_journal {
	char *path;
	char sender[SENDER_SIZE]; /* printable; "": the name of the file does not say */
	const char *name;         /* what people call the sender; the list's own */
};

/* A name that /etc/hosts has for an address of the loopback network. */
struct sender_name {
	uint32_t address; /* in the host's byte order */
	char name[FLEET_NAME_SIZE];
};

struct fleet_journals {
	struct sender_name *names; /* by address */
	unsigned name_count;
	struct fleet_journal *items; /* those of one sender side by side */
	unsigned count;
};

/* Fills `sender` from a file's name. It stays "" for a name without a sender, and for senders that
 * stand for everybody: the loopback addresses, from which a TLS server in front of
 * systemd-journal-remote passes on what it received. */
void fleet_journal_sender(const char *path, char sender[static SENDER_SIZE]);

/* Lists `files`, ended by NULL; or, without them, the journals in `directory` itself. The caller
 * frees the list with fleet_journals_free(), also after an error. Returns 0 or -errno. */
int fleet_journals_list(struct fleet_journals *journals, const char *directory,
			const char *const *files);
void fleet_journals_free(struct fleet_journals *journals);

/* Returns how many of the journals from `first` on have one sender. */
unsigned fleet_journals_of_sender(const struct fleet_journals *journals, unsigned first);

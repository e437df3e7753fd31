/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collector/journals.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "support/cleanup.h"

#define PREFIX "remote-"
#define SUFFIX ".journal" /* and ".journal~", for one that was not closed */

/* ---- whose it is */

static bool stands_for_everybody(const char *sender)
{
	static const char *const names[] = { "127.0.0.1", "::1", "::ffff:127.0.0.1", "localhost" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(sender, names[i]) == 0)
			return true;
	return false;
}

void fleet_journal_sender(const char *path, char sender[static SENDER_SIZE])
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *end;

	sender[0] = '\0';
	if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
		return;
	name += strlen(PREFIX);
	end = strstr(name, SUFFIX);
	if (!end || end - name >= SENDER_SIZE)
		return;
	memcpy(sender, name, (size_t)(end - name));
	sender[end - name] = '\0';
	sender[strcspn(sender, "@")] = '\0';
	text_make_printable(sender);
	if (stands_for_everybody(sender))
		sender[0] = '\0';
}

/* ---- what people call it */

enum { LOOPBACK = 127 }; /* first byte of an address: RFC 1122, section 3.2.1.3 */

static int compare_addresses(const void *a, const void *b)
{
	const struct sender_name *left = a, *right = b;

	return left->address < right->address ? -1 : left->address > right->address;
}

static int add_name(struct fleet_journals *journals, const struct hostent *host)
{
	struct sender_name *grown;
	uint32_t address;

	if (host->h_addrtype != AF_INET || !host->h_addr_list[0])
		return 0;
	memcpy(&address, host->h_addr_list[0], sizeof(address));
	address = ntohl(address);
	if (address >> 24 != LOOPBACK)
		return 0;
	grown = reallocarray(journals->names, journals->name_count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	journals->names = grown;
	grown += journals->name_count++;
	grown->address = address;
	text_copy(grown->name, sizeof(grown->name), host->h_name);
	text_make_printable(grown->name);
	return 0;
}

/* gethostent(3) reads /etc/hosts, and asks no server. */
static int read_names(struct fleet_journals *journals)
{
	const struct hostent *host;
	int r = 0;

	sethostent(0);
	while (r >= 0 && (host = gethostent()))
		r = add_name(journals, host);
	endhostent();
	if (r >= 0 && journals->name_count)
		qsort(journals->names, journals->name_count, sizeof(journals->names[0]),
		      compare_addresses);
	return r;
}

static const char *name_of(const struct fleet_journals *journals, const char *sender)
{
	struct sender_name *found = NULL, wanted;
	struct in_addr address;

	if (journals->name_count && inet_pton(AF_INET, sender, &address) == 1) {
		wanted.address = ntohl(address.s_addr);
		found = bsearch(&wanted, journals->names, journals->name_count,
				sizeof(journals->names[0]), compare_addresses);
	}
	return found ? found->name : sender;
}

/* ---- listing */

static int add(struct fleet_journals *journals, char *path)
{
	struct fleet_journal *grown;

	if (!path)
		return -ENOMEM;
	grown = reallocarray(journals->items, journals->count + 1, sizeof(*grown));
	if (!grown) {
		free(path);
		return -ENOMEM;
	}
	journals->items = grown;
	grown += journals->count++;
	grown->path = path;
	fleet_journal_sender(path, grown->sender);
	return 0;
}

static bool is_journal(const char *name)
{
	size_t length = strlen(name), suffix = strlen(SUFFIX);

	if (length > 0 && name[length - 1] == '~')
		length--;
	return length > suffix && strncmp(name + length - suffix, SUFFIX, suffix) == 0;
}

static int add_directory(struct fleet_journals *journals, const char *directory)
{
	_cleanup_closedir_ DIR *files = opendir(directory);
	const struct dirent *file;
	int r = 0;

	if (!files)
		return -errno;
	while (r >= 0 && (file = readdir(files))) {
		char *path;

		if (is_journal(file->d_name))
			r = add(journals, asprintf(&path, "%s/%s", directory, file->d_name) < 0
						  ? NULL
						  : path);
	}
	return r;
}

static int compare(const void *a, const void *b)
{
	const struct fleet_journal *left = a, *right = b;
	int order = strcmp(left->sender, right->sender);

	return order ? order : strcmp(left->path, right->path);
}

int fleet_journals_list(struct fleet_journals *journals, const char *directory,
			const char *const *files)
{
	int r = 0;

	for (; files && *files && r >= 0; files++)
		r = add(journals, strdup(*files));
	if (!files)
		r = add_directory(journals, directory);
	if (r >= 0)
		r = read_names(journals);
	if (r < 0 || !journals->count)
		return r;
	qsort(journals->items, journals->count, sizeof(journals->items[0]), compare);
	for (unsigned i = 0; i < journals->count; i++)
		journals->items[i].name = name_of(journals, journals->items[i].sender);
	return 0;
}

void fleet_journals_free(struct fleet_journals *journals)
{
	for (unsigned i = 0; i < journals->count; i++)
		free(journals->items[i].path);
	free(journals->items);
	free(journals->names);
}

unsigned fleet_journals_of_sender(const struct fleet_journals *journals, unsigned first)
{
	unsigned count = 1;

	while (first + count < journals->count &&
	       strcmp(journals->items[first].sender, journals->items[first + count].sender) == 0)
		count++;
	return count;
}

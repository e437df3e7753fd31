/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collector/devices.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/keyed_table.h"
#include "base/text.h"
#include "hub/hub_code.h"

enum { DEVICES_MAX = 1 << 18 };

struct devices {
	struct keyed_table table;
	struct device **by_number; /* the first is number 1 */
};

int devices_new(struct devices **devices)
{
	_cleanup_(devices_free_held) struct devices *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->by_number = calloc(DEVICES_MAX, sizeof(struct device *));
	if (!new->by_number ||
	    keyed_table_init(&new->table, DEVICES_MAX, sizeof(struct device)) < 0)
		return -ENOMEM;
	*devices = STEAL_POINTER(new);
	return 0;
}

void devices_free(struct devices *devices)
{
	keyed_table_release(&devices->table);
	free(devices->by_number);
	free(devices);
}

/* Two names may have one hash: then the second has the next free key. */
static struct device *find(struct devices *devices, const char *name, uint64_t *key)
{
	struct device *device;

	*key = hub_hash(HUB_HASH, name, strlen(name));
	while ((device = keyed_table_find(&devices->table, *key)) &&
	       strcmp(device->name, name) != 0)
		(*key)++;
	return device;
}

struct device *devices_find(struct devices *devices, const char *name)
{
	uint64_t key;

	return find(devices, name, &key);
}

struct device *devices_add(struct devices *devices, const char *name)
{
	uint64_t key;
	struct device *device = find(devices, name, &key);

	if (device)
		return device;
	device = keyed_table_add(&devices->table, key);
	if (!device)
		return NULL;
	text_copy(device->name, sizeof(device->name), name);
	devices->by_number[devices->table.count - 1] = device;
	device->number = device->records = devices->table.count;
	device->first = USEC_INFINITY;
	return device;
}

struct device *devices_at(struct devices *devices, uint32_t number)
{
	return devices->by_number[number - 1];
}

static int map(struct devices *devices, const char *hub_id, const char *name, const char *agent)
{
	struct device *from = devices_add(devices, hub_id), *to = devices_add(devices, name);

	if (!from || !to)
		return -ENOSPC;
	if (from->mapped && (from->records != to->number || strcmp(from->agent, agent) != 0))
		return -EEXIST;
	from->mapped = true;
	from->records = to->number;
	return text_copy(from->agent, sizeof(from->agent), agent) < 0 ? -EINVAL : 0;
}

int devices_map(struct devices *devices, const char *hub_id, const char *name)
{
	const char *slash = strchrnul(name, '/');
	size_t length = (size_t)(slash - name);
	char device[HUB_ID_SIZE];

	if (!hub_id[0] || strlen(hub_id) >= HUB_ID_SIZE || !length || length >= sizeof(device) ||
	    strcmp(slash, "/") == 0)
		return -EINVAL;
	memcpy(device, name, length);
	device[length] = '\0';
	return map(devices, hub_id, device, *slash ? slash + 1 : "");
}

struct device *devices_of_record(struct devices *devices, const char *name, const char *id)
{
	struct device *claimed = id[0] ? devices_find(devices, id) : NULL;

	return claimed && claimed->named && !claimed->mapped ? claimed
							     : devices_find(devices, name);
}

const struct device_owner *device_owner(const struct device *device)
{
	return device->own.known ? &device->own : &device->claim;
}

bool device_is_ambiguous(const struct device *device)
{
	return device_owner(device)->contested;
}

uint64_t device_source(const char *source, const char *machine)
{
	const char *text = source[0] ? source : machine;

	return hub_hash(source[0] ? HUB_HASH + 1 : HUB_HASH, text, strlen(text));
}

void device_note(struct device_owner *owner, const char *source, const char *machine,
		 const char *name)
{
	uint64_t hash = device_source(source, machine);
	bool proven = source[0];

	if (owner->known && owner->proven && !proven)
		return;
	if (!owner->known || owner->proven != proven) {
		*owner = (struct device_owner){ .known = true, .proven = proven, .source = hash };
		text_copy(owner->name, sizeof(owner->name), name);
	} else if (owner->source != hash && !owner->contested) {
		owner->contested = true;
		text_copy(owner->other, sizeof(owner->other), name);
	}
}

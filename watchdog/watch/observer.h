/* When the probe's ring is looked into: as soon as there is a record in it; but while records come
 * thick and fast, every millisecond, because a wake-up costs the kernel more than the record does.
 * Wiring of sources/probe for watch_loop.c. */
#pragma once

#include <systemd/sd-event.h>

struct probe;
struct watch_records;

/* `look` is to call probe_drain() and to return what that does. It is not called before
 * watch_records_begin(). `event` is referenced, `probe` borrowed. Returns 0 or -errno. */
int watch_records_new(struct watch_records **ret, sd_event *event, struct probe *probe,
		      int (*look)(void *userdata), void *userdata);
struct watch_records *watch_records_free(struct watch_records *records); /* returns NULL */

void watch_records_begin(struct watch_records *records);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What becomes of the Wi-Fi connections of our own network namespace, as EVENT_RADIO, over the
 * group "mlme" of nl80211. Times are those of reading; path.within tells how much earlier it may
 * have been.
 *
 * A host without nl80211 has no events, until a module brings it: nothing is loaded for our sake,
 * and nothing is asked in the meantime. How an access point is heard is asked only when the driver
 * reports trouble with it. */
#pragma once

#include "base/cleanup.h"
#include "sources/source.h"

struct wifi_monitor;

/* No options. */
extern const struct source wifi_monitor_source;

/* Opens a monitor and asks which families there are. Returns 0 and the monitor in `*ret`, to be
 * freed with wifi_monitor_close(); or -errno. `sink` is called from inside wifi_monitor_drain(). */
int wifi_monitor_open(struct wifi_monitor **ret, event_sink sink, void *userdata);
struct wifi_monitor *wifi_monitor_close(struct wifi_monitor *monitor); /* returns NULL */
DEFINE_CLEANUP(struct wifi_monitor *, wifi_monitor_close);

/* Tells what has come, without waiting. */
void wifi_monitor_drain(struct wifi_monitor *monitor);

/* Returns true if this kernel has nl80211, as far as drained. */
bool wifi_monitor_has_wifi(const struct wifi_monitor *monitor);

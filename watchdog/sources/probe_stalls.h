/* Inside the probe: what tells that a stall is over is attached only while it is needed, for every
 * new connection of the host passes by there. */
#pragma once

struct probe;

/* To be called whenever records have been taken: attaches it if something may be stalled, and
 * detaches it once nothing has been for a while. What fails is tried again the next time. */
void probe_stalls_follow(struct probe *probe);

/* What the engine knows at this moment, for people to look at. */
#pragma once

#include "engine.h"
#include "path.h"

struct agent_snapshot {
	uint32_t number;
	const struct agent_settings *settings;
	enum mode mode;
	const char *unit;        /* empty: it has none */
	uint32_t connections_up; /* to the hub */
	usec_t down_since;       /* 0: a connection is up, or none ever was */
	unsigned attempts;       /* connections that failed to come up since then */
};

struct connection_snapshot {
	uint64_t cookie;
	uint64_t netns;
	uint32_t agent;
	bool up;    /* it was established */
	bool ended; /* the session is over; its verdict waits, or the socket is still closing down
		     */
	usec_t up_since;    /* 0: it was not */
	enum cause stalled; /* the trouble it is in; CAUSE_UNKNOWN: none */
	struct endpoint local;
	struct endpoint peer;
	struct task owner;
	struct path_view path; /* the way to the peer, now */
};

/* Told of everything, agents by their number first, then connections in no order. What is NULL is
 * not looked at. Each lives for the call only, its texts and settings as long as the engine knows
 * the agent. */
struct snapshot_sink {
	void (*agent)(void *userdata, const struct agent_snapshot *agent);
	void (*connection)(void *userdata, const struct connection_snapshot *connection);
	void *userdata;
};

/* Must not be called from inside engine_step(), nor the engine be stepped from inside the sink. */
void engine_snapshot(const struct engine *engine, const struct snapshot_sink *sink);

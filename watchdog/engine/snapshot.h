/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The engine's state at this moment, for people to look at. */
#pragma once

#include "engine/engine.h"
#include "verdict/path.h"

struct agent_snapshot {
	uint32_t number;
	const struct agent_settings *settings;
	enum mode mode;
	const char *unit;        /* empty: it has none */
	const char *unit_state;  /* its ActiveState, "start-limit" if it failed by that, "masked" or
				    "not-found" if it does not run, "unknown"; empty: no unit */
	bool absent;             /* a shipped profile of which this host shows nothing */
	uint32_t connections_up; /* to the hub */
	usec_t down_since;       /* 0: a connection is up, or none ever was */
	bool in_outage;          /* also while a session has come up that may be too short to end
				    it, if many were */
	unsigned attempts;       /* connections that failed to come up since then */
	enum rung failed;        /* where the last attempt failed; RUNG_NONE: none has since the
				    agent was last connected */
	usec_t failed_since;     /* since then all failed there; valid with `failed` */
	uint64_t certificates_unread; /* of its hub, in handshakes in plain text */
	usec_t next_action; /* when the action limit allows one again; 0: now; USEC_INFINITY:
			       never */
};

struct connection_snapshot {
	uint64_t cookie;
	uint64_t netns;
	uint32_t agent;
	bool up;         /* it was established */
	bool serves;     /* its session is up, as far as can be seen */
	bool ended;      /* the session is over; its verdict waits, or its socket is not closed */
	usec_t up_since; /* 0: it was not */
	enum cause stalled; /* of the trouble it is in; CAUSE_UNKNOWN: none */
	struct endpoint local;
	struct endpoint peer;
	struct task owner;
	struct path_view path; /* to the peer, now */
	usec_t token_ends;     /* when the token of its login does; 0: not known */
};

/* Gets all agents, in the order of their numbers, then all connections, in no order. A hook that is
 * NULL is not called. What a hook gets is valid during the call only; its texts and settings are
 * valid as long as the engine knows the agent. */
struct snapshot_sink {
	void (*agent)(void *userdata, const struct agent_snapshot *agent);
	void (*connection)(void *userdata, const struct connection_snapshot *connection);
	void *userdata;
};

/* Calls the hooks of `sink`. Must not be called from inside engine_step(), nor may a hook step the
 * engine. */
void engine_snapshot(const struct engine *engine, const struct snapshot_sink *sink);

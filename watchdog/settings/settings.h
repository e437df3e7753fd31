/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Settings of the daemon and of the agents, and their parser. The parser reads no files:
 * sources/settings_files passes the text, and the file's name for the messages. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/nearest.h"
#include "base/time_span.h"
#include "base/usec.h"
#include "base/vocabulary.h"
#include "settings/action.h"
#include "settings/peer_pattern.h"

enum {
	AGENT_NAME_SIZE = 64,
	AGENT_MATCHES_MAX = 8,
	AGENT_PEERS_MAX = 8,
	CGROUP_PATH_SIZE = 512,
	POLICY_STEPS_MAX = 4,
};

/* The actions for one cause: steps, each taken EscalateAfterSec= after the one before unless the
 * agent has recovered. "none" ends the list and is not a step. */
struct policy_steps {
	struct action steps[POLICY_STEPS_MAX];
	unsigned count;
};

enum match_type {
	MATCH_UNIT,          /* Unit=: a systemd unit's name */
	MATCH_CONTROL_GROUP, /* ControlGroup=: see cgroup_pattern.h */
	MATCH_TYPE_MAX,
	MATCH_TYPE_INVALID = -1,
};

struct agent_match {
	enum match_type type;
	char value[CGROUP_PATH_SIZE];
};

struct agent_settings {
	char name[AGENT_NAME_SIZE];
	bool optional; /* a profile as shipped: of no interest on a host that lacks its unit */
	struct agent_match matches[AGENT_MATCHES_MAX];
	unsigned match_count;
	bool delegated; /* Delegated=: control groups that others than root could make count, too */
	struct peer_pattern peers[AGENT_PEERS_MAX];
	unsigned peer_count;            /* 0: each connection of the agent counts */
	char device_id[DEVICE_ID_SIZE]; /* DeviceId=: what the hub calls the agent; "": not known */
	/* [Connection] */
	usec_t keepalive; /* KeepAliveSec=: the protocol's keep-alive, e.g. MQTT's; 0: not known */
	usec_t token_lifetime;    /* TokenLifetimeSec=; 0: not known */
	usec_t reconnect_timeout; /* ReconnectTimeoutSec=; 5 min */
	usec_t settle;            /* SettleSec=; 30 s */
	usec_t stalled_after;     /* StalledAfterSec=; 60 s */
	bool mqtt_inspect;        /* MqttInspect=: read the headers of its MQTT packets */
	bool token_inspect; /* TokenInspect=: with it, also when the token in a CONNECT ends */
	/* [Policy] */
	struct policy_steps policy[CAUSE_MAX];
	usec_t escalate_after;   /* EscalateAfterSec=; 2 min */
	unsigned limit_burst;    /* ActionLimitBurst=; 3 */
	usec_t limit_interval;   /* ActionLimitIntervalSec=; 1 h */
	usec_t randomized_delay; /* RandomizedDelaySec=; 30 s */
	bool hold_while_offline; /* WhileOffline=hold; the only other value is "act" */
	bool dry_run;            /* DryRun= */
};

struct daemon_settings {
	enum mode mode;                      /* Mode=ebpf|sock-diag|auto; MODE_INVALID: auto */
	char metrics_path[CGROUP_PATH_SIZE]; /* MetricsFile=; empty: none */
	char btf_path[CGROUP_PATH_SIZE];     /* Btf=; empty: the file that is found by itself */
};

void agent_settings_defaults(struct agent_settings *settings, const char *name);
void daemon_settings_defaults(struct daemon_settings *settings);

/* Called for each mistake: `file` as passed to the parser, `line` from 1, `text` a sentence without
 * a full stop. */
typedef void (*settings_complaint)(void *userdata, const char *file, unsigned line,
				   const char *text);

/* Reads the `size` bytes of `text` into `settings` and keeps what they do not set; so another call
 * reads a drop-in. An unknown section or key and a bad value are reported and skipped; the rest
 * takes effect. An empty assignment empties a list and resets a value to its default. Returns the
 * number of complaints. */
unsigned agent_settings_parse(struct agent_settings *settings, const char *file, const char *text,
			      size_t size, settings_complaint complain, void *userdata);
unsigned daemon_settings_parse(struct daemon_settings *settings, const char *file, const char *text,
			       size_t size, settings_complaint complain, void *userdata);

/* Assigns one setting, as from a command line or a trace. Returns 0, -ENOENT for an unknown key,
 * -EINVAL for a bad value, -ENOSPC if a list is full. */
int agent_settings_assign(struct agent_settings *settings, const char *section, const char *key,
			  const char *value);

/* Finds the key that is closest to an unknown `key`. Returns it, or NULL if none is close enough to
 * be suggested. The text is in `*ret`, the caller's. */
const char *agent_settings_nearest(const char *key, char ret[static NEAREST_WORD_SIZE]);

/* Finds what a `value` that `key` does not take may have been meant to be. Returns and stores as
 * agent_settings_nearest(). */
const char *agent_settings_nearest_value(const char *key, const char *value,
					 char ret[static NEAREST_WORD_SIZE]);

/* Calls `emit` with section, key and value of each setting that differs from its default:
 * agent_settings_assign() with all of them gives the same settings. */
typedef void (*settings_emit)(void *userdata, const char *section, const char *key,
			      const char *value);
void agent_settings_format(const struct agent_settings *settings, settings_emit emit,
			   void *userdata);

/* Checks the settings as a whole. Returns a complaint (no match, two units, ...), or NULL. */
const char *agent_settings_check(const struct agent_settings *settings);

/* Calls `emit` with the key of each setting that can never take effect as the others are, and a
 * sentence without a full stop that says why. Defaults count as well: they are as ineffective, but
 * nobody wrote them down. */
typedef void (*settings_futile)(void *userdata, const char *key, const char *text);
void agent_settings_find_futile(const struct agent_settings *settings, settings_futile emit,
				void *userdata);

/* Calls `emit` with each action of the policy, and its key. */
typedef void (*settings_action)(void *userdata, const char *key, const struct action *action);
void agent_settings_actions(const struct agent_settings *settings, settings_action emit,
			    void *userdata);

/* Returns the unit that `settings` watches, or NULL. */
const char *agent_settings_unit(const struct agent_settings *settings);

/* Returns the line, from 1, of the last assignment to `key` in the `size` bytes of `text`, in
 * whatever section; 0: there is none. */
unsigned settings_line_of(const char *text, size_t size, const char *key);

/* Settings of the daemon and of each agent, and their parser. Reads no files: the text is handed
 * in by sources/settings_files, with its name for the messages. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "action.h"
#include "event.h"
#include "peer_pattern.h"
#include "time_span.h"
#include "vocabulary.h"

enum {
	AGENT_NAME_SIZE = 64,
	AGENT_MATCHES_MAX = 8,
	AGENT_PEERS_MAX = 8,
	CGROUP_PATH_SIZE = 512,
	POLICY_STEPS_MAX = 4,
};

/* What is done about one cause: steps, each taken EscalateAfterSec= after the one before unless
 * the agent has recovered. "none" ends the list and is not a step. */
struct policy_steps {
	struct action steps[POLICY_STEPS_MAX];
	unsigned count;
};

enum match_type {
	MATCH_UNIT,          /* Unit=: a systemd unit's name */
	MATCH_CONTROL_GROUP, /* ControlGroup=: see cgroup_pattern.h */
	MATCH_PROCESS,       /* Process=: a pid and its descendants; set by `run` and `watch` */
	MATCH_TYPE_MAX,
	MATCH_TYPE_INVALID = -1,
};

struct agent_match {
	enum match_type type;
	char value[CGROUP_PATH_SIZE];
};

struct agent_settings {
	char name[AGENT_NAME_SIZE];
	struct agent_match matches[AGENT_MATCHES_MAX];
	unsigned match_count;
	struct peer_pattern peers[AGENT_PEERS_MAX];
	unsigned peer_count; /* 0: every connection the agent opens is the hub's */
	/* [Connection] */
	usec_t keepalive;         /* KeepAliveSec=: the protocol's own, e.g. MQTT's; 0: not known */
	usec_t token_lifetime;    /* TokenLifetimeSec=; 0: not known */
	usec_t reconnect_timeout; /* ReconnectTimeoutSec=; 5 min */
	usec_t stalled_after;     /* StalledAfterSec=; 60 s */
	bool mqtt_inspect;        /* MqttInspect=: look at the types of its MQTT packets */
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
};

void agent_settings_defaults(struct agent_settings *settings, const char *name);
void daemon_settings_defaults(struct daemon_settings *settings);

/* Told of each thing that is wrong: `file` as handed in, `line` from 1, `text` a sentence without
 * a full stop. */
typedef void (*settings_complaint)(void *userdata, const char *file, unsigned line,
				   const char *text);

/* Reads the `size` bytes of `text` on top of what `settings` holds, so drop-ins are read by
 * calling again. An unknown section or key and a bad value are complained about and skipped; the
 * rest counts. An assignment of nothing resets a list to empty and a value to its default.
 * Returns the number of complaints. */
unsigned agent_settings_parse(struct agent_settings *settings, const char *file, const char *text,
			      size_t size, settings_complaint complain, void *userdata);
unsigned daemon_settings_parse(struct daemon_settings *settings, const char *file, const char *text,
			       size_t size, settings_complaint complain, void *userdata);

/* One assignment by its key, as from a command line or a trace. Returns 0, -ENOENT for an unknown
 * key, -EINVAL for a bad value, -ENOSPC for one too many in a list. */
int agent_settings_assign(struct agent_settings *settings, const char *section, const char *key,
			  const char *value);

/* Calls `emit` with section, key and value for all that differs from the defaults, so that
 * agent_settings_assign() of each gives the same settings again. */
typedef void (*settings_emit)(void *userdata, const char *section, const char *key,
			      const char *value);
void agent_settings_format(const struct agent_settings *settings, settings_emit emit,
			   void *userdata);

/* A complaint that only the whole can show (no match at all, two units, ...), or NULL. */
const char *agent_settings_check(const struct agent_settings *settings);

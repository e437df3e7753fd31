/* Settings of the daemon and of each agent, and their parser. Reads no files: the text is handed
 * in by sources/settings_files, with its name for the messages. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "vocabulary.h"

enum {
	AGENT_NAME_SIZE = 64,
	AGENT_MATCHES_MAX = 8,
	AGENT_PEERS_MAX = 8,
	CGROUP_PATH_SIZE = 512,
	POLICY_STEPS_MAX = 4,
};

struct action {
	enum action_type type;
	int signal;                /* ACTION_SIGNAL */
	char unit[UNIT_NAME_SIZE]; /* ACTION_START_UNIT */
};

/* "none", "reload", "signal:SIGHUP", "abort-connection", "restart", "start:UNIT".
 * Returns 0, or -EINVAL. */
int action_parse(const char *text, struct action *action);

/* The same text back, into `text` of `size` bytes; always terminated. */
void action_format(const struct action *action, char *text, size_t size);

/* What is done about one cause: steps, each taken EscalateAfterSec= after the one before unless
 * the agent has recovered. Steps after the first ACTION_NONE do not count. */
struct policy_steps {
	struct action steps[POLICY_STEPS_MAX];
	unsigned count;
};

/* Which of an agent's connections lead to its hub: "*:8883", "192.0.2.7:5671",
 * "192.0.2.0/24:443", "[2001:db8::]/32:8883", "*". */
struct peer_pattern {
	uint8_t family;        /* 0: any address */
	uint8_t prefix_length; /* bits of `address` that count */
	uint8_t address[16];
	uint16_t port;         /* 0: any */
};

/* Returns 0, or -EINVAL; host names are not resolved and therefore invalid. */
int peer_pattern_parse(const char *text, struct peer_pattern *pattern);
void peer_pattern_format(const struct peer_pattern *pattern, char *text, size_t size);
bool peer_pattern_matches(const struct peer_pattern *pattern, const struct endpoint *peer);

enum match_type {
	MATCH_UNIT,          /* Unit=: a systemd unit's name */
	MATCH_CONTROL_GROUP, /* ControlGroup=: a path below the cgroup root, with * and ** */
	MATCH_PROCESS,       /* a process and its descendants: `run`, `watch --pid` */
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
	unsigned peer_count;      /* 0: every connection the agent opens is the hub's */
	/* [Connection] */
	usec_t keepalive;         /* KeepAliveSec=: the protocol's own, e.g. MQTT's; 60 s */
	usec_t token_lifetime;    /* TokenLifetimeSec=; 0: not known */
	usec_t reconnect_timeout; /* ReconnectTimeoutSec=; 5 min */
	usec_t stalled_after;     /* StalledAfterSec=; 60 s */
	/* [Policy] */
	struct policy_steps policy[CAUSE_MAX];
	usec_t escalate_after;    /* EscalateAfterSec=; 2 min */
	unsigned limit_burst;     /* ActionLimitBurst=; 3 */
	usec_t limit_interval;    /* ActionLimitIntervalSec=; 1 h */
	usec_t randomized_delay;  /* RandomizedDelaySec=; 30 s */
	bool hold_while_offline;  /* WhileOffline=hold; the only other value is "act" */
	bool dry_run;             /* DryRun= */
};

struct daemon_settings {
	enum mode mode;           /* Mode=ebpf|sock-diag|auto; MODE_INVALID: auto */
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
unsigned daemon_settings_parse(struct daemon_settings *settings, const char *file,
			       const char *text, size_t size, settings_complaint complain,
			       void *userdata);

/* One assignment by its key, as from a command line or a trace. Returns 0, -ENOENT for an unknown
 * key, -EINVAL for a bad value. */
int agent_settings_assign(struct agent_settings *settings, const char *section, const char *key,
			  const char *value);

/* Calls `emit` with section, key and value for all that differs from the defaults, so that
 * agent_settings_assign() of each gives the same settings again. */
typedef void (*settings_emit)(void *userdata, const char *section, const char *key,
			      const char *value);
void agent_settings_format(const struct agent_settings *settings, settings_emit emit,
			   void *userdata);

/* A complaint that only the whole can show (no match at all, ...), or NULL. */
const char *agent_settings_check(const struct agent_settings *settings);

/* systemd.time(7) spans: "90", "1min 30s", "65 min", "infinity". `*usec` in microseconds.
 * Returns 0, or -EINVAL, -ERANGE. */
int time_span_parse(const char *text, usec_t *usec);

/* The shortest exact span with its units ("1h 5min"), for people: rounded to two units. */
void time_span_format(usec_t usec, char *text, size_t size);

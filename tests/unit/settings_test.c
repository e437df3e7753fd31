/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "settings/settings.h"
#include "suite.h"

/* ---- what was complained about, as "LINE: TEXT|" */

static char complaints[4096];

static void take_complaint(void *userdata, const char *file, unsigned line, const char *text)
{
	struct text *all = userdata;

	CHECK(strcmp(file, "test.agent") == 0, text);
	CHECK(text[strlen(text) - 1] != '.' && !strpbrk(text, "\n\r"), text);
	text_add(all, "%u: %s|", line, text);
}

static unsigned parse_bytes(struct agent_settings *settings, const char *bytes, size_t size)
{
	struct text all = TEXT_IN(complaints);

	return agent_settings_parse(settings, "test.agent", bytes, size, take_complaint, &all);
}

static unsigned parse(struct agent_settings *settings, const char *text)
{
	return parse_bytes(settings, text, strlen(text));
}

/* Reads `text` into fresh settings. */
static struct agent_settings *settings_of(const char *text)
{
	static struct agent_settings settings;

	agent_settings_defaults(&settings, "test");
	CHECK(parse(&settings, text) == 0, complaints);
	return &settings;
}

static void emit_line(void *userdata, const char *section, const char *key, const char *value)
{
	text_add(userdata, "%s.%s=%s|", section, key, value);
}

static const char *formatted(const struct agent_settings *settings)
{
	static char buffer[8192];
	struct text text = TEXT_IN(buffer);

	agent_settings_format(settings, emit_line, &text);
	return buffer;
}

/* ---- defaults and keys */

static void defaults_are_those_of_the_manual(void)
{
	struct agent_settings settings;

	agent_settings_defaults(&settings, "mosquitto");
	CU_ASSERT_STRING_EQUAL(settings.name, "mosquitto");
	CU_ASSERT_EQUAL(settings.match_count, 0);
	CU_ASSERT_EQUAL(settings.peer_count, 0);
	CU_ASSERT_EQUAL(settings.keepalive, 0);
	CU_ASSERT_EQUAL(settings.token_lifetime, 0);
	CU_ASSERT_EQUAL(settings.reconnect_timeout, 5 * USEC_PER_MINUTE);
	CU_ASSERT_EQUAL(settings.stalled_after, 60 * USEC_PER_SEC);
	CU_ASSERT_EQUAL(settings.escalate_after, 2 * USEC_PER_MINUTE);
	CU_ASSERT_EQUAL(settings.limit_burst, 3);
	CU_ASSERT_EQUAL(settings.limit_interval, USEC_PER_HOUR);
	CU_ASSERT_EQUAL(settings.randomized_delay, 30 * USEC_PER_SEC);
	CU_ASSERT_TRUE(settings.hold_while_offline);
	CU_ASSERT_FALSE(settings.dry_run);
	for (int i = 0; i < CAUSE_MAX; i++) {
		const struct policy_steps *steps = &settings.policy[i];
		enum action_type first = steps->count ? steps->steps[0].type : ACTION_NONE;
		enum action_type expected = ACTION_NONE;

		if (i == CAUSE_AGENT_NOT_RECONNECTING || i == CAUSE_AGENT_HANG)
			expected = ACTION_RESTART;
		else if (i == CAUSE_PATH_SILENT)
			expected = ACTION_ABORT_CONNECTION;
		CHECK(first == expected, cause_to_string((enum cause)i));
	}
	CU_ASSERT_STRING_EQUAL(formatted(&settings), "");
}

static void every_key_is_read_and_written(void)
{
	static const char text[] = "[Match]\n"
				   "Unit=mosquitto.service\n"
				   "Unit=edge@1.service\n"
				   "ControlGroup=/system.slice/docker-*.scope\n"
				   "Delegated=yes\n"
				   "Peer=*:8883\n"
				   "Peer=[2001:db8::]/32:443\n"
				   "[Connection]\n"
				   "KeepAliveSec=4min\n"
				   "TokenLifetimeSec=1h\n"
				   "ReconnectTimeoutSec=1.5s\n"
				   "StalledAfterSec=infinity\n"
				   "MqttInspect=yes\n"
				   "TokenInspect=yes\n"
				   "[Policy]\n"
				   "EscalateAfterSec=10s\n"
				   "ActionLimitBurst=5\n"
				   "ActionLimitIntervalSec=1d\n"
				   "RandomizedDelaySec=0\n"
				   "WhileOffline=act\n"
				   "DryRun=yes\n"
				   "OnAgentCrash=reload signal:HUP start:fallback.service\n"
				   "OnAgentHang=none\n";
	struct agent_settings again;
	char first[8192];

	snprintf(first, sizeof(first), "%s", formatted(settings_of(text)));
	CU_ASSERT_STRING_EQUAL(
		first, "Match.Unit=mosquitto.service|Match.Unit=edge@1.service|"
		       "Match.ControlGroup=/system.slice/docker-*.scope|Match.Delegated=yes|"
		       "Match.Peer=*:8883|Match.Peer=[2001:db8::]/32:443|"
		       "Connection.KeepAliveSec=4min|Connection.TokenLifetimeSec=1h|"
		       "Connection.ReconnectTimeoutSec=1500ms|Connection.StalledAfterSec=infinity|"
		       "Connection.MqttInspect=yes|Connection.TokenInspect=yes|"
		       "Policy.EscalateAfterSec=10s|Policy.ActionLimitBurst=5|"
		       "Policy.ActionLimitIntervalSec=1d|Policy.RandomizedDelaySec=0|"
		       "Policy.WhileOffline=act|Policy.DryRun=yes|"
		       "Policy.OnAgentCrash=reload signal:SIGHUP start:fallback.service|"
		       "Policy.OnAgentHang=none|");

	agent_settings_defaults(&again, "test");
	for (char *word = strtok(first, "|"); word; word = strtok(NULL, "|")) {
		char *key = strchr(word, '.') + 1, *value = strchr(word, '=') + 1;

		key[-1] = value[-1] = '\0';
		CHECK(agent_settings_assign(&again, word, key, value) == 0, key);
	}
	CU_ASSERT_STRING_EQUAL(formatted(&again), formatted(settings_of(text)));
}

static void every_cause_has_its_key(void)
{
	static const struct {
		const char *key;
		enum cause cause;
	} rows[] = {
		{ "OnAgentCrash", CAUSE_AGENT_CRASH },
		{ "OnAgentOom", CAUSE_AGENT_OOM },
		{ "OnPathSilent", CAUSE_PATH_SILENT },
		{ "OnAgentNotReconnecting", CAUSE_AGENT_NOT_RECONNECTING },
		{ "OnUnknown", CAUSE_UNKNOWN },
		{ "OnMemoryPressure", CAUSE_MEMORY_PRESSURE },
	};
	struct agent_settings settings;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		agent_settings_defaults(&settings, "test");
		CHECK(agent_settings_assign(&settings, "Policy", rows[i].key, "reload") == 0,
		      rows[i].key);
		CHECK(settings.policy[rows[i].cause].steps[0].type == ACTION_RELOAD, rows[i].key);
	}
}

static void steps_are_a_list(void)
{
	struct agent_settings settings;
	const struct policy_steps *steps = &settings.policy[CAUSE_AGENT_CRASH];

	agent_settings_defaults(&settings, "test");
	CU_ASSERT_EQUAL(agent_settings_assign(&settings, "Policy", "OnAgentCrash",
					      "signal:9  restart none reload"),
			0);
	CU_ASSERT_EQUAL(steps->count, 2);
	CU_ASSERT_EQUAL(steps->steps[0].signal, SIGKILL);
	CU_ASSERT_EQUAL(steps->steps[1].type, ACTION_RESTART);
	CU_ASSERT_EQUAL(agent_settings_assign(&settings, "Policy", "OnAgentCrash",
					      "reload reload reload reload reload"),
			-ENOSPC);
	CU_ASSERT_EQUAL(steps->count, 2); /* untouched */
	CU_ASSERT_EQUAL(agent_settings_assign(&settings, "Policy", "OnAgentCrash", ""), 0);
	CU_ASSERT_EQUAL(steps->count, 0);
	CU_ASSERT_EQUAL(agent_settings_assign(&settings, "Policy", "OnAgentHang", ""), 0);
	CU_ASSERT_EQUAL(settings.policy[CAUSE_AGENT_HANG].count, 1);
}

static void nothing_assigned_resets(void)
{
	const struct agent_settings *settings = settings_of("[Match]\n"
							    "Unit=a.service\n"
							    "ControlGroup=/a\n"
							    "Peer=*:1\n"
							    "Unit=\n"
							    "Peer=\n"
							    "Peer=*:2\n"
							    "[Connection]\n"
							    "KeepAliveSec=1\n"
							    "KeepAliveSec=\n");

	CU_ASSERT_STRING_EQUAL(formatted(settings), "Match.ControlGroup=/a|Match.Peer=*:2|");
}

static void a_full_list_is_said(void)
{
	struct agent_settings settings;

	agent_settings_defaults(&settings, "test");
	for (int i = 0; i < AGENT_PEERS_MAX; i++)
		CU_ASSERT_EQUAL(agent_settings_assign(&settings, "Match", "Peer", "*"), 0);
	CU_ASSERT_EQUAL(agent_settings_assign(&settings, "Match", "Peer", "*"), -ENOSPC);
	CU_ASSERT_EQUAL(parse(&settings, "[Match]\nPeer=*\n"), 1);
	CU_ASSERT_STRING_EQUAL(complaints, "2: Too many values for Peer=, ignoring \"*\"|");
}

/* A value much longer than any field, however it is made, is refused and leaves all else alone.
 * The lists are nearly full, so that whatever ran over an entry's end would be seen behind it. */
static void no_value_is_too_long(void)
{
	static const struct {
		const char *section, *key, *head, *tail;
		char filler;
	} rows[] = {
		{ "Match", "Unit", "a", ".service", 'a' },
		{ "Match", "ControlGroup", "/", "", 'a' },
		{ "Match", "ControlGroup", "/", "a", '/' },
		{ "Match", "Process", "", "1", '0' },
		{ "Match", "Peer", "*:", "1", '0' },
		{ "Match", "Peer", "192.0.2.7", ":1", '0' },
		{ "Match", "Peer", "[2001:db8::", "1]:1", '0' },
		{ "Policy", "OnAgentCrash", "start:a", ".service", 'a' },
		{ "Policy", "OnAgentCrash", "signal:", "1", '0' },
	};
	static char before[16384], text[8192];
	struct agent_settings settings;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char filler[4001];

		memset(filler, rows[i].filler, sizeof(filler) - 1);
		filler[sizeof(filler) - 1] = '\0';
		agent_settings_defaults(&settings, "test");
		for (int j = 1; j < AGENT_MATCHES_MAX; j++)
			agent_settings_assign(&settings, "Match", "ControlGroup", "/a");
		for (int j = 1; j < AGENT_PEERS_MAX; j++)
			agent_settings_assign(&settings, "Match", "Peer", "*:1");
		snprintf(before, sizeof(before), "%s", formatted(&settings));
		snprintf(text, sizeof(text), "[%s]\n%s=%s%s%s\n", rows[i].section, rows[i].key,
			 rows[i].head, filler, rows[i].tail);
		CHECK(parse(&settings, text) == 1, rows[i].key);
		CHECK(strcmp(formatted(&settings), before) == 0, rows[i].key);
	}
}

/* ---- syntax */

static void reads_systemds_syntax(void)
{
	static const struct {
		const char *proves, *text, *result;
	} rows[] = {
		{ "comments and blank lines", "# x\n ; y\n\n[Policy]\nDryRun=yes\n",
		  "Policy.DryRun=yes|" },
		{ "no newline at the end", "[Policy]\nDryRun=yes", "Policy.DryRun=yes|" },
		{ "blanks around all", "  [Policy]  \n\tDryRun\t = \t yes  \n",
		  "Policy.DryRun=yes|" },
		{ "CRLF", "[Policy]\r\nDryRun=yes\r\n", "Policy.DryRun=yes|" },
		{ "byte order mark", "\xef\xbb\xbf[Policy]\nDryRun=yes\n", "Policy.DryRun=yes|" },
		{ "continuation", "[Policy]\nOnAgentCrash=reload \\\n  restart\n",
		  "Policy.OnAgentCrash=reload restart|" },
		{ "continuation with CRLF", "[Policy]\r\nOnAgentCrash=reload\\\r\nrestart\r\n",
		  "Policy.OnAgentCrash=reload restart|" },
		{ "comment inside a continuation",
		  "[Policy]\nOnAgentCrash=reload\\\n# why\nrestart\n",
		  "Policy.OnAgentCrash=reload restart|" },
		{ "continuation into the end", "[Policy]\nDryRun=yes\\", "Policy.DryRun=yes|" },
		{ "section again", "[Policy]\n[Match]\n[Policy]\nDryRun=on\n",
		  "Policy.DryRun=yes|" },
		{ "the last one counts", "[Policy]\nDryRun=yes\nDryRun=0\n", "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK(strcmp(formatted(settings_of(rows[i].text)), rows[i].result) == 0,
		      rows[i].proves);
}

static void complains_with_line_and_advice(void)
{
	static const struct {
		const char *text, *complaint;
	} rows[] = {
		{ "[Connection]\n\nKeepAlivSec=5\n", "3: Unknown key KeepAlivSec= in section "
						     "[Connection]. Did you mean KeepAliveSec=?|" },
		{ "[Policy]\nOnAgentKrash=none\n", "2: Unknown key OnAgentKrash= in section "
						   "[Policy]. Did you mean OnAgentCrash=?|" },
		{ "[Match]\nunit=a.service\n",
		  "2: Unknown key unit= in section [Match]. Did you mean Unit=?|" },
		{ "[Match]\nKeepAliveSec=5\n",
		  "2: KeepAliveSec= belongs in section [Connection], not in [Match]|" },
		{ "[Match]\nColour=blue\n", "2: Unknown key Colour= in section [Match]|" },
		{ "[Mach]\nUnit=a.service\n",
		  "1: Unknown section [Mach], what is in it is ignored. Did you mean [Match]?|" },
		{ "[Service]\nRestart=always\n",
		  "1: Unknown section [Service], what is in it is ignored|" },
		{ "[Match\nUnit=a.service\n", "1: Section header without a closing bracket: [Match|"
					      "2: Unit= stands before any section|" },
		{ "[\n", "1: Section header without a closing bracket: [|" },
		{ "[Match]\nUnit\n", "2: Neither a section nor KEY=VALUE: Unit|" },
		{ "[Match]\n=a\n", "2: Neither a section nor KEY=VALUE: =a|" },
		{ "Unit=a.service\n", "1: Unit= stands before any section|" },
		{ "[Match]\nUnit=mosquitto\n",
		  "2: Unit=mosquitto is ignored, it must be the full name of a unit, such as "
		  "mosquitto.service|" },
		{ "[Policy]\nDryRun=\\\nmay\\\nbe\n",
		  "2: DryRun=may be is ignored, it must be yes or no|" },
		{ "[Policy]\nWhileOffline=yes\n",
		  "2: WhileOffline=yes is ignored, it must be hold or act|" },
		{ "[Policy]\nActionLimitBurst=-1\n",
		  "2: ActionLimitBurst=-1 is ignored, it must be a whole number up to 1000000|" },
#define STEPS \
	"it must be steps out of none, reload, signal:NAME, abort-connection, restart, start:UNIT"
		{ "[Policy]\nOnAgentHang=reload restrat\n",
		  "2: OnAgentHang=reload restrat is ignored, " STEPS ". Did you mean restart?|" },
		{ "[Policy]\nOnAgentHang=signal:SIGHPU\n",
		  "2: OnAgentHang=signal:SIGHPU is ignored, " STEPS
		  ". Did you mean signal:SIGHUP?|" },
		{ "[Policy]\nOnAgentHang=sginal:TERM\n",
		  "2: OnAgentHang=sginal:TERM is ignored, " STEPS
		  ". Did you mean signal:SIGTERM?|" },
		{ "[Policy]\nOnAgentHang=statr:b.service\n",
		  "2: OnAgentHang=statr:b.service is ignored, " STEPS
		  ". Did you mean start:b.service?|" },
		{ "[Policy]\nOnAgentHang=signal:MOON\n",
		  "2: OnAgentHang=signal:MOON is ignored, " STEPS "|" },
		{ "[Policy]\nOnAgentHang=explode\n",
		  "2: OnAgentHang=explode is ignored, " STEPS "|" },
		{ "[Policy]\nOnAgentHang=start:b\n",
		  "2: OnAgentHang=start:b is ignored, " STEPS "|" },
#undef STEPS
		{ "[Policy]\nDryRun=\x1b[31m\n",
		  "2: DryRun=?[31m is ignored, it must be yes or no|" },
	};
	struct agent_settings settings;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		agent_settings_defaults(&settings, "test");
		CHECK(parse(&settings, rows[i].text) > 0, rows[i].text);
		CHECK(strcmp(complaints, rows[i].complaint) == 0, complaints);
		CHECK(formatted(&settings)[0] == '\0', rows[i].text);
	}
}

static void the_rest_still_counts(void)
{
	static const char nul[] = "[Policy]\nDry\0Run=yes\nActionLimitBurst=7\n";
	static char lengthy[6000];
	struct agent_settings settings;

	agent_settings_defaults(&settings, "test");
	CU_ASSERT_EQUAL(parse_bytes(&settings, nul, sizeof(nul) - 1), 1);
	CU_ASSERT_STRING_EQUAL(complaints, "2: Line holds a NUL byte and is ignored|");
	CU_ASSERT_EQUAL(settings.limit_burst, 7);

	memset(lengthy, 'x', sizeof(lengthy) - 1);
	memcpy(lengthy, "[Policy]\n", 9);
	memcpy(lengthy + 5000, "\nActionLimitBurst=8\n#", 21);
	CU_ASSERT_EQUAL(parse(&settings, lengthy), 1);
	CU_ASSERT_STRING_EQUAL(complaints, "2: Line is longer than 4095 bytes and is ignored|");
	CU_ASSERT_EQUAL(settings.limit_burst, 8);
}

/* Every file cut anywhere, and with every byte flipped, is read without harm. */
static void survives_what_is_no_settings_file(void)
{
	static const char text[] = "[Match]\nUnit=a.service\nPeer=[2001:db8::]/32:8883\\\n\n"
				   "[Policy]\r\nOnAgentCrash=signal:HUP start:b.service\n";
	struct agent_settings settings;
	char damaged[sizeof(text)];

	for (size_t size = 0; size < sizeof(text); size++) {
		agent_settings_defaults(&settings, "test");
		parse_bytes(&settings, text, size);
		for (int bit = 0; bit < 8; bit++) {
			memcpy(damaged, text, sizeof(text));
			damaged[size] ^= (char)(1 << bit);
			parse_bytes(&settings, damaged, sizeof(damaged));
		}
	}
	CU_PASS("no harm");
}

static void misses_what_only_the_whole_shows(void)
{
	CU_ASSERT_PTR_NOT_NULL(agent_settings_check(settings_of("[Policy]\nDryRun=yes\n")));
	CU_ASSERT_PTR_NULL(agent_settings_check(settings_of("[Match]\nUnit=a.service\n")));
	CU_ASSERT_PTR_NULL(agent_settings_check(settings_of("[Match]\nUnit=a.service\nUnit=\n"
							    "Unit=b.service\nControlGroup=/c\n"
							    "ControlGroup=/d\n")));
	CU_ASSERT_PTR_NOT_NULL(
		agent_settings_check(settings_of("[Match]\nUnit=a.service\nUnit=b.service\n")));
}

static void the_daemon_has_settings_too(void)
{
	static const char text[] = "[Watchdog]\nMode=sock-diag\nMetricsFile=/run/x.prom\n"
				   "Btf=/srv/kernel.btf\n";
	static const char wrong[] = "[Watchdog]\nMode=magic\nMetricsFile=../x\nMods=1\n";
	char lengthy[CGROUP_PATH_SIZE + 32];
	struct daemon_settings settings;
	struct text all = TEXT_IN(complaints);

	daemon_settings_defaults(&settings);
	CU_ASSERT_EQUAL(settings.mode, MODE_INVALID);
	CU_ASSERT_STRING_EQUAL(settings.metrics_path, "");
	CU_ASSERT_EQUAL(daemon_settings_parse(&settings, "test.agent", text, strlen(text),
					      take_complaint, &all),
			0);
	CU_ASSERT_EQUAL(settings.mode, MODE_SOCK_DIAG);
	CU_ASSERT_STRING_EQUAL(settings.metrics_path, "/run/x.prom");
	CU_ASSERT_STRING_EQUAL(settings.btf_path, "/srv/kernel.btf");
	CU_ASSERT_EQUAL(daemon_settings_parse(&settings, "test.agent", wrong, strlen(wrong),
					      take_complaint, &all),
			3);
	CU_ASSERT_EQUAL(settings.mode, MODE_SOCK_DIAG);
	snprintf(lengthy, sizeof(lengthy), "[Watchdog]\nMetricsFile=/%0*d\n", CGROUP_PATH_SIZE - 1,
		 0);
	CU_ASSERT_EQUAL(daemon_settings_parse(&settings, "test.agent", lengthy, strlen(lengthy),
					      take_complaint, &all),
			1);
	CU_ASSERT_STRING_EQUAL(settings.metrics_path, "/run/x.prom");
}

/* ---- words of their own */

static void actions_are_words(void)
{
	static const char *const good[] = { "none",           "reload",  "signal:SIGHUP",
					    "signal:34",      "restart", "abort-connection",
					    "start:a.service" };
	static const char *const bad[] = {
		"",          "Restart",       "signal", "signal:", "signal:0", "signal:65",
		"signal:X",  "start",         "start:", "start:a", "reload:x", "start:../a.service",
		"start:a.b", "start:.service"
	};
	char text[ACTION_TEXT_SIZE];
	struct action action;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CHECK(action_parse(good[i], &action) == 0, good[i]);
		action_format(&action, text, sizeof(text));
		CHECK(strcmp(text, good[i]) == 0, good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(action_parse(bad[i], &action) == -EINVAL, bad[i]);
}

static void peer_patterns_match(void)
{
	static const struct {
		const char *pattern, *peer;
		bool matches;
	} rows[] = {
		{ "*", "192.0.2.7:8883", true },
		{ "*", "[2001:db8::1]:1", true },
		{ "*:8883", "192.0.2.7:8883", true },
		{ "*:8883", "[2001:db8::1]:8883", true },
		{ "*:8883", "192.0.2.7:8884", false },
		{ "192.0.2.7", "192.0.2.7:1", true },
		{ "192.0.2.7:5671", "192.0.2.7:5671", true },
		{ "192.0.2.7:5671", "192.0.2.8:5671", false },
		{ "192.0.2.0/24:443", "192.0.2.255:443", true },
		{ "192.0.2.0/24:443", "192.0.3.0:443", false },
		{ "192.0.2.9/23:443", "192.0.3.0:443", true },
		{ "0.0.0.0/0", "192.0.2.7:1", true },
		{ "0.0.0.0/0", "[2001:db8::1]:1", false },
		{ "192.0.2.7/32", "192.0.2.7:1", true },
		{ "[2001:db8::]/32:8883", "[2001:db8:ffff::1]:8883", true },
		{ "[2001:db8::]/32:8883", "[2001:db9::1]:8883", false },
		{ "[2001:db8::1]", "[2001:db8::1]:1", true },
		{ "[::]/0", "[2001:db8::1]:1", true },
		{ "[::]/0", "192.0.2.7:1", false },
		{ "*", "*", true },
		{ "192.0.2.7", "*", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct peer_pattern pattern, again;
		char text[PEER_PATTERN_TEXT_SIZE];
		struct endpoint peer;

		CHECK(peer_pattern_parse(rows[i].pattern, &pattern) == 0, rows[i].pattern);
		CHECK(endpoint_parse(rows[i].peer, &peer) == 0, rows[i].peer);
		CHECK(peer_pattern_matches(&pattern, &peer) == rows[i].matches, rows[i].pattern);
		peer_pattern_format(&pattern, text, sizeof(text));
		CHECK(peer_pattern_parse(text, &again) == 0 &&
			      memcmp(&pattern, &again, sizeof(pattern)) == 0,
		      text);
	}
}

static void peer_patterns_are_addresses(void)
{
	static const char *const bad[] = {
		"",
		"hub.example:8883",
		"192.0.2.7:",
		"192.0.2.7:0x1",
		"192.0.2.7:65536",
		"192.0.2/24",
		"192.0.2.0/33",
		"192.0.2.0/",
		"192.0.2.0/-1",
		"*/8",
		"[2001:db8::]/129",
		"[2001:db8::1",
		"2001:db8::1",
		"[192.0.2.7]:1",
		"[::1]x",
		":8883",
		"192.0.2.0/24/24",
		"[]:1",
		"192.0.2.7/0024",
		"[2001:db8:1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb]:8883",
	};
	struct peer_pattern pattern;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(peer_pattern_parse(bad[i], &pattern) == -EINVAL, bad[i]);
}

static void endpoints_are_written_as_read(void)
{
	static const char *const rows[] = { "192.0.2.7:8883", "[2001:db8::7]:8883",
					    "192.0.2.7",      "2001:db8::7",
					    "*:8883",         "*" };
	char text[ENDPOINT_TEXT_SIZE];
	struct endpoint endpoint;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK(endpoint_parse(rows[i], &endpoint) == 0, rows[i]);
		CHECK(strcmp(endpoint_format(&endpoint, text), rows[i]) == 0, text);
	}
	CU_ASSERT_EQUAL(endpoint_parse("[2001:db8::7]", &endpoint), 0);
	CU_ASSERT_EQUAL(endpoint.port, 0);
}

/* ---- what has no effect, and where it is written */

static void take_futile(void *userdata, const char *key, const char *text)
{
	CHECK(text[strlen(text) - 1] != '.' && strstr(text, key), text);
	text_add(userdata, "%s|", key);
}

static const char *futile_of(const char *text)
{
	static char buffer[1024];
	struct text all = TEXT_IN(buffer);

	agent_settings_find_futile(settings_of(text), take_futile, &all);
	return buffer;
}

static void what_has_no_effect_is_found(void)
{
#define UNIT "[Match]\nUnit=a.service\n[Policy]\n"
	static const struct {
		const char *text;
		const char *futile;
	} table[] = {
		{ UNIT, "" },
		{ UNIT "OnAgentStopped=restart\n", "OnAgentStopped|" },
		{ UNIT "OnTokenRenewal=signal:SIGHUP\n", "OnTokenRenewal|" },
		{ UNIT "OnAgentCrash=start:b.service restart\n", "" },
		{ UNIT "OnSessionRejected=restart\n", "OnSessionRejected|" },
		{ UNIT "OnSessionTakeover=restart\nOnServiceTransient=reload\n",
		  "OnSessionTakeover|OnServiceTransient|" },
		{ UNIT "OnSessionRejected=restart\n[Connection]\nMqttInspect=yes\n", "" },
		{ UNIT "OnPeerClose=abort-connection\n", "OnPeerClose|" },
		{ UNIT "OnPeerClose=restart abort-connection\n", "OnPeerClose|" },
		{ UNIT "OnNoRoute=abort-connection\nOnAgentHang=abort-connection\n", "" },
		{ UNIT "[Connection]\nReconnectTimeoutSec=infinity\n", "OnAgentNotReconnecting|" },
		{ UNIT "OnAgentNotReconnecting=none\n[Connection]\nReconnectTimeoutSec=infinity\n",
		  "" },
		{ "[Match]\nControlGroup=/a\n", "OnAgentHang|OnAgentNotReconnecting|" },
		{ "[Match]\nControlGroup=/a\n[Policy]\nOnAgentHang=signal:SIGTERM\n"
		  "OnAgentNotReconnecting=start:b.service\n",
		  "" },
		{ UNIT "[Connection]\nTokenInspect=yes\n", "TokenInspect|" },
		{ UNIT "[Connection]\nTokenInspect=yes\nMqttInspect=yes\n", "" },
	};
#undef UNIT

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		CHECK(strcmp(futile_of(table[i].text), table[i].futile) == 0, table[i].text);
}

static void a_line_is_found_by_its_key(void)
{
	static const char text[] = "[Match]\n"
				   "Unit = a.service\n"
				   "#Unit=b.service\n"
				   "UnitFile=c.service\n"
				   "Peer=*:\\\n"
				   "8883\n"
				   "  Unit=d.service";
	static const struct {
		const char *key;
		unsigned line;
	} table[] = { { "Unit", 7 }, { "Peer", 5 }, { "UnitFile", 4 }, { "8883", 0 }, { "b", 0 } };

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		CHECK(settings_line_of(text, strlen(text), table[i].key) == table[i].line,
		      table[i].key);
}

static void take_action(void *userdata, const char *key, const struct action *action)
{
	char text[ACTION_TEXT_SIZE];

	action_format(action, text, sizeof(text));
	text_add(userdata, "%s=%s|", key, text);
}

static void actions_are_told_with_their_key(void)
{
	char buffer[256];
	struct text all = TEXT_IN(buffer);
	const struct agent_settings *settings =
		settings_of("[Policy]\nOnAgentHang=none\nOnAgentNotReconnecting=none\n"
			    "OnPathSilent=restart start:b.service\n");

	agent_settings_actions(settings, take_action, &all);
	CU_ASSERT_STRING_EQUAL(buffer, "OnPathSilent=restart|OnPathSilent=start:b.service|");
}

SUITE("settings", { "defaults are those of the manual", defaults_are_those_of_the_manual },
      { "every key is read and written", every_key_is_read_and_written },
      { "every cause has its key", every_cause_has_its_key },
      { "steps are a list", steps_are_a_list },
      { "nothing assigned resets", nothing_assigned_resets },
      { "a full list is said", a_full_list_is_said },
      { "no value is too long", no_value_is_too_long },
      { "reads systemd's syntax", reads_systemds_syntax },
      { "complains with line and advice", complains_with_line_and_advice },
      { "the rest still counts", the_rest_still_counts },
      { "survives what is no settings file", survives_what_is_no_settings_file },
      { "misses what only the whole shows", misses_what_only_the_whole_shows },
      { "the daemon has settings too", the_daemon_has_settings_too },
      { "what has no effect is found", what_has_no_effect_is_found },
      { "a line is found by its key", a_line_is_found_by_its_key },
      { "actions are told with their key", actions_are_told_with_their_key },
      { "actions are words", actions_are_words }, { "peer patterns match", peer_patterns_match },
      { "peer patterns are addresses", peer_patterns_are_addresses },
      { "endpoints are written as read", endpoints_are_written_as_read })

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/vocabulary.h"

#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "base/names.h"

int name_find(const char *const names[], int count, const char *string)
{
	for (int i = 0; string && i < count; i++)
		if (names[i] && strcmp(names[i], string) == 0)
			return i;
	return -1;
}

static const char *const ended_by_names[ENDED_BY_MAX] = {
	[ENDED_BY_UNKNOWN] = "unknown",
	[ENDED_BY_PEER_FIN] = "peer-fin",
	[ENDED_BY_PEER_RESET] = "peer-reset",
	[ENDED_BY_LOCAL_FIN] = "local-fin",
	[ENDED_BY_LOCAL_RESET] = "local-reset",
	[ENDED_BY_KEEPALIVE_TIMEOUT] = "keepalive-timeout",
	[ENDED_BY_RETRANSMIT_TIMEOUT] = "retransmit-timeout",
	[ENDED_BY_USER_TIMEOUT] = "user-timeout",
	[ENDED_BY_PROBE_TIMEOUT] = "probe-timeout",
	[ENDED_BY_UNREACHABLE] = "unreachable",
	[ENDED_BY_ABORTED] = "aborted",
	[ENDED_BY_OUT_OF_MEMORY] = "out-of-memory",
	[ENDED_BY_CONNECT_REFUSED] = "connect-refused",
	[ENDED_BY_CONNECT_TIMEOUT] = "connect-timeout",
	[ENDED_BY_CONNECT_UNREACHABLE] = "connect-unreachable",
};
DEFINE_NAMES(ended_by);

static const char *const side_names[SIDE_MAX] = {
	[SIDE_NONE] = "-",          [SIDE_AGENT] = "agent", [SIDE_PEER] = "peer",
	[SIDE_NETWORK] = "network", [SIDE_HOST] = "host",
};
DEFINE_NAMES(side);

static const char *const cause_names[CAUSE_MAX] = {
	[CAUSE_UNKNOWN] = "unknown",
	[CAUSE_EVIDENCE_LOST] = "evidence-lost",
	[CAUSE_AGENT_CRASH] = "agent-crash",
	[CAUSE_AGENT_OOM] = "agent-oom",
	[CAUSE_AGENT_EXIT] = "agent-exit",
	[CAUSE_AGENT_STOPPED] = "agent-stopped",
	[CAUSE_AGENT_HANG] = "agent-hang",
	[CAUSE_AGENT_ABORT] = "agent-abort",
	[CAUSE_AGENT_CLOSE] = "agent-close",
	[CAUSE_TOKEN_RENEWAL] = "token-renewal",
	[CAUSE_AGENT_NOT_RECONNECTING] = "agent-not-reconnecting",
	[CAUSE_TOKEN_EXPIRED] = "token-expired",
	[CAUSE_PEER_IDLE_TIMEOUT] = "peer-idle-timeout",
	[CAUSE_SESSION_REJECTED] = "session-rejected",
	[CAUSE_SESSION_TAKEOVER] = "session-takeover",
	[CAUSE_SERVICE_TRANSIENT] = "service-transient",
	[CAUSE_CONNECT_REFUSED] = "connect-refused",
	[CAUSE_PEER_RESET] = "peer-reset",
	[CAUSE_PEER_CLOSE] = "peer-close",
	[CAUSE_TLS_REFUSED_BY_AGENT] = "tls-refused-by-agent",
	[CAUSE_TLS_REFUSED_BY_HUB] = "tls-refused-by-hub",
	[CAUSE_TLS_NOT_SPOKEN] = "tls-not-spoken",
	[CAUSE_TLS_STALLED] = "tls-stalled",
	[CAUSE_NAME_NOT_FOUND] = "name-not-found",
	[CAUSE_NAME_SERVER_FAILING] = "name-server-failing",
	[CAUSE_NAME_SERVER_SILENT] = "name-server-silent",
	[CAUSE_LINK_DOWN] = "link-down",
	[CAUSE_WIFI_DISCONNECTED] = "wifi-disconnected",
	[CAUSE_MODEM_DISCONNECTED] = "modem-disconnected",
	[CAUSE_NO_ROUTE] = "no-route",
	[CAUSE_ADDRESS_CHANGED] = "address-changed",
	[CAUSE_UNREACHABLE] = "unreachable",
	[CAUSE_PATH_SILENT] = "path-silent",
	[CAUSE_PATH_MTU] = "path-mtu",
	[CAUSE_PATH_HALF] = "path-half",
	[CAUSE_IDLE_DROP] = "idle-drop",
	[CAUSE_MIDDLEBOX_RESET] = "middlebox-reset",
	[CAUSE_OPERATOR_ABORT] = "operator-abort",
	[CAUSE_HOST_SUSPEND] = "host-suspend",
	[CAUSE_CLOCK_WRONG] = "clock-wrong",
	[CAUSE_MEMORY_PRESSURE] = "memory-pressure",
	[CAUSE_HOST_STARVED] = "host-starved",
	[CAUSE_HOST_FIREWALL] = "host-firewall",
	[CAUSE_HOST_NAT] = "host-nat",
	[CAUSE_HOST_SHUTDOWN] = "host-shutdown",
	[CAUSE_HOST_REBOOT] = "host-reboot",
	[CAUSE_HOST_CRASH] = "host-crash",
	[CAUSE_POWER_LOST] = "power-lost",
};
DEFINE_NAMES(cause);

static const char *const confidence_names[CONFIDENCE_MAX] = {
	[CONFIDENCE_SUSPECTED] = "suspected",
	[CONFIDENCE_LIKELY] = "likely",
	[CONFIDENCE_PROVED] = "proved",
};
DEFINE_NAMES(confidence);

static const char *const record_kind_names[RECORD_KIND_MAX] = {
	[RECORD_ENDED] = "ended",         [RECORD_RECOVERED] = "recovered",
	[RECORD_ACTION] = "action",       [RECORD_STALLED] = "stalled",
	[RECORD_WATCHING] = "watching",   [RECORD_EVIDENCE_LOST] = "evidence-lost",
	[RECORD_CONNECTED] = "connected",
};
DEFINE_NAMES(record_kind);

static const char *const tcp_state_names[TCP_STATE_MAX] = {
	[TCP_STATE_NONE] = "NONE",
	[TCP_STATE_ESTABLISHED] = "ESTABLISHED",
	[TCP_STATE_SYN_SENT] = "SYN_SENT",
	[TCP_STATE_SYN_RECV] = "SYN_RECV",
	[TCP_STATE_FIN_WAIT1] = "FIN_WAIT1",
	[TCP_STATE_FIN_WAIT2] = "FIN_WAIT2",
	[TCP_STATE_TIME_WAIT] = "TIME_WAIT",
	[TCP_STATE_CLOSE] = "CLOSE",
	[TCP_STATE_CLOSE_WAIT] = "CLOSE_WAIT",
	[TCP_STATE_LAST_ACK] = "LAST_ACK",
	[TCP_STATE_LISTEN] = "LISTEN",
	[TCP_STATE_CLOSING] = "CLOSING",
	[TCP_STATE_NEW_SYN_RECV] = "NEW_SYN_RECV",
};
DEFINE_NAMES(tcp_state);

static const char *const reset_reason_names[RESET_REASON_MAX] = {
	[RESET_REASON_NONE] = "none",
	[RESET_REASON_NOT_SPECIFIED] = "not-specified",
	[RESET_REASON_ABORT_ON_DATA] = "abort-on-data",
	[RESET_REASON_ABORT_ON_CLOSE] = "abort-on-close",
	[RESET_REASON_ABORT_ON_LINGER] = "abort-on-linger",
	[RESET_REASON_ABORT_ON_MEMORY] = "abort-on-memory",
	[RESET_REASON_STATE] = "state",
	[RESET_REASON_KEEPALIVE_TIMEOUT] = "keepalive-timeout",
	[RESET_REASON_DISCONNECT_WITH_DATA] = "disconnect-with-data",
	[RESET_REASON_OTHER] = "other",
};
DEFINE_NAMES(reset_reason);

static const char *const task_state_names[TASK_STATE_MAX] = {
	[TASK_STATE_UNKNOWN] = "unknown", [TASK_STATE_RUNS] = "runs",
	[TASK_STATE_STOPPED] = "stopped", [TASK_STATE_TRACED] = "traced",
	[TASK_STATE_FROZEN] = "frozen",   [TASK_STATE_DEAD] = "dead",
};
DEFINE_NAMES(task_state);

static const char *const action_type_names[ACTION_TYPE_MAX] = {
	[ACTION_NONE] = "none",       [ACTION_RELOAD] = "reload",
	[ACTION_SIGNAL] = "signal",   [ACTION_ABORT_CONNECTION] = "abort-connection",
	[ACTION_RESTART] = "restart", [ACTION_START_UNIT] = "start",
};
DEFINE_NAMES(action_type);

static const char *const action_outcome_names[ACTION_OUTCOME_MAX] = {
	[ACTION_STARTED] = "starting",
	[ACTION_DONE] = "done",
	[ACTION_FAILED] = "failed",
	[ACTION_HELD] = "held",
	[ACTION_DID_NOT_HELP] = "did-not-help",
	[ACTION_HELPED] = "helped",
	[ACTION_INTERRUPTED] = "interrupted",
	[ACTION_UNCERTAIN] = "uncertain",
};
DEFINE_NAMES(action_outcome);

static const char *const unit_state_names[UNIT_STATE_MAX] = {
	[UNIT_INACTIVE] = "inactive",
	[UNIT_ACTIVATING] = "activating",
	[UNIT_ACTIVE] = "active",
	[UNIT_RELOADING] = "reloading",
	[UNIT_DEACTIVATING] = "deactivating",
	[UNIT_FAILED] = "failed",
	[UNIT_MAINTENANCE] = "maintenance",
	[UNIT_UNKNOWN] = "unknown",
};
DEFINE_NAMES(unit_state);

static const char *const tls_track_names[TLS_TRACK_MAX] = {
	[TLS_NOT_SEEN] = "not-seen", [TLS_BEGUN] = "begun", [TLS_ANSWERED] = "answered",
	[TLS_SECURED] = "secured",   [TLS_PLAIN] = "plain", [TLS_NOT_SPOKEN] = "not-spoken",
	[TLS_LOST] = "lost-track",
};
DEFINE_NAMES(tls_track);

static const char *const tls_answer_names[TLS_ANSWER_MAX] = {
	[TLS_ANSWER_NONE] = "none",
	[TLS_ANSWER_HTTP] = "http",
	[TLS_ANSWER_OTHER] = "other",
};
DEFINE_NAMES(tls_answer);

/* The names of RFC 1035 and its successors, in lower case; `empty` is NODATA of RFC 2308, 2.2. */
static const char *const lookup_answer_names[LOOKUP_ANSWER_MAX] = {
	[LOOKUP_NONE] = "none",       [LOOKUP_ASKED] = "asked",        [LOOKUP_FOUND] = "found",
	[LOOKUP_EMPTY] = "no-data",   [LOOKUP_NOT_FOUND] = "nxdomain", [LOOKUP_FAILED] = "servfail",
	[LOOKUP_REFUSED] = "refused", [LOOKUP_UNCLEAR] = "unclear",
};
DEFINE_NAMES(lookup_answer);

static const char *const rung_names[RUNG_MAX] = {
	[RUNG_NONE] = "none", [RUNG_NAME] = "name", [RUNG_PATH] = "path",
	[RUNG_TCP] = "tcp",   [RUNG_TLS] = "tls",   [RUNG_LOGIN] = "login",
};
DEFINE_NAMES(rung);

static const char *const clock_state_names[CLOCK_STATE_MAX] = {
	[CLOCK_UNKNOWN] = "unknown",
	[CLOCK_SYNCHRONISED] = "synchronised",
	[CLOCK_UNVOUCHED] = "not-synchronised",
	[CLOCK_AWAITED] = "not-yet-synchronised",
	[CLOCK_PAST] = "in-the-past",
};
DEFINE_NAMES(clock_state);

static const char *const host_stop_names[HOST_STOP_MAX] = {
	[HOST_STOP_UNSEEN] = "unseen", [HOST_STOP_POWEROFF] = "poweroff", [HOST_STOP_HALT] = "halt",
	[HOST_STOP_REBOOT] = "reboot", [HOST_STOP_KEXEC] = "kexec",
};
DEFINE_NAMES(host_stop);

static const char *const radio_names[RADIO_MAX] = {
	[RADIO_NONE] = "none",
	[RADIO_UP] = "connected",
	[RADIO_DEAUTHENTICATED] = "deauthenticated-by-the-access-point",
	[RADIO_DISASSOCIATED] = "disassociated-by-the-access-point",
	[RADIO_DISCONNECTED] = "disconnected-by-the-access-point",
	[RADIO_AP_LOST] = "access-point-lost",
	[RADIO_LEFT] = "left-by-this-host",
	[RADIO_MODEM_UP] = "modem-connected",
	[RADIO_BEARER_LOST] = "session-ended-by-the-network",
	[RADIO_UNREGISTERED] = "registration-lost",
	[RADIO_SIM_MISSING] = "no-sim",
	[RADIO_SIM_FAULTY] = "sim-fails",
	[RADIO_SIM_LOCKED] = "sim-locked",
	[RADIO_MODEM_FAILED] = "modem-fails",
	[RADIO_MODEM_DISABLED] = "modem-disabled",
	[RADIO_MODEM_LEFT] = "disconnected-on-request",
};
DEFINE_NAMES(radio);

bool radio_is_up(enum radio radio)
{
	return radio == RADIO_NONE || radio == RADIO_UP || radio == RADIO_MODEM_UP;
}

bool radio_is_of_modem(enum radio radio)
{
	return radio >= RADIO_MODEM_UP && radio < RADIO_MAX;
}

bool radio_is_ended_by_ap(enum radio radio)
{
	return radio == RADIO_DEAUTHENTICATED || radio == RADIO_DISASSOCIATED ||
	       radio == RADIO_DISCONNECTED;
}

static const char *const device_state_names[DEVICE_STATE_MAX] = {
	[DEVICE_NONE] = "none",
	[DEVICE_ACTIVATED] = "activated",
	[DEVICE_DEACTIVATING] = "deactivating",
	[DEVICE_DISCONNECTED] = "disconnected",
	[DEVICE_UNAVAILABLE] = "unavailable",
	[DEVICE_FAILED] = "failed",
};
DEFINE_NAMES(device_state);

static const char *const mode_names[MODE_MAX] = {
	[MODE_EBPF] = "ebpf",
	[MODE_SOCK_DIAG] = "sock-diag",
};
DEFINE_NAMES(mode);

static const char *const login_protocol_names[LOGIN_PROTOCOL_MAX] = {
	[LOGIN_NONE] = "none",
	[LOGIN_AMQP] = "amqp",
	[LOGIN_HTTP] = "http",
};
DEFINE_NAMES(login_protocol);

static const char *const amqp_error_names[AMQP_ERROR_MAX] = {
	[AMQP_NO_ERROR] = "none",
	[AMQP_INTERNAL_ERROR] = "amqp:internal-error",
	[AMQP_NOT_FOUND] = "amqp:not-found",
	[AMQP_UNAUTHORIZED_ACCESS] = "amqp:unauthorized-access",
	[AMQP_DECODE_ERROR] = "amqp:decode-error",
	[AMQP_RESOURCE_LIMIT_EXCEEDED] = "amqp:resource-limit-exceeded",
	[AMQP_NOT_ALLOWED] = "amqp:not-allowed",
	[AMQP_INVALID_FIELD] = "amqp:invalid-field",
	[AMQP_NOT_IMPLEMENTED] = "amqp:not-implemented",
	[AMQP_RESOURCE_LOCKED] = "amqp:resource-locked",
	[AMQP_PRECONDITION_FAILED] = "amqp:precondition-failed",
	[AMQP_RESOURCE_DELETED] = "amqp:resource-deleted",
	[AMQP_ILLEGAL_STATE] = "amqp:illegal-state",
	[AMQP_FRAME_SIZE_TOO_SMALL] = "amqp:frame-size-too-small",
	[AMQP_CONNECTION_FORCED] = "amqp:connection:forced",
	[AMQP_FRAMING_ERROR] = "amqp:connection:framing-error",
	[AMQP_CONNECTION_REDIRECT] = "amqp:connection:redirect",
	[AMQP_OTHER_ERROR] = "other",
};
DEFINE_NAMES(amqp_error);

static const char *const mqtt_track_names[MQTT_TRACK_MAX] = {
	[MQTT_NOT_SEEN] = "not-seen",
	[MQTT_FOLLOWED] = "followed",
	[MQTT_LOST] = "lost",
};
DEFINE_NAMES(mqtt_track);

static const char *const mqtt_packet_names[MQTT_PACKET_MAX] = {
	[MQTT_NOTHING] = "nothing",         [MQTT_CONNECT] = "CONNECT",
	[MQTT_CONNACK] = "CONNACK",         [MQTT_PUBLISH] = "PUBLISH",
	[MQTT_PUBACK] = "PUBACK",           [MQTT_PUBREC] = "PUBREC",
	[MQTT_PUBREL] = "PUBREL",           [MQTT_PUBCOMP] = "PUBCOMP",
	[MQTT_SUBSCRIBE] = "SUBSCRIBE",     [MQTT_SUBACK] = "SUBACK",
	[MQTT_UNSUBSCRIBE] = "UNSUBSCRIBE", [MQTT_UNSUBACK] = "UNSUBACK",
	[MQTT_PINGREQ] = "PINGREQ",         [MQTT_PINGRESP] = "PINGRESP",
	[MQTT_DISCONNECT] = "DISCONNECT",   [MQTT_AUTH] = "AUTH",
};
DEFINE_NAMES(mqtt_packet);

enum side cause_side(enum cause cause)
{
	if ((cause >= CAUSE_AGENT_CRASH && cause <= CAUSE_AGENT_NOT_RECONNECTING) ||
	    cause == CAUSE_TLS_REFUSED_BY_AGENT)
		return SIDE_AGENT;
	if ((cause >= CAUSE_TOKEN_EXPIRED && cause <= CAUSE_PEER_CLOSE) ||
	    cause == CAUSE_TLS_REFUSED_BY_HUB)
		return SIDE_PEER;
	if (cause >= CAUSE_TLS_NOT_SPOKEN && cause <= CAUSE_MIDDLEBOX_RESET)
		return SIDE_NETWORK;
	if (cause >= CAUSE_OPERATOR_ABORT && cause <= CAUSE_POWER_LOST)
		return SIDE_HOST;
	return SIDE_NONE;
}

bool cause_is_of_names(enum cause cause)
{
	return cause >= CAUSE_NAME_NOT_FOUND && cause <= CAUSE_NAME_SERVER_SILENT;
}

bool cause_is_death(enum cause cause)
{
	return cause == CAUSE_AGENT_CRASH || cause == CAUSE_AGENT_OOM || cause == CAUSE_AGENT_EXIT;
}

bool cause_is_host_down(enum cause cause)
{
	return cause >= CAUSE_HOST_SHUTDOWN && cause <= CAUSE_POWER_LOST;
}

/* signal(7). Real-time signals have no names of their own. */
static const char *const signal_names[] = {
	[SIGHUP] = "SIGHUP",       [SIGINT] = "SIGINT",       [SIGQUIT] = "SIGQUIT",
	[SIGILL] = "SIGILL",       [SIGTRAP] = "SIGTRAP",     [SIGABRT] = "SIGABRT",
	[SIGBUS] = "SIGBUS",       [SIGFPE] = "SIGFPE",       [SIGKILL] = "SIGKILL",
	[SIGUSR1] = "SIGUSR1",     [SIGSEGV] = "SIGSEGV",     [SIGUSR2] = "SIGUSR2",
	[SIGPIPE] = "SIGPIPE",     [SIGALRM] = "SIGALRM",     [SIGTERM] = "SIGTERM",
	[SIGSTKFLT] = "SIGSTKFLT", [SIGCHLD] = "SIGCHLD",     [SIGCONT] = "SIGCONT",
	[SIGSTOP] = "SIGSTOP",     [SIGTSTP] = "SIGTSTP",     [SIGTTIN] = "SIGTTIN",
	[SIGTTOU] = "SIGTTOU",     [SIGURG] = "SIGURG",       [SIGXCPU] = "SIGXCPU",
	[SIGXFSZ] = "SIGXFSZ",     [SIGVTALRM] = "SIGVTALRM", [SIGPROF] = "SIGPROF",
	[SIGWINCH] = "SIGWINCH",   [SIGIO] = "SIGIO",         [SIGPWR] = "SIGPWR",
	[SIGSYS] = "SIGSYS",
};
enum { signal_count = sizeof(signal_names) / sizeof(signal_names[0]) };

const char *signal_to_string(int signal)
{
	return signal > 0 && signal < signal_count ? signal_names[signal] : NULL;
}

static int decimal_from_string(const char *string)
{
	int number = 0;

	if (*string == '\0')
		return -1;
	for (; *string; string++) {
		if (*string < '0' || *string > '9' || number > (INT_MAX - 9) / 10)
			return -1;
		number = 10 * number + (*string - '0');
	}
	return number;
}

int signal_from_string(const char *string)
{
	if (!string)
		return -1;
	for (int i = 1; i < signal_count; i++)
		if (signal_names[i] && (strcmp(signal_names[i], string) == 0 ||
					strcmp(signal_names[i] + strlen("SIG"), string) == 0))
			return i;
	return decimal_from_string(string);
}

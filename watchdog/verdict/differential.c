/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/differential.h"

#include "verdict/exclusions.h"

enum { CAUSES_MAX = 5, EXCLUSIONS_MAX = 6 };

/* By number: of causes, and of exclusions. The rival is excluded where one of `kernel` holds, and
 * by circumstance alone where one of `circumstance` does. */
struct row {
	uint8_t causes[CAUSES_MAX + 1]; /* up to CAUSE_UNKNOWN */
	uint8_t rival;
	uint8_t kernel[EXCLUSIONS_MAX]; /* up to NO_EXCLUSION */
	uint8_t circumstance[EXCLUSIONS_MAX];
};

#define BY(...)                                         \
	{                                               \
		__VA_ARGS__ __VA_OPT__(, ) NO_EXCLUSION \
	}
#define PEER                                       \
	{                                          \
		CAUSE_PEER_CLOSE, CAUSE_PEER_RESET \
	}
#define QUIET                                                               \
	{                                                                   \
		CAUSE_PEER_CLOSE, CAUSE_PEER_RESET, CAUSE_PEER_IDLE_TIMEOUT \
	}
#define QUARREL                                                                         \
	{                                                                               \
		CAUSE_SESSION_REJECTED, CAUSE_SESSION_TAKEOVER, CAUSE_SERVICE_TRANSIENT \
	}
#define OWN                                                               \
	{                                                                 \
		CAUSE_AGENT_CLOSE, CAUSE_AGENT_ABORT, CAUSE_TOKEN_RENEWAL \
	}
#define LEAVING                                      \
	{                                            \
		CAUSE_AGENT_CLOSE, CAUSE_AGENT_ABORT \
	}
#define GIVING_UP                                   \
	{                                           \
		CAUSE_AGENT_CLOSE, CAUSE_AGENT_EXIT \
	}
#define ENDING                                                       \
	{                                                            \
		CAUSE_AGENT_CRASH, CAUSE_AGENT_OOM, CAUSE_AGENT_EXIT \
	}
#define BROKEN                                                                      \
	{                                                                           \
		CAUSE_LINK_DOWN, CAUSE_WIFI_DISCONNECTED, CAUSE_MODEM_DISCONNECTED, \
			CAUSE_ADDRESS_CHANGED, CAUSE_NO_ROUTE                       \
	}
#define SILENCE                                                       \
	{                                                             \
		CAUSE_PATH_SILENT, CAUSE_UNREACHABLE, CAUSE_IDLE_DROP \
	}
#define SILENT_PATHS                                               \
	{                                                          \
		CAUSE_PATH_SILENT, CAUSE_PATH_MTU, CAUSE_PATH_HALF \
	}
#define HALVES                                  \
	{                                       \
		CAUSE_PATH_MTU, CAUSE_PATH_HALF \
	}
#define ON_THE_PATH                                                                    \
	{                                                                              \
		CAUSE_PATH_SILENT, CAUSE_UNREACHABLE, CAUSE_IDLE_DROP, CAUSE_PATH_MTU, \
			CAUSE_PATH_HALF                                                \
	}
#define REFUSED                                                                         \
	{                                                                               \
		CAUSE_TLS_REFUSED_BY_AGENT, CAUSE_TLS_REFUSED_BY_HUB, CAUSE_CLOCK_WRONG \
	}
#define IN_ORDER                                       \
	{                                              \
		CAUSE_HOST_SHUTDOWN, CAUSE_HOST_REBOOT \
	}
#define UNASKED                                    \
	{                                          \
		CAUSE_HOST_CRASH, CAUSE_POWER_LOST \
	}
#define NAMES                                                                             \
	{                                                                                 \
		CAUSE_NAME_NOT_FOUND, CAUSE_NAME_SERVER_FAILING, CAUSE_NAME_SERVER_SILENT \
	}
#define ONE(cause)            \
	{                     \
		CAUSE_##cause \
	}

/* How to read a row: "peer-close could also be agent-close. The kernel's evidence excludes that if
 * no DISCONNECT was sent; circumstance does if the agent had sent nothing for a second." */
/* clang-format off */
static const struct row rows[] = {
	/* the peer ended it ------------------------------------------------------------------- */
	{ PEER, CAUSE_AGENT_CLOSE,
	  BY(no_goodbye, agent_had_said_nothing, peer_gave_the_reason),
	  BY(had_been_quiet, peer_left_first, answered_by_a_reset) },
	{ PEER, CAUSE_AGENT_STOPPED,
	  BY(no_stop_was_asked, went_on_after_the_request), BY(lives_on) },
	{ PEER, CAUSE_PEER_IDLE_TIMEOUT,
	  BY(kept_its_keepalive, peer_gave_the_reason), BY(had_just_spoken) },
	{ PEER, CAUSE_AGENT_HANG,
	  BY(at_work, peer_gave_the_reason), BY(nothing_unread, seen_to_keep_alive, was_sampled) },
	{ QUIET, CAUSE_PATH_SILENT,
	  BY(all_acknowledged), BY(acknowledged_since, nothing_timed_out) },
	{ QUIET, CAUSE_LINK_DOWN,
	  BY(link_stayed, was_heard_within_keepalive), BY(link_was_back, all_arrived) },
	{ QUIET, CAUSE_ADDRESS_CHANGED,
	  BY(address_stayed, was_heard_within_keepalive), BY(address_was_back, all_arrived) },
	{ QUIET, CAUSE_NO_ROUTE,
	  BY(route_stayed, was_heard_within_keepalive), BY(route_was_back, all_arrived) },
	{ QUIET, CAUSE_HOST_SUSPEND,
	  BY(did_not_sleep), BY() },
	{ ONE(PEER_RESET), CAUSE_MIDDLEBOX_RESET,
	  BY(), BY(ttl_is_the_peers) },
	{ ONE(PEER_RESET), CAUSE_HOST_FIREWALL,
	  BY(came_from_elsewhere), BY(no_drop_is_known) },
	{ ONE(CONNECT_REFUSED), CAUSE_HOST_FIREWALL,
	  BY(came_from_elsewhere), BY(no_drop_is_known) },
	{ ONE(PEER_RESET), CAUSE_HOST_NAT,
	  BY(nat_leads_it_on), BY(no_loss_is_known, knew_the_connection) },
	{ ONE(PEER_RESET), CAUSE_IDLE_DROP,
	  BY(all_acknowledged), BY(heard_lately, not_idle_for_long, knew_the_connection) },
	{ ONE(MIDDLEBOX_RESET), CAUSE_PEER_RESET,
	  BY(), BY(ttl_is_anothers) },
	{ ONE(CONNECT_REFUSED), CAUSE_UNREACHABLE,
	  BY(refused_by_rst), BY(not_closed_here, no_icmp_error, heard_lately) },
	{ ONE(PEER_IDLE_TIMEOUT), CAUSE_PEER_CLOSE,
	  BY(peer_gave_the_reason), BY(silent_for_longer_than_patience, silences_are_alike) },
	{ ONE(PEER_IDLE_TIMEOUT), CAUSE_AGENT_HANG,
	  BY(at_work), BY(nothing_unread) },
	{ ONE(TOKEN_EXPIRED), CAUSE_PEER_CLOSE,
	  BY(peer_gave_the_reason, token_had_just_run_out),
	  BY(ages_are_alike, token_had_run_out) },
	{ ONE(TOKEN_EXPIRED), CAUSE_PEER_IDLE_TIMEOUT,
	  BY(kept_its_keepalive, peer_gave_the_reason, token_had_just_run_out),
	  BY(no_like_silences, token_had_run_out) },
	{ ONE(TOKEN_EXPIRED), CAUSE_SESSION_TAKEOVER,
	  BY(peer_gave_the_reason, token_had_just_run_out),
	  BY(lives_long, token_had_run_out) },
	{ ONE(TOKEN_EXPIRED), CAUSE_SESSION_REJECTED,
	  BY(had_been_let_in, token_had_just_run_out),
	  BY(no_refusal_was_seen, was_let_in_before, token_had_run_out) },
	{ ONE(SESSION_REJECTED), CAUSE_SESSION_TAKEOVER,
	  BY(peer_gave_the_reason), BY(peer_had_said_nothing) },
	{ ONE(SESSION_TAKEOVER), CAUSE_SESSION_REJECTED,
	  BY(peer_gave_the_reason, connack_accepted_it), BY() },
	{ QUARREL, CAUSE_PEER_CLOSE,
	  BY(peer_gave_the_reason), BY() },

	/* our side ended it, and lives ---------------------------------------------------------- */
	{ OWN, CAUSE_AGENT_EXIT,
	  BY(lives_on, killed_only_later), BY() },
	{ OWN, CAUSE_AGENT_STOPPED,
	  BY(no_stop_was_asked, went_on_after_the_request), BY(lives_on) },
	{ OWN, CAUSE_PATH_SILENT,
	  BY(no_answer_was_due),
	  BY(all_acknowledged, nothing_timed_out, acknowledged_since, reset_went_out) },
	{ OWN, CAUSE_LINK_DOWN,
	  BY(link_stayed), BY(link_was_back, all_arrived) },
	{ OWN, CAUSE_ADDRESS_CHANGED,
	  BY(address_stayed), BY(address_was_back, all_arrived) },
	{ OWN, CAUSE_NO_ROUTE,
	  BY(route_stayed), BY(route_was_back, all_arrived) },
	{ OWN, CAUSE_HOST_SUSPEND,
	  BY(did_not_sleep), BY() },
	{ GIVING_UP, CAUSE_UNREACHABLE,
	  BY(had_come_up, no_connection), BY(waited_for_long) },
	{ ONE(AGENT_ABORT), CAUSE_AGENT_CLOSE,
	  BY(no_goodbye, closed_on_purpose, no_tls_goodbye),
	  BY(had_been_quiet, reset_went_out) },
	{ ONE(TOKEN_RENEWAL), CAUSE_AGENT_CLOSE,
	  BY(), BY(ages_are_alike) },
	{ LEAVING, CAUSE_PEER_CLOSE,
	  BY(own_end_was_observed), BY(agent_left_first, left_unasked, last_was_unread) },

	/* the agent's process ended --------------------------------------------------------------- */
	{ ENDING, CAUSE_AGENT_CLOSE,
	  BY(closed_while_it_ended), BY(ended_right_after, dump_had_begun) },
	{ ENDING, CAUSE_AGENT_STOPPED,
	  BY(no_stop_was_asked, went_on_after_the_request, was_the_oom_victim, died_unasked),
	  BY(died_of_a_fault, stops_do_not_dump, dump_had_begun, systemd_says_oom,
	     was_left_over) },
	{ ENDING, CAUSE_PEER_RESET,
	  BY(end_was_observed), BY(end_is_known, died_while_nothing_came) },
	{ ONE(AGENT_CRASH), CAUSE_AGENT_OOM,
	  BY(not_killed, not_the_oom_victim), BY(dump_had_begun) },
	{ ONE(AGENT_CRASH), CAUSE_AGENT_EXIT,
	  BY(died_of_a_signal), BY(dump_had_begun, was_left_over) },
	{ ONE(AGENT_OOM), CAUSE_AGENT_CRASH,
	  BY(was_the_oom_victim), BY(systemd_says_oom) },
	{ ONE(AGENT_EXIT), CAUSE_AGENT_CRASH,
	  BY(exited_by_itself), BY() },
	{ ONE(AGENT_EXIT), CAUSE_PATH_SILENT,
	  BY(all_acknowledged, nothing_timed_out, no_connection),
	  BY(acknowledged_since) },
	{ ONE(AGENT_EXIT), CAUSE_LINK_DOWN,
	  BY(link_stayed, no_connection), BY(link_was_back, all_arrived) },
	{ ONE(AGENT_EXIT), CAUSE_NO_ROUTE,
	  BY(route_stayed, no_connection), BY(route_was_back, all_arrived) },
	{ ONE(AGENT_STOPPED), CAUSE_AGENT_CRASH,
	  BY(died_of_the_request, stopped_by_systemd, exited_by_itself),
	  BY(killed_after_the_request, container_was_ended, stop_was_just_asked,
	     systemd_says_it_killed) },
	{ ONE(AGENT_STOPPED), CAUSE_AGENT_EXIT,
	  BY(died_of_the_request, stopped_by_systemd),
	  BY(killed_after_the_request, container_was_ended, stop_was_just_asked,
	     systemd_says_it_killed) },

	/* nobody ended it: the path ----------------------------------------------------------------- */
	{ SILENCE, CAUSE_AGENT_CLOSE,
	  BY(kernel_gave_up, not_closed_here),
	  BY(silent_for_long, ping_is_unanswered, still_open) },
	{ ON_THE_PATH, CAUSE_LINK_DOWN,
	  BY(link_stayed), BY(link_was_back) },
	{ ON_THE_PATH, CAUSE_ADDRESS_CHANGED,
	  BY(address_stayed), BY(address_was_back) },
	{ ON_THE_PATH, CAUSE_NO_ROUTE,
	  BY(route_stayed), BY(route_was_back) },
	{ ON_THE_PATH, CAUSE_HOST_SUSPEND,
	  BY(did_not_sleep), BY() },
	{ ON_THE_PATH, CAUSE_OPERATOR_ABORT,
	  BY(end_was_observed), BY() },
	{ ONE(PATH_SILENT), CAUSE_PEER_CLOSE,
	  BY(nothing_was_heard), BY(some_retransmissions, ping_is_unanswered) },
	{ ONE(PATH_SILENT), CAUSE_UNREACHABLE,
	  BY(no_icmp_error), BY(none_at_the_end) },
	{ ONE(PATH_SILENT), CAUSE_PATH_MTU,
	  BY(only_a_tiny_one_was_lost), BY(only_a_small_one_was_lost) },
	{ ONE(PATH_SILENT), CAUSE_PATH_HALF,
	  BY(had_come_up, no_other_family_can_follow), BY(no_other_family_came_up) },
	{ ONE(PATH_MTU), CAUSE_PATH_SILENT,
	  BY(), BY(later_data_came, a_small_one_arrived, was_heard_meanwhile) },
	{ ONE(PATH_MTU), CAUSE_PATH_HALF,
	  BY(later_data_came), BY(a_small_one_arrived) },
	{ ONE(PATH_MTU), CAUSE_TLS_STALLED,
	  BY(later_data_came, own_data_waits), BY() },
	{ ONE(PATH_MTU), CAUSE_PEER_RESET,
	  BY(did_not_reset), BY(later_data_came) },
	{ ONE(PATH_MTU), CAUSE_AGENT_CLOSE,
	  BY(kernel_gave_up, not_closed_here),
	  BY(ping_is_unanswered, still_open, waited_for_tls, timed_out_again_and_again) },
	{ ONE(PATH_HALF), CAUSE_AGENT_CLOSE,
	  BY(kernel_gave_up, not_closed_here),
	  BY(ping_is_unanswered, still_open, waited_for_an_answer) },
	{ HALVES, CAUSE_AGENT_STOPPED,
	  BY(no_stop_was_asked, went_on_after_the_request, kernel_gave_up, still_open),
	  BY(lives_on) },
	{ HALVES, CAUSE_UNREACHABLE,
	  BY(no_icmp_error), BY(none_was_pending) },
	{ ONE(PATH_HALF), CAUSE_PATH_SILENT,
	  BY(), BY(other_family_came_up, was_heard_meanwhile) },
	{ ONE(PATH_HALF), CAUSE_PATH_MTU,
	  BY(only_a_tiny_one_was_lost), BY(only_a_small_one_was_lost) },
	{ SILENT_PATHS, CAUSE_HOST_FIREWALL,
	  BY(nothing_dropped_here), BY(no_drop_is_known) },
	{ SILENT_PATHS, CAUSE_HOST_NAT,
	  BY(nat_leads_it_on), BY(no_loss_is_known) },
	{ ONE(UNREACHABLE), CAUSE_HOST_FIREWALL,
	  BY(nothing_dropped_here), BY(no_drop_is_known) },
	{ ONE(UNREACHABLE), CAUSE_PATH_SILENT,
	  BY(icmp_error_ended_it), BY(icmp_error_came) },
	{ ONE(IDLE_DROP), CAUSE_HOST_NAT,
	  BY(nat_leads_it_on), BY(no_loss_is_known) },
	{ ONE(IDLE_DROP), CAUSE_PEER_RESET,
	  BY(), BY(survived_no_such_silence) },
	{ ONE(IDLE_DROP), CAUSE_PATH_SILENT,
	  BY(not_closed_here), BY(survived_no_such_silence) },
	{ ONE(LINK_DOWN), CAUSE_PATH_SILENT,
	  BY(link_is_missing), BY(broke_and_was_not_heard_since) },
	{ ONE(WIFI_DISCONNECTED), CAUSE_PATH_SILENT,
	  BY(radio_is_missing), BY(broke_and_was_not_heard_since) },
	{ ONE(MODEM_DISCONNECTED), CAUSE_PATH_SILENT,
	  BY(), BY(radio_is_missing, broke_and_was_not_heard_since) },
	{ ONE(WIFI_DISCONNECTED), CAUSE_LINK_DOWN,
	  BY(access_point_ended_it), BY(did_not_leave_on_request) },
	{ ONE(ADDRESS_CHANGED), CAUSE_PATH_SILENT,
	  BY(address_is_missing), BY(broke_and_was_not_heard_since) },
	{ ONE(NO_ROUTE), CAUSE_PATH_SILENT,
	  BY(route_is_missing), BY(broke_and_was_not_heard_since) },
	{ BROKEN, CAUSE_OPERATOR_ABORT,
	  BY(end_was_observed), BY() },
	{ BROKEN, CAUSE_AGENT_CLOSE,
	  BY(kernel_gave_up, still_open), BY(broke_and_was_not_heard_since) },
	{ BROKEN, CAUSE_PEER_CLOSE,
	  BY(kernel_gave_up, still_open, closed_here), BY(broke_and_was_not_heard_since) },

	/* the TLS handshake came to nothing -------------------------------------------------------- */
	{ REFUSED, CAUSE_PEER_CLOSE,
	  BY(alert_was_plain), BY(alert_was_encrypted, left_before_its_finished) },
	{ REFUSED, CAUSE_AGENT_CLOSE,
	  BY(alert_was_plain), BY(alert_was_encrypted, library_refused_it) },
	{ ONE(TLS_REFUSED_BY_AGENT), CAUSE_TLS_REFUSED_BY_HUB,
	  BY(no_alert_came), BY() },
	{ ONE(TLS_REFUSED_BY_AGENT), CAUSE_TLS_STALLED,
	  BY(hub_had_just_answered, alert_was_plain), BY() },
	{ ONE(TLS_REFUSED_BY_AGENT), CAUSE_CLOCK_WRONG,
	  BY(clock_is_not_doubted, alert_is_not_of_time, error_is_not_of_time),
	  BY(accepted_by_this_clock, alert_may_be_of_anything) },
	{ ONE(CLOCK_WRONG), CAUSE_TLS_REFUSED_BY_AGENT,
	  BY(early_by_a_clock_in_the_past),
	  BY(clock_is_in_the_past, clock_is_before_certificate, error_says_early) },
	{ ONE(TLS_REFUSED_BY_HUB), CAUSE_TLS_REFUSED_BY_AGENT,
	  BY(no_alert_was_sent), BY() },
	{ ONE(TLS_NOT_SPOKEN), CAUSE_PEER_CLOSE,
	  BY(answer_is_no_tls), BY() },
	{ ONE(TLS_STALLED), CAUSE_PATH_SILENT,
	  BY(all_acknowledged), BY(acknowledged_since) },
	{ ONE(TLS_STALLED), CAUSE_PATH_MTU,
	  BY(a_large_one_came), BY(was_let_through_before) },
	{ ONE(TLS_STALLED), CAUSE_AGENT_CLOSE,
	  BY(), BY(waited_for_tls) },
	{ ONE(TLS_STALLED), CAUSE_TLS_REFUSED_BY_AGENT,
	  BY(no_alert_was_sent), BY(waited_for_tls) },
	{ ONE(TLS_STALLED), CAUSE_AGENT_STOPPED,
	  BY(no_stop_was_asked, went_on_after_the_request), BY(lives_on) },

	/* no connection: the lookup of the hub's name fails ----------------------------------------- */
	{ NAMES, CAUSE_AGENT_NOT_RECONNECTING,
	  BY(), BY(every_lookup_failed) },
	{ NAMES, CAUSE_NO_ROUTE,
	  BY(), BY(path_is_there) },
	{ ONE(NAME_NOT_FOUND), CAUSE_NAME_SERVER_FAILING,
	  BY(server_said_so), BY() },
	{ ONE(NAME_SERVER_FAILING), CAUSE_NAME_NOT_FOUND,
	  BY(server_said_so), BY() },

	/* an agent without a connection ------------------------------------------------------------ */
	{ ONE(AGENT_NOT_RECONNECTING), CAUSE_AGENT_EXIT,
	  BY(process_lives), BY() },
	{ ONE(AGENT_NOT_RECONNECTING), CAUSE_AGENT_CLOSE,
	  BY(others_ended_it), BY() },
	{ ONE(AGENT_NOT_RECONNECTING), CAUSE_CONNECT_REFUSED,
	  BY(attempts_would_be_seen), BY() },
	{ ONE(AGENT_NOT_RECONNECTING), CAUSE_NAME_NOT_FOUND,
	  BY(a_name_was_found), BY(no_lookup_failed) },
	{ ONE(AGENT_NOT_RECONNECTING), CAUSE_NO_ROUTE,
	  BY(route_leads_there), BY(attempts_would_be_seen) },
	{ ONE(AGENT_NOT_RECONNECTING), CAUSE_LINK_DOWN,
	  BY(link_is_up), BY(attempts_would_be_seen) },

	/* the host went down ----------------------------------------------------------------------- */
	{ ONE(HOST_SHUTDOWN), CAUSE_HOST_REBOOT,
	  BY(), BY(target_was_reached) },
	{ ONE(HOST_REBOOT), CAUSE_HOST_SHUTDOWN,
	  BY(), BY(target_was_reached) },
	{ IN_ORDER, CAUSE_POWER_LOST,
	  BY(), BY(target_was_reached, journal_was_closed) },
	{ ONE(HOST_CRASH), CAUSE_POWER_LOST,
	  BY(), BY(panic_is_on_record, watchdog_had_fired) },
	{ ONE(POWER_LOST), CAUSE_HOST_CRASH,
	  BY(), BY(crash_would_show) },
	{ UNASKED, CAUSE_HOST_SHUTDOWN,
	  BY(), BY(no_shutdown_was_seen) },

	/* the host, and hangs ------------------------------------------------------------------------ */
	{ ONE(HOST_SUSPEND), CAUSE_PATH_SILENT,
	  BY(), BY(slept_since_heard) },
	{ ONE(OPERATOR_ABORT), CAUSE_PEER_RESET,
	  BY(was_destroyed), BY() },
	{ ONE(MEMORY_PRESSURE), CAUSE_PATH_SILENT,
	  BY(end_was_observed), BY() },
	{ ONE(HOST_FIREWALL), CAUSE_PATH_SILENT,
	  BY(dropped_here), BY(dropped_most, was_not_sent, came_from_here) },
	{ ONE(HOST_FIREWALL), CAUSE_UNREACHABLE,
	  BY(dropped_here), BY(dropped_most, was_not_sent, came_from_here) },
	{ ONE(HOST_FIREWALL), CAUSE_CONNECT_REFUSED,
	  BY(dropped_here, nothing_was_heard), BY(dropped_most, was_not_sent, came_from_here) },
	{ ONE(HOST_FIREWALL), CAUSE_AGENT_CLOSE,
	  BY(kernel_gave_up, not_closed_here, refused_by_rst),
	  BY(silent_for_long, ping_is_unanswered, still_open, was_not_sent) },
	{ ONE(HOST_FIREWALL), CAUSE_PEER_CLOSE,
	  BY(nothing_was_heard, kernel_gave_up, refused_by_rst),
	  BY(dropped_most, was_not_sent, came_from_here) },
	{ ONE(HOST_FIREWALL), CAUSE_LINK_DOWN,
	  BY(link_stayed, dropped_here), BY(link_was_back) },
	{ ONE(HOST_FIREWALL), CAUSE_ADDRESS_CHANGED,
	  BY(address_stayed, dropped_here), BY(address_was_back) },
	{ ONE(HOST_FIREWALL), CAUSE_NO_ROUTE,
	  BY(route_stayed, dropped_here), BY(route_was_back) },
	{ ONE(HOST_FIREWALL), CAUSE_HOST_SUSPEND,
	  BY(did_not_sleep), BY() },
	{ ONE(HOST_FIREWALL), CAUSE_MEMORY_PRESSURE,
	  BY(dropped_here), BY(dropped_most, came_from_here) },
	{ ONE(HOST_FIREWALL), CAUSE_OPERATOR_ABORT,
	  BY(end_was_observed), BY() },
	{ ONE(HOST_FIREWALL), CAUSE_HOST_NAT,
	  BY(nat_leads_it_on), BY(no_loss_is_known) },
	{ ONE(HOST_NAT), CAUSE_PATH_SILENT,
	  BY(moved_by_nat), BY(lost_by_nat, table_is_full) },
	{ ONE(HOST_NAT), CAUSE_IDLE_DROP,
	  BY(moved_by_nat), BY(lost_by_nat, table_is_full) },
	{ ONE(HOST_NAT), CAUSE_UNREACHABLE,
	  BY(no_icmp_error), BY(none_was_pending) },
	{ ONE(HOST_NAT), CAUSE_PEER_RESET,
	  BY(moved_by_nat, did_not_reset), BY(lost_before_the_reset) },
	{ ONE(HOST_NAT), CAUSE_PEER_CLOSE,
	  BY(kernel_gave_up, moved_by_nat), BY(lost_by_nat) },
	{ ONE(HOST_NAT), CAUSE_AGENT_CLOSE,
	  BY(kernel_gave_up, not_closed_here),
	  BY(silent_for_long, ping_is_unanswered, still_open) },
	{ ONE(HOST_NAT), CAUSE_HOST_FIREWALL,
	  BY(nothing_dropped_here, came_from_elsewhere), BY(no_drop_is_known, table_is_full) },
	{ ONE(HOST_NAT), CAUSE_LINK_DOWN,
	  BY(path_of_host_stayed, table_is_full), BY() },
	{ ONE(HOST_NAT), CAUSE_ADDRESS_CHANGED,
	  BY(path_of_host_stayed, table_is_full), BY() },
	{ ONE(HOST_NAT), CAUSE_NO_ROUTE,
	  BY(path_of_host_stayed, table_is_full), BY() },
	{ ONE(HOST_NAT), CAUSE_HOST_SUSPEND,
	  BY(did_not_sleep), BY() },
	{ ONE(HOST_NAT), CAUSE_OPERATOR_ABORT,
	  BY(end_was_observed), BY() },
	{ ONE(AGENT_HANG), CAUSE_PEER_CLOSE,
	  BY(), BY(stopped_or_frozen, hung_before, still_open) },
	{ ONE(AGENT_HANG), CAUSE_PATH_SILENT,
	  BY(all_acknowledged), BY(acknowledged_since) },
	{ ONE(AGENT_HANG), CAUSE_PEER_IDLE_TIMEOUT,
	  BY(), BY(stopped_or_frozen, hung_before, seen_to_keep_alive, neither_reads_nor_sends) },
	{ ONE(AGENT_HANG), CAUSE_HOST_STARVED,
	  BY(), BY(stopped_or_frozen, hung_sated, lacked_nothing) },
	{ ONE(HOST_STARVED), CAUSE_AGENT_HANG,
	  BY(), BY(starved_before, shortage_explains_it) },
	{ ONE(HOST_STARVED), CAUSE_PEER_CLOSE,
	  BY(), BY(starved_before, still_open) },
	{ ONE(HOST_STARVED), CAUSE_PATH_SILENT,
	  BY(all_acknowledged), BY(acknowledged_since) },
	{ ONE(HOST_STARVED), CAUSE_PEER_IDLE_TIMEOUT,
	  BY(), BY(starved_before, seen_to_keep_alive, neither_reads_nor_sends) },
};
/* clang-format on */

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static bool is_about(const struct row *row, enum cause cause)
{
	for (unsigned i = 0; row->causes[i] != CAUSE_UNKNOWN; i++)
		if (row->causes[i] == cause)
			return true;
	return false;
}

/* The first of `list` that holds; NULL: none does. */
static const struct exclusion *first_that_holds(const uint8_t *list,
						const struct circumstances *given,
						const struct verdict *verdict)
{
	for (; *list != NO_EXCLUSION; list++)
		if (exclusions[*list].holds(given, verdict))
			return &exclusions[*list];
	return NULL;
}

/* How sure the cause is as far as one rival goes. */
static enum confidence judge_rival(const struct row *row, const struct circumstances *given,
				   struct verdict *verdict)
{
	const struct exclusion *by = first_that_holds(row->kernel, given, verdict);
	enum confidence confidence = by ? CONFIDENCE_PROVED : CONFIDENCE_LIKELY;

	if (!by)
		by = first_that_holds(row->circumstance, given, verdict);
	if (!by) {
		tokens_add(&verdict->evidence, "or=%s", cause_to_string((enum cause)row->rival));
		return CONFIDENCE_SUSPECTED;
	}
	tokens_add(&verdict->ruled_out, "%s=%s", cause_to_string((enum cause)row->rival),
		   by->words);
	return confidence;
}

void differential_judge(const struct circumstances *given, struct verdict *verdict)
{
	enum confidence confidence = CONFIDENCE_PROVED;
	bool is_in_table = false;

	if (verdict->cause == CAUSE_UNKNOWN) {
		verdict->confidence = CONFIDENCE_INVALID;
		return;
	}
	for (unsigned i = 0; i < ROWS; i++) {
		enum confidence of_row;

		if (!is_about(&rows[i], verdict->cause))
			continue;
		is_in_table = true;
		of_row = judge_rival(&rows[i], given, verdict);
		if (of_row < confidence)
			confidence = of_row;
	}
	verdict->confidence = is_in_table ? confidence : CONFIDENCE_SUSPECTED;
}

void differential_rows(differential_row_sink tell, void *userdata)
{
	for (unsigned i = 0; i < ROWS; i++)
		for (unsigned j = 0; rows[i].causes[j] != CAUSE_UNKNOWN; j++)
			tell(userdata, (enum cause)rows[i].causes[j], (enum cause)rows[i].rival,
			     rows[i].kernel, rows[i].circumstance);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Exclusions: the facts that can exclude a rival (differential.h). The kernel's evidence are
 * counters, states and the order of events; circumstance is what makes a rival hard to believe.
 * Which of the two an exclusion is depends on the row it stands in. */
#pragma once

#include "verdict/differential.h"

/* ---- how it ended */
extern const struct exclusion not_closed_here, kernel_gave_up, icmp_error_ended_it, reset_went_out,
	was_destroyed, refused_by_rst, end_was_observed, end_is_known, closed_here, still_open;

/* ---- what was said */
extern const struct exclusion no_goodbye, no_tls_goodbye, agent_left_first, peer_left_first,
	own_end_was_observed, agent_had_said_nothing, had_been_quiet, answered_by_a_reset,
	peer_gave_the_reason, connack_accepted_it, peer_had_said_nothing, ping_is_unanswered,
	closed_on_purpose, had_been_let_in, no_refusal_was_seen, was_let_in_before;

/* ---- who was heard, and when */
extern const struct exclusion all_acknowledged, acknowledged_since, nothing_timed_out, all_arrived,
	kept_its_keepalive, had_just_spoken, was_heard_within_keepalive, seen_to_keep_alive,
	silent_for_longer_than_patience, heard_lately, nothing_was_heard, some_retransmissions,
	silent_for_long;

/* ---- the agent's processes */
extern const struct exclusion at_work, nothing_unread, was_sampled, stopped_or_frozen, hung_before,
	no_stop_was_asked, went_on_after_the_request, died_of_the_request, stop_was_just_asked,
	stopped_by_systemd, systemd_says_it_killed, killed_after_the_request, container_was_ended,
	not_the_oom_victim, not_killed, was_the_oom_victim, systemd_says_oom, died_of_a_signal,
	exited_by_itself, closed_while_it_ended, ended_right_after, lives_on, killed_only_later,
	dump_had_begun, died_unasked, died_of_a_fault, stops_do_not_dump, no_connection,
	neither_reads_nor_sends, died_while_nothing_came;

/* ---- the path */
extern const struct exclusion path_is_there, link_stayed, link_was_back, link_is_missing,
	address_stayed, address_was_back, address_is_missing, route_stayed, route_was_back,
	route_is_missing, broke_and_was_not_heard_since, no_icmp_error, none_at_the_end,
	icmp_error_came;

/* ---- an agent without a connection */
extern const struct exclusion process_lives, attempts_would_be_seen, route_leads_there, link_is_up;

/* ---- rhythms, TTLs, the host */
extern const struct exclusion ages_are_alike, lives_long, no_like_silences, silences_are_alike,
	token_had_just_run_out, token_had_run_out, not_idle_for_long, ttl_is_the_peers,
	ttl_is_anothers, did_not_sleep, slept_since_heard;

/* ---- the host went down */
extern const struct exclusion target_was_reached, journal_was_closed, panic_is_on_record,
	watchdog_had_fired, crash_would_show, no_shutdown_was_seen;

/* ---- name lookups */
extern const struct exclusion every_lookup_failed, a_name_was_found, no_lookup_failed;

/* ---- TLS */
extern const struct exclusion alert_was_plain, alert_was_encrypted, no_alert_came,
	no_alert_was_sent, left_before_its_finished, answer_is_no_tls, waited_for_tls,
	clock_is_not_doubted, clock_is_in_the_past, alert_is_not_of_time, alert_may_be_of_anything,
	accepted_by_this_clock;

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Exclusions: the facts that can exclude a rival (differential.h). The kernel's evidence are
 * counters, states and the order of events; circumstance is what makes a rival hard to believe.
 * Which of the two an exclusion is depends on the row it stands in. */
#pragma once

#include "verdict/differential.h"

/* All of them, each with a number of its own: the rows of the table are small. */
/* clang-format off */
#define EXCLUSIONS(ONE) \
	/* how it ended */ \
	ONE(not_closed_here) ONE(kernel_gave_up) ONE(icmp_error_ended_it) ONE(reset_went_out) \
	ONE(was_destroyed) ONE(refused_by_rst) ONE(end_was_observed) ONE(end_is_known) \
	ONE(closed_here) ONE(still_open) \
	/* what was said */ \
	ONE(no_goodbye) ONE(no_tls_goodbye) ONE(agent_left_first) ONE(peer_left_first) \
	ONE(own_end_was_observed) ONE(agent_had_said_nothing) ONE(had_been_quiet) \
	ONE(answered_by_a_reset) ONE(peer_gave_the_reason) ONE(connack_accepted_it) \
	ONE(peer_had_said_nothing) ONE(ping_is_unanswered) ONE(closed_on_purpose) \
	ONE(had_been_let_in) ONE(no_refusal_was_seen) ONE(was_let_in_before) \
	/* who was heard, and when */ \
	ONE(all_acknowledged) ONE(no_answer_was_due) ONE(acknowledged_since) \
	ONE(nothing_timed_out) ONE(all_arrived) \
	ONE(left_unasked) ONE(last_was_unread) \
	ONE(kept_its_keepalive) ONE(had_just_spoken) ONE(was_heard_within_keepalive) \
	ONE(seen_to_keep_alive) ONE(silent_for_longer_than_patience) ONE(heard_lately) \
	ONE(nothing_was_heard) ONE(some_retransmissions) ONE(silent_for_long) \
	/* the agent's processes */ \
	ONE(at_work) ONE(nothing_unread) ONE(was_sampled) ONE(stopped_or_frozen) \
	ONE(hung_before) ONE(hung_sated) ONE(starved_before) ONE(lacked_nothing) ONE(shortage_explains_it) \
	ONE(no_stop_was_asked) ONE(went_on_after_the_request) \
	ONE(died_of_the_request) ONE(stop_was_just_asked) ONE(stopped_by_systemd) \
	ONE(systemd_says_it_killed) ONE(was_left_over) ONE(killed_after_the_request) ONE(container_was_ended) \
	ONE(not_the_oom_victim) ONE(not_killed) ONE(was_the_oom_victim) ONE(systemd_says_oom) \
	ONE(died_of_a_signal) ONE(exited_by_itself) ONE(closed_while_it_ended) \
	ONE(ended_right_after) ONE(lives_on) ONE(killed_only_later) ONE(dump_had_begun) \
	ONE(died_unasked) ONE(died_of_a_fault) ONE(stops_do_not_dump) ONE(no_connection) \
	ONE(neither_reads_nor_sends) ONE(died_while_nothing_came) \
	/* the path */ \
	ONE(path_is_there) ONE(link_stayed) ONE(link_was_back) ONE(link_is_missing) \
	ONE(radio_is_missing) ONE(access_point_ended_it) ONE(did_not_leave_on_request) \
	ONE(address_stayed) ONE(address_was_back) ONE(address_is_missing) ONE(route_stayed) \
	ONE(route_was_back) ONE(route_is_missing) ONE(broke_and_was_not_heard_since) \
	ONE(no_icmp_error) ONE(none_at_the_end) ONE(icmp_error_came) \
	/* half a path */ \
	ONE(only_a_tiny_one_was_lost) ONE(only_a_small_one_was_lost) ONE(a_small_one_arrived) \
	ONE(later_data_came) ONE(a_large_one_came) ONE(was_let_through_before) \
	ONE(own_data_waits) ONE(did_not_reset) ONE(was_heard_meanwhile) \
	ONE(other_family_came_up) ONE(had_come_up) ONE(no_other_family_came_up) ONE(no_other_family_can_follow) ONE(none_was_pending) ONE(timed_out_again_and_again) \
	ONE(waited_for_an_answer) ONE(waited_for_long) \
	/* this host's own filters */ \
	ONE(dropped_here) ONE(dropped_most) ONE(was_not_sent) ONE(nothing_dropped_here) \
	ONE(no_drop_is_known) ONE(came_from_elsewhere) ONE(came_from_here) \
	ONE(knew_the_connection) \
	/* this host's own NAT */ \
	ONE(nat_leads_it_on) ONE(no_loss_is_known) ONE(moved_by_nat) ONE(lost_by_nat) \
	ONE(lost_before_the_reset) ONE(table_is_full) ONE(path_of_host_stayed) \
	/* an agent without a connection */ \
	ONE(process_lives) ONE(others_ended_it) ONE(attempts_would_be_seen) ONE(route_leads_there) ONE(link_is_up) \
	/* rhythms, TTLs, the host */ \
	ONE(ages_are_alike) ONE(lives_long) ONE(no_like_silences) ONE(silences_are_alike) ONE(survived_no_such_silence) \
	ONE(token_had_just_run_out) ONE(token_had_run_out) ONE(not_idle_for_long) \
	ONE(ttl_is_the_peers) ONE(ttl_is_anothers) ONE(did_not_sleep) ONE(slept_since_heard) \
	/* the host went down */ \
	ONE(target_was_reached) ONE(journal_was_closed) ONE(panic_is_on_record) \
	ONE(watchdog_had_fired) ONE(crash_would_show) ONE(no_shutdown_was_seen) \
	/* name lookups */ \
	ONE(every_lookup_failed) ONE(server_said_so) ONE(a_name_was_found) ONE(no_lookup_failed) \
	/* TLS */ \
	ONE(alert_was_plain) ONE(alert_was_encrypted) ONE(no_alert_came) ONE(no_alert_was_sent) \
	ONE(left_before_its_finished) ONE(answer_is_no_tls) ONE(waited_for_tls) \
	ONE(clock_is_not_doubted) ONE(clock_is_in_the_past) \
	ONE(clock_is_before_certificate) ONE(alert_is_not_of_time) \
	ONE(alert_may_be_of_anything) ONE(accepted_by_this_clock) ONE(hub_had_just_answered) \
	ONE(library_refused_it) ONE(error_is_not_of_time) ONE(error_says_early) \
	ONE(early_by_a_clock_in_the_past)
/* clang-format on */

#define AS_NUMBER(name) name,

/* clang-format off */
enum exclusion_number {
	NO_EXCLUSION,
	EXCLUSIONS(AS_NUMBER)
	EXCLUSION_MAX,
};
/* clang-format on */
_Static_assert(EXCLUSION_MAX <= UINT8_MAX, "a number fits a row");

/* By number; the first is none. */
extern const struct exclusion exclusions[EXCLUSION_MAX];

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/exclusions.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "verdict/device.h"
#include "verdict/ended_by.h"
#include "verdict/evidence.h"
#include "verdict/host_end.h"
#include "verdict/login_facts.h"
#include "verdict/mqtt_facts.h"
#include "verdict/rhythm.h"
#include "verdict/rules_drops.h"
#include "verdict/rules_half_path.h"
#include "verdict/rules_nat.h"
#include "verdict/rules_process.h"
#include "verdict/rules_token.h"
#include "verdict/shortage.h"
#include "verdict/tls_facts.h"

/* An exclusion by the name of `name`, as `words` in RULED_OUT. */
#define EXCLUSION(name, words_)                                                             \
	static const char name##_words[] = words_;                                          \
	static bool name##_holds(const struct circumstances *given __attribute__((unused)), \
				 const struct verdict *verdict __attribute__((unused)))

/* A hub whose patience is shorter than that would serve nobody. */
#define JUST_NOW (1 * USEC_PER_SEC)

/* ---- how it ended */

EXCLUSION(not_closed_here, "our-side-had-not-closed")
{
	return verdict->ended_by == ENDED_BY_PEER_FIN || verdict->ended_by == ENDED_BY_PEER_RESET;
}

EXCLUSION(kernel_gave_up, "the-kernel-gave-up")
{
	switch (verdict->ended_by) {
	case ENDED_BY_KEEPALIVE_TIMEOUT:
	case ENDED_BY_RETRANSMIT_TIMEOUT:
	case ENDED_BY_USER_TIMEOUT:
	case ENDED_BY_PROBE_TIMEOUT:
	case ENDED_BY_UNREACHABLE:
	case ENDED_BY_CONNECT_UNREACHABLE:
		return true;
	case ENDED_BY_CONNECT_TIMEOUT:
		return given->socket->error == ETIMEDOUT;
	case ENDED_BY_UNKNOWN:
	case ENDED_BY_PEER_FIN:
	case ENDED_BY_PEER_RESET:
	case ENDED_BY_LOCAL_FIN:
	case ENDED_BY_LOCAL_RESET:
	case ENDED_BY_ABORTED:
	case ENDED_BY_OUT_OF_MEMORY:
	case ENDED_BY_CONNECT_REFUSED:
	case ENDED_BY_MAX:
	case ENDED_BY_INVALID:
		break;
	}
	return false;
}

EXCLUSION(icmp_error_ended_it, "an-ICMP-error-ended-it")
{
	return verdict->ended_by == ENDED_BY_UNREACHABLE ||
	       verdict->ended_by == ENDED_BY_CONNECT_UNREACHABLE;
}

EXCLUSION(reset_went_out, "our-kernel-sent-a-RST")
{
	return verdict->ended_by == ENDED_BY_LOCAL_RESET && !given->socket->close_unobserved;
}

EXCLUSION(was_destroyed, "no-RST-arrived")
{
	return verdict->ended_by == ENDED_BY_ABORTED;
}

EXCLUSION(refused_by_rst, "a-RST-answered-the-SYN")
{
	return verdict->ended_by == ENDED_BY_CONNECT_REFUSED && !given->socket->close_unobserved;
}

EXCLUSION(end_was_observed, "its-end-was-seen")
{
	return !given->socket->close_unobserved;
}

/* The peer's FIN counts as a byte: it takes a sequence number (tcp_rcv_nxt_update()). */
EXCLUSION(peer_had_said_nothing, "the-peer-had-said-nothing")
{
	return given->socket->bytes_received <= (given->socket->fin_received ? 1 : 0);
}

/* What the peer says is followed to the end: had it asked for the close, that would be known.
 * Before a TLS handshake is over, nothing can be asked for. */
static bool peer_is_followed(const struct circumstances *given)
{
	return given->mqtt->track == MQTT_FOLLOWED || given->login->left ||
	       tls_is_under_way(given->tls);
}

/* True if the peer spoke right before the agent left, and what it said is not known: AMQP,
 * WebSocket and MQTT 5 have a close that the other end answers by closing. Where the agent left
 * with a goodbye of TLS, what was said before that counts; it is not known if the peer spoke since.
 */
static bool peer_may_have_asked(const struct circumstances *given)
{
	const struct socket_facts *socket = given->socket;
	usec_t left = tls_agent_left_first(given->tls, socket) ? socket->idle_tx : 0;

	return !peer_is_followed(given) && !peer_had_said_nothing_holds(given, NULL) &&
	       socket->idle_rx < left + JUST_NOW + 2 * (usec_t)socket->rtt_usec;
}

/* By a FIN of our own, or a goodbye that could be read. A goodbye of TLS 1.3 could not. */
EXCLUSION(own_end_was_observed, "its-end-was-seen")
{
	bool by_length = given->tls->is_13 && verdict->ended_by != ENDED_BY_LOCAL_FIN &&
			 tls_agent_left_first(given->tls, given->socket) &&
			 !mqtt_agent_disconnected_first(given->mqtt);

	return end_was_observed_holds(given, verdict) && !by_length && !peer_may_have_asked(given);
}

EXCLUSION(end_is_known, "how-it-ended-is-known")
{
	return verdict->ended_by != ENDED_BY_UNKNOWN;
}

EXCLUSION(closed_here, "our-side-closed-it")
{
	return ended_by_own_side(given->socket);
}

/* A check of an open connection has no closing task. */
EXCLUSION(still_open, "it-is-still-open")
{
	return !given->current && !given->no_connection;
}

/* ---- what was said */

EXCLUSION(no_goodbye, "no-DISCONNECT-was-sent")
{
	return mqtt_agent_sent_no_disconnect(given->mqtt);
}

EXCLUSION(no_tls_goodbye, "no-close_notify-was-sent")
{
	return tls_agent_sent_no_goodbye(given->tls);
}

EXCLUSION(agent_left_first, "its-close_notify-came-first")
{
	return tls_agent_left_first(given->tls, given->socket) && !peer_may_have_asked(given);
}

/* A goodbye of the agent's in the protocol above TLS may have come before it. */
EXCLUSION(peer_left_first, "the-peer's-close_notify-came-first")
{
	return tls_peer_left_first(given->tls, given->socket);
}

EXCLUSION(agent_had_said_nothing, "it-had-sent-nothing")
{
	return given->socket->bytes_sent == 0;
}

/* A goodbye in a protocol that is not followed is answered at once. */
EXCLUSION(had_been_quiet, "it-had-sent-nothing-for-a-second")
{
	return given->socket->idle_tx >= JUST_NOW;
}

/* A peer that has read a goodbye answers with a FIN; a RST comes of what it has not read. */
EXCLUSION(answered_by_a_reset, "a-goodbye-is-not-answered-by-a-RST")
{
	return verdict->ended_by == ENDED_BY_PEER_RESET;
}

EXCLUSION(peer_gave_the_reason, "the-peer-gave-the-reason")
{
	return mqtt_session_is_refused(given->mqtt) || mqtt_peer_disconnected_first(given->mqtt) ||
	       login_peer_gave_the_reason(given->login);
}

EXCLUSION(connack_accepted_it, "the-CONNACK-accepted-it")
{
	return mqtt_session_is_accepted(given->mqtt);
}

EXCLUSION(had_been_let_in, "it-had-been-let-in")
{
	return mqtt_session_is_accepted(given->mqtt) || mqtt_peer_disconnected_first(given->mqtt);
}

EXCLUSION(no_refusal_was_seen, "no-refusal-was-seen")
{
	return !mqtt_session_is_refused(given->mqtt) && !login_peer_gave_the_reason(given->login);
}

EXCLUSION(was_let_in_before, "it-was-let-in-before")
{
	usec_t pause;
	const struct session *before =
		given->session ? session_before(given->past_sessions, given->session, &pause)
			       : NULL;

	return before && before->login != LOGIN_TELLS_NOTHING;
}

/* SO_LINGER 0 or connect(AF_UNSPEC): nobody does that by mistake. */
EXCLUSION(ping_is_unanswered, "a-ping-went-unanswered")
{
	return mqtt_ping_is_unanswered(given->mqtt);
}

EXCLUSION(closed_on_purpose, "it-asked-for-the-RST")
{
	return given->socket->linger_zero || given->socket->disconnected ||
	       (verdict->ended_by == ENDED_BY_LOCAL_RESET && given->socket->shutdown == 0);
}

/* ---- who was heard, and when */

/* tcp_disconnect() zeroes the counters of what is unanswered. */
static bool counters_are_gone(const struct circumstances *given, const struct verdict *verdict)
{
	return given->socket->disconnected ||
	       (verdict->ended_by == ENDED_BY_LOCAL_RESET && given->socket->shutdown == 0);
}

EXCLUSION(all_acknowledged, "all-acknowledged")
{
	return given->socket->unacked_bytes == 0 && !counters_are_gone(given, verdict);
}

EXCLUSION(acknowledged_since, "acknowledged-since")
{
	return given->socket->idle_ack && given->socket->idle_ack < given->socket->idle_tx;
}

EXCLUSION(left_unasked, "the-peer-had-not-just-spoken")
{
	return all_acknowledged_holds(given, verdict) && !peer_may_have_asked(given);
}

/* A request to close is the last that a peer says: the agent had not read it. Behind one within TLS
 * comes a close_notify. */
EXCLUSION(last_was_unread, "what-came-last-was-unread")
{
	return given->socket->unread_bytes > 0 &&
	       (given->tls->track == TLS_NOT_SEEN || given->tls->track == TLS_PLAIN);
}

/* Data that was sent less than a time-out ago is merely on its way. */
EXCLUSION(nothing_timed_out, "nothing-had-timed-out")
{
	return given->socket->retransmit_timeouts == 0 && given->socket->probes == 0 &&
	       !could_not_be_sent(given->socket) && !counters_are_gone(given, verdict);
}

/* What was sent last has arrived, but nothing came since: its answer may be lost, or the peer
 * hangs, and the agent has waited for it. */
static bool may_wait_for_an_answer(const struct circumstances *given)
{
	const struct socket_facts *socket = given->socket;
	bool heard_since = socket->bytes_received > 0 && socket->idle_rx <= socket->idle_tx;

	return mqtt_ping_is_unanswered(given->mqtt) ||
	       (socket->bytes_sent > 0 && socket->idle_tx >= JUST_NOW && !heard_since);
}

EXCLUSION(no_answer_was_due, "no-answer-was-due")
{
	return (all_acknowledged_holds(given, verdict) ||
		nothing_timed_out_holds(given, verdict)) &&
	       !may_wait_for_an_answer(given);
}

EXCLUSION(all_arrived, "all-had-arrived")
{
	return all_acknowledged_holds(given, verdict) && nothing_timed_out_holds(given, verdict);
}

/* What the agent sent last answers the peer's goodbye: when it sent the data before is not known.
 */
static bool answered_the_goodbye(const struct circumstances *given)
{
	return given->tls->goodbye_sent && tls_peer_left_first(given->tls, given->socket);
}

EXCLUSION(kept_its_keepalive, "it-kept-its-keep-alive")
{
	return !answered_the_goodbye(given) && given->settings->keepalive &&
	       given->socket->idle_tx < given->settings->keepalive;
}

EXCLUSION(had_just_spoken, "it-had-just-sent-something")
{
	return !answered_the_goodbye(given) && given->socket->idle_tx < JUST_NOW;
}

/* The peer has received data that its kernel acknowledged. */
EXCLUSION(was_heard_within_keepalive, "it-was-heard-within-the-keep-alive")
{
	return kept_its_keepalive_holds(given, verdict) && all_acknowledged_holds(given, verdict);
}

EXCLUSION(seen_to_keep_alive, "it-was-seen-to-keep-alive")
{
	return given->kept_alive && !given->check_unanswered;
}

/* A hub closes after 1.5 times the keep-alive (MQTT 3.1.1, 3.1.2.10). A little less, because hubs
 * round. */
EXCLUSION(silent_for_longer_than_patience, "it-was-silent-for-longer-than-its-keep-alive")
{
	return given->settings->keepalive &&
	       given->socket->idle_tx >= given->settings->keepalive / 10 * 14 &&
	       !given->check_unanswered;
}

EXCLUSION(heard_lately, "the-peer-was-heard-lately")
{
	return given->socket->idle_rx < SHORTEST_NAT_TIMEOUT;
}

/* How long ago anything came from the peer, data or an acknowledgment. idle_ack is 0 where the
 * kernel did not count it, or where none ever came. */
static usec_t heard_ago(const struct socket_facts *socket)
{
	return socket->idle_ack && socket->idle_ack < socket->idle_rx ? socket->idle_ack
								      : socket->idle_rx;
}

EXCLUSION(nothing_was_heard, "nothing-came-back")
{
	const struct socket_facts *socket = given->socket;
	usec_t heard = heard_ago(socket);

	if ((socket->retransmit_timeouts < TIMEOUTS_OF_SILENCE &&
	     !kernel_gave_up_holds(given, verdict)) ||
	    not_closed_here_holds(given, verdict)) /* the FIN or RST did come */
		return false;
	return !given->came_up || (socket->unacked_bytes == 0 && socket->probes > 0) ||
	       heard >= unanswered_for(socket);
}

/* For an agent that gave up before the kernel did. */
EXCLUSION(silent_for_long, "nothing-came-back-for-long")
{
	return given->socket->retransmit_timeouts >= TIMEOUTS_OF_SILENCE ||
	       given->socket->probes > 1 || !given->came_up;
}

EXCLUSION(some_retransmissions, "retransmissions-went-unanswered")
{
	return given->socket->retransmit_timeouts > 0 || given->socket->probes > 1 ||
	       given->socket->retransmits > 0;
}

/* ---- the agent's processes */

EXCLUSION(at_work, "nothing-unread-and-no-task-stopped")
{
	return given->socket->unread_bytes == 0 && given->owner_state == TASK_STATE_RUNS;
}

EXCLUSION(nothing_unread, "nothing-left-unread")
{
	return given->socket->unread_bytes == 0 && !task_is_held(given->owner_state);
}

/* The agent had something to read at the last look, and read it. */
EXCLUSION(was_sampled, "it-was-at-work-when-looked-at")
{
	return !given->check_unanswered && given->stalled != CAUSE_AGENT_HANG &&
	       given->stalled != CAUSE_HOST_STARVED &&
	       given->socket->idle_tx < keepalive_of(given->settings) &&
	       !task_is_held(given->owner_state);
}

/* A hub that ends the connection sooner than any loses patience has a reason of its own. */
EXCLUSION(stopped_or_frozen, "the-agent-was-stopped")
{
	return task_is_held(given->owner_state) && held_for(given) >= patience_of(given->settings);
}

EXCLUSION(hung_before, "it-hung-before")
{
	return given->stalled == CAUSE_AGENT_HANG;
}

EXCLUSION(hung_sated, "it-hung-before-and-lacked-nothing")
{
	return given->stalled == CAUSE_AGENT_HANG && !given->may_have_starved;
}

EXCLUSION(starved_before, "it-was-starved-before")
{
	return given->stalled == CAUSE_HOST_STARVED;
}

EXCLUSION(lacked_nothing, "it-lacked-nothing")
{
	return shortage_is_excluded(given);
}

EXCLUSION(shortage_explains_it, "what-it-lacked-explains-it")
{
	return shortage_of(given).explains;
}

EXCLUSION(no_stop_was_asked, "no-stop-was-asked-for")
{
	return given->mode == MODE_EBPF && !stop_request(given) && !stop_was_survived(given) &&
	       !unit_is_stopping(given) && !systemd_may_have_stopped_it(given) &&
	       !was_killed_by_kernel(given);
}

EXCLUSION(went_on_after_the_request, "the-agent-went-on-after-the-request")
{
	return given->mode == MODE_EBPF && !unit_is_stopping(given) &&
	       !systemd_may_have_stopped_it(given) && stop_was_survived(given);
}

EXCLUSION(died_of_the_request, "it-died-of-the-request")
{
	const struct signal_facts *stop = stop_request(given);

	return stop && death_signal(given) == stop->number;
}

EXCLUSION(stop_was_just_asked, "a-stop-was-asked-for")
{
	return unit_is_stopping(given) || stop_is_recent(given);
}

EXCLUSION(stopped_by_systemd, "systemd-stopped-it")
{
	return stop_is_systemds(given);
}

/* Result=: the stop or the watchdog timed out. */
EXCLUSION(systemd_says_it_killed, "systemd-says-that-it-killed-it")
{
	return systemd_says(given, "timeout") || systemd_says(given, "watchdog");
}

EXCLUSION(was_left_over, "systemd-says-that-another-failed")
{
	return is_left_over(given);
}

EXCLUSION(killed_after_the_request, "it-was-killed-after-the-request")
{
	return was_killed_after_request(given);
}

EXCLUSION(container_was_ended, "its-container-was-ended")
{
	return ended_with_its_container(given);
}

EXCLUSION(not_the_oom_victim, "not-the-OOM-victim")
{
	return given->mode == MODE_EBPF && given->process && !given->process->oom &&
	       !systemd_says(given, "oom-kill");
}

EXCLUSION(not_killed, "not-killed")
{
	return death_signal(given) >= 0 && death_signal(given) != SIGKILL;
}

EXCLUSION(was_the_oom_victim, "the-OOM-killer-chose-it")
{
	return given->process && given->process->oom;
}

EXCLUSION(systemd_says_oom, "systemd-says-so")
{
	return systemd_says(given, "oom-kill");
}

EXCLUSION(died_of_a_signal, "it-died-of-a-signal")
{
	return death_signal(given) > 0 && !signal_is_stop_request(death_signal(given));
}

EXCLUSION(exited_by_itself, "it-exited-by-itself")
{
	return death_signal(given) == 0;
}

/* The kernel says in the same event that the closing task was on its way out, or closes the sockets
 * of a dead process, sometimes in a thread of its own. Without any connection nothing was closed.
 */
EXCLUSION(closed_while_it_ended, "its-end-closed-it")
{
	const struct process *process = given->process;

	if (given->no_connection)
		return true;
	if (!ended_by_own_side(given->socket) || given->socket->close_unobserved)
		return false;
	return (given->current && given->current->exiting && given->current->in_agent) ||
	       (process && process->exited && process->exited_at <= given->time && given->current &&
		!given->current->in_agent);
}

EXCLUSION(ended_right_after, "it-ended-right-after")
{
	const struct process *process = given->process;

	return process && process->exited && process->exited_at <= given->time + CRASH_TIME;
}

EXCLUSION(lives_on, "the-agent-lives-on")
{
	const struct process *process = given->process;

	return process && !process->dumping &&
	       (process->exited ? process->exited_at > given->time + CRASH_TIME : given->waited);
}

EXCLUSION(killed_only_later, "it-was-killed-only-after-that")
{
	const struct process *process = given->process;

	return process && process->exited && was_killed_later(given);
}

EXCLUSION(dump_had_begun, "its-core-dump-had-begun")
{
	const struct process *process = given->process;

	return process &&
	       ((process->dumping && process->dumping + VERDICT_WAIT <= given->time) ||
		(signal_dumps_core(process->fatal.number) && process->fatal.time <= given->time));
}

/* A stop that systemd has queued, or is busy with, asked nothing of this process yet. Only a sender
 * other than the process itself might belong to that stop. */
EXCLUSION(died_unasked, "it-died-of-a-fault-before-a-stop-reached-it")
{
	const struct process *process = given->process;
	int signal = death_signal(given);

	return given->mode == MODE_EBPF && process && !process->stop.number &&
	       signal_dumps_core(signal) && process->fatal.number == signal &&
	       (process->fatal.from_kernel || process->fatal.sender.pid == process->task.pid);
}

/* A fault that the process had no handler for is its own, whatever was asked of it before. */
EXCLUSION(died_of_a_fault, "it-died-of-a-fault")
{
	const struct process *process = given->process;
	int signal = death_signal(given);

	return process && signal_dumps_core(signal) && process->fatal.number == signal &&
	       (process->fatal.from_kernel || process->fatal.sender.in_agent);
}

/* systemd's watchdog does, by SIGABRT: systemd.service(5), WatchdogSignal=. */
EXCLUSION(stops_do_not_dump, "stops-do-not-dump-core")
{
	int signal = death_signal(given);

	return signal_dumps_core(signal) && (signal != SIGABRT || !unit_is_stopping(given));
}

EXCLUSION(no_connection, "there-was-no-connection")
{
	return given->no_connection;
}

EXCLUSION(neither_reads_nor_sends, "it-neither-reads-nor-sends")
{
	return given->socket->unread_bytes > 0 &&
	       silent_for_longer_than_patience_holds(given, verdict);
}

EXCLUSION(died_while_nothing_came, "nothing-came-from-the-peer")
{
	return given->socket->unanswered && !given->socket->retransmit_timeouts &&
	       !given->socket->probes;
}

/* ---- the path */

static bool is_known(const struct circumstances *given)
{
	return given->path.known && given->path.covered;
}

/* The part is there: it was never gone, or not for long enough that the peer lost patience. */
static bool was_back(const struct circumstances *given, const struct path_part *part)
{
	return given->path.known && part->there &&
	       (!part->lost || !outlasted_patience(given, part));
}

/* Still gone at the end, and not since before the connection was established. */
static bool is_missing(const struct circumstances *given, const struct path_part *part)
{
	return given->path.known && !part->there && !part->doubtful &&
	       (part->lost || (!given->came_up && given->path.covered));
}

EXCLUSION(path_is_there, "path-is-whole")
{
	const struct path_view *path = &given->path;

	return path->known && path->routes_known && path->route.there &&
	       (!*path->interface || path->link.there);
}

EXCLUSION(link_stayed, "link-stayed-up")
{
	return is_known(given) && *given->path.interface && path_part_stayed(&given->path.link) &&
	       path_part_stayed(&given->path.radio);
}

EXCLUSION(link_was_back, "link-was-up-again")
{
	return *given->path.interface && was_back(given, &given->path.link) &&
	       was_back(given, &given->path.radio);
}

EXCLUSION(link_is_missing, "link-is-down")
{
	return is_missing(given, &given->path.link);
}

EXCLUSION(radio_is_missing, "the-radio-has-no-connection")
{
	return is_missing(given, &given->path.radio);
}

/* The interface was up, and had its connection, for the access point to end it. */
EXCLUSION(access_point_ended_it, "the-access-point-ended-it")
{
	return radio_is_ended_by_ap(given->path.loss.radio);
}

EXCLUSION(did_not_leave_on_request, "this-host-did-not-leave-on-request")
{
	return given->path.loss.radio == RADIO_AP_LOST &&
	       !device_was_asked(given->path.radio.fall.reason);
}

EXCLUSION(address_stayed, "address-stayed")
{
	return is_known(given) && path_part_stayed(&given->path.address);
}

EXCLUSION(address_was_back, "address-was-back")
{
	return was_back(given, &given->path.address);
}

EXCLUSION(address_is_missing, "address-is-gone")
{
	return is_missing(given, &given->path.address);
}

/* Data that a rule of `ip rule` or a filter of our own refuses is probed for and never
 * retransmitted: __tcp_retransmit_skb() fails. The routing table does not show that. */
static bool could_not_leave(const struct circumstances *given)
{
	const struct socket_facts *socket = given->socket;

	return socket->unacked_bytes > 0 && socket->probes > 0 && socket->retransmits == 0 &&
	       socket->send_window > 0;
}

EXCLUSION(route_stayed, "route-stayed")
{
	return !could_not_leave(given) && is_known(given) && given->path.routes_known &&
	       path_part_stayed(&given->path.route);
}

EXCLUSION(route_was_back, "route-was-back")
{
	return !could_not_leave(given) && given->path.routes_known &&
	       was_back(given, &given->path.route);
}

EXCLUSION(route_is_missing, "route-is-gone")
{
	return given->path.routes_known && is_missing(given, &given->path.route);
}

/* From the moment when a part of the path is back until it can be used, without the neighbours'
 * part in it. */
#define BACK_IN_USE (1 * USEC_PER_SEC)

/* All was there again, and what was sent then has had no answer either: something else is broken.
 */
static bool is_unanswered_though_back(const struct circumstances *given)
{
	const struct path_part *const parts[] = { &given->path.link, &given->path.radio,
						  &given->path.address, &given->path.route };
	const struct socket_facts *socket = given->socket;
	usec_t back = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!parts[i]->there)
			return false;
		if (back < parts[i]->back)
			back = parts[i]->back;
	}
	return back && given->came_up && socket->unacked_bytes > 0 &&
	       socket->idle_tx > 2 * (usec_t)socket->rtt_usec &&
	       given->time > socket->idle_tx + back + BACK_IN_USE;
}

EXCLUSION(broke_and_was_not_heard_since, "nothing-came-since-it-broke")
{
	const struct socket_facts *socket = given->socket;
	usec_t lost = path_last_lost(&given->path);
	usec_t heard = heard_ago(socket);

	if (is_unanswered_though_back(given))
		return false;

	if (!given->path.known)
		return false;
	if (!lost)
		return !given->came_up;
	return heard + lost >= given->time || !given->came_up;
}

/* The kernel forgets an ICMP error when anything comes from the peer (tcp_ack()). */
EXCLUSION(none_at_the_end, "no-ICMP-error-was-pending")
{
	bool may_be_forgotten =
		given->socket->retransmit_timeouts > 0 && acknowledged_since_holds(given, verdict);

	return !given->icmp_error_came && given->stalled != CAUSE_UNREACHABLE && !may_be_forgotten;
}

EXCLUSION(no_icmp_error, "no-ICMP-error-came")
{
	return given->mode == MODE_EBPF && none_at_the_end_holds(given, verdict) &&
	       nothing_was_heard_holds(given, verdict);
}

EXCLUSION(icmp_error_came, "an-ICMP-error-came")
{
	return given->icmp_error_came || given->stalled == CAUSE_UNREACHABLE;
}

/* ---- half a path */

/* The SYN and probes are no longer than their headers. */
EXCLUSION(only_a_tiny_one_was_lost, "what-was-lost-fits-any-path")
{
	return lost_segment(given) <= TINY_SEGMENT;
}

EXCLUSION(only_a_small_one_was_lost, "what-was-lost-fits-most-paths")
{
	return lost_segment(given) <= SMALL_SEGMENT;
}

EXCLUSION(a_small_one_arrived, "a-smaller-one-behind-it-arrived")
{
	const struct socket_facts *socket = given->socket;

	return socket->sacked_bytes > 0 && socket->sacked_bytes < socket->lost_segment;
}

EXCLUSION(later_data_came, "what-came-later-arrived")
{
	return given->socket->hole_bytes > 0 && given->socket->unacked_bytes == 0;
}

EXCLUSION(a_large_one_came, "a-large-segment-came")
{
	return given->socket->large_received;
}

EXCLUSION(was_let_through_before, "its-handshakes-came-through-before")
{
	return given->accepted_tls;
}

EXCLUSION(own_data_waits, "its-own-data-was-unanswered")
{
	return given->socket->unacked_bytes > 0;
}

EXCLUSION(did_not_reset, "no-RST-came")
{
	return verdict->ended_by != ENDED_BY_PEER_RESET;
}

/* What was sent after that has gone unanswered since. */
EXCLUSION(was_heard_meanwhile, "the-peer-was-heard-meanwhile")
{
	const struct socket_facts *socket = given->socket;
	bool was_answerable = socket->retransmit_timeouts > TIMEOUTS_OF_SILENCE ||
			      socket->idle_tx > 4 * (usec_t)socket->rtt_usec;

	return was_answerable && (was_heard_between(given) || given->stalled == CAUSE_PATH_HALF);
}

EXCLUSION(other_family_came_up, "the-other-family-came-up")
{
	return !given->came_up && given->way.other_came_up;
}

EXCLUSION(had_come_up, "it-had-come-up")
{
	return given->came_up;
}

EXCLUSION(no_other_family_came_up, "no-other-family-came-up")
{
	return !given->way.other_came_up;
}

/* Hosts try IPv6 first (RFC 6724): after IPv4 nothing else comes. */
EXCLUSION(no_other_family_can_follow, "no-other-family-came-up")
{
	return !given->way.is_ipv6 && !given->way.other_came_up;
}

EXCLUSION(none_was_pending, "no-ICMP-error-was-seen")
{
	return !given->icmp_error_came && given->stalled != CAUSE_UNREACHABLE;
}

EXCLUSION(timed_out_again_and_again, "nothing-was-acknowledged-for-long")
{
	return given->socket->retransmit_timeouts >= TIMEOUTS_OF_SILENCE;
}

/* The kernel keeps no ICMP error that the agent has read (SO_ERROR). One that comes before
 * connect() returns leaves the socket open: of a firewall of this host's own, mostly. */
#define AT_ONCE (200 * USEC_PER_MSEC)

EXCLUSION(waited_for_long, "it-was-not-refused-at-once")
{
	return given->socket->age >= AT_ONCE;
}

/* An agent that leaves at once for the other family has not waited. */
EXCLUSION(waited_for_an_answer, "the-agent-had-waited-for-an-answer")
{
	return given->came_up ? given->socket->retransmit_timeouts >= TIMEOUTS_OF_SILENCE
			      : given->socket->retransmits > 0;
}

/* ---- this host's own filters */

/* What comes to a connection and is dropped was not heard. */
EXCLUSION(dropped_here, "this-host-dropped-every-packet")
{
	return dropped_all_here(given->socket) &&
	       (given->socket->dropped_out || nothing_was_heard_holds(given, verdict));
}

EXCLUSION(dropped_most, "this-host-dropped-packets")
{
	return dropped_most_here(given->socket) || dropped_all_here(given->socket);
}

EXCLUSION(was_not_sent, "nothing-left-this-host")
{
	return did_not_leave(given->socket);
}

EXCLUSION(nothing_dropped_here, "this-host-dropped-nothing")
{
	const struct socket_facts *socket = given->socket;

	return socket->drops_sought && socket->sent_meanwhile > 1 && !socket->dropped_out &&
	       !socket->dropped_in;
}

EXCLUSION(came_from_elsewhere, "the-RST-came-from-outside")
{
	return given->socket->reset_ttl && !given->socket->reset_from_here;
}

EXCLUSION(knew_the_connection, "who-sent-the-RST-knew-the-connection")
{
	return reset_acknowledges(given->socket);
}

EXCLUSION(came_from_here, "this-host-sent-the-RST")
{
	return given->socket->reset_from_here;
}

/* Nobody looks at the first SYN of the first attempt that fails. */
EXCLUSION(no_drop_is_known, "no-drop-of-this-host-is-known")
{
	const struct socket_facts *socket = given->socket;
	bool some_were_watched = given->came_up || refused_by_rst_holds(given, verdict) ||
				 socket->sent_meanwhile > 0;

	return some_were_watched && !socket->dropped_out && !socket->dropped_in &&
	       !did_not_leave(socket);
}

/* ---- this host's own NAT */

EXCLUSION(nat_leads_it_on, "no-NAT-of-this-host-lost-it")
{
	return nat_leads_on(given->socket);
}

EXCLUSION(no_loss_is_known, "no-loss-by-NAT-is-known")
{
	return !nat_lost_it(given->socket) && !nat_may_have_begun(given->socket) &&
	       !table_is_too_full(given->socket);
}

EXCLUSION(moved_by_nat, "to-the-peer-it-is-another-connection")
{
	return nat_moved_it(given->socket);
}

EXCLUSION(lost_by_nat, "NAT-had-lost-it")
{
	return nat_lost_it(given->socket);
}

/* Where NAT keeps the agent's port, it may have led the connection on as before: then the peer has
 * a reason of its own. */
EXCLUSION(lost_before_the_reset, "NAT-had-lost-it-before-the-RST")
{
	return nat_lost_it(given->socket) && !(given->socket->tracking & TRACKING_KEPT_PORT);
}

EXCLUSION(table_is_full, "the-table-of-connections-is-full")
{
	return table_is_too_full(given->socket);
}

/* NAT forgets the connections of an interface that goes down. */
EXCLUSION(path_of_host_stayed, "the-path-from-this-host-stayed")
{
	return given->host_path_stayed;
}

/* ---- an agent without a connection */

/* Nobody asks about an agent that is dead: agents_due(). */
EXCLUSION(process_lives, "process-lives")
{
	return given->no_connection;
}

EXCLUSION(others_ended_it, "it-did-not-leave-by-itself")
{
	return !given->may_rest;
}

/* Each attempt has a record of the probe, even one that finds no route. */
EXCLUSION(attempts_would_be_seen, "no-attempt-was-seen")
{
	return given->mode == MODE_EBPF && !given->attempts_lost;
}

EXCLUSION(route_leads_there, "a-route-leads-there")
{
	return given->path.known && given->path.routes_known && given->path.route.there;
}

EXCLUSION(link_is_up, "link-is-up")
{
	return given->path.known && *given->path.interface && given->path.link.there;
}

/* ---- rhythms, TTLs, the host */

EXCLUSION(ages_are_alike, "its-sessions-end-in-rhythm")
{
	return verdict->period_count > 0;
}

EXCLUSION(lives_long, "rivals-come-back-sooner")
{
	return given->session &&
	       (given->session->age >= LONGER_THAN_A_PAUSE || given->settings->token_lifetime);
}

EXCLUSION(clock_is_not_doubted, "nothing-speaks-against-the-clock")
{
	return given->clock == CLOCK_SYNCHRONISED || given->clock == CLOCK_UNKNOWN;
}

EXCLUSION(token_had_just_run_out, "its-token-had-just-ended")
{
	return token_had_just_ended(given) ||
	       (token_was_over_when_refused(given) && clock_is_not_doubted_holds(given, verdict));
}

EXCLUSION(token_had_run_out, "its-token-had-ended")
{
	return token_had_ended(given) || token_was_over_when_refused(given);
}

EXCLUSION(no_like_silences, "no-long-like-silence")
{
	return given->session && !may_be_impatience(given);
}

EXCLUSION(silences_are_alike, "its-silences-are-alike")
{
	return given->session &&
	       rhythm_of_silences(given->past_sessions, given->session).count >= RHYTHM_MIN;
}

/* An agent that sends at intervals has been silent for that long whenever the path breaks. */
EXCLUSION(survived_no_such_silence, "no-session-had-survived-such-a-silence")
{
	return given->session &&
	       rhythm_of_silences(given->past_sessions, given->session).firsts >= RHYTHM_MIN;
}

EXCLUSION(not_idle_for_long, "it-had-not-been-idle-for-long")
{
	return given->session && given->session->silence < SHORTEST_NAT_TIMEOUT;
}

EXCLUSION(ttl_is_the_peers, "the-TTL-is-the-peer's")
{
	const struct socket_facts *socket = given->socket;

	return socket->reset_ttl && socket->flow_ttl_min &&
	       socket->reset_ttl >= socket->flow_ttl_min &&
	       socket->reset_ttl <= socket->flow_ttl_max;
}

EXCLUSION(ttl_is_anothers, "the-TTL-is-not-the-peer's")
{
	const struct socket_facts *socket = given->socket;

	return socket->reset_ttl && socket->flow_ttl_min &&
	       (socket->reset_ttl < socket->flow_ttl_min ||
		socket->reset_ttl > socket->flow_ttl_max);
}

static bool slept_meanwhile(const struct circumstances *given)
{
	usec_t heard = given->time - (given->socket->idle_rx < given->time ? given->socket->idle_rx
									   : given->time);

	return given->resumed && heard <= given->resumed;
}

EXCLUSION(did_not_sleep, "the-host-did-not-sleep")
{
	return !slept_meanwhile(given);
}

EXCLUSION(slept_since_heard, "the-host-slept-since-the-peer-was-heard")
{
	return slept_meanwhile(given);
}

/* ---- name lookups */

/* An agent may look up other names than its hub's: that one of them fails once says little. */
EXCLUSION(every_lookup_failed, "every-lookup-failed")
{
	return given->lookups && given->lookups->failed >= 2 && !given->lookups->some_found;
}

/* The C library tells no more than that a lookup failed: with nss-resolve(8), "not known" also when
 * the server refused to answer. */
EXCLUSION(server_said_so, "the-name-server-said-so")
{
	return given->lookups && !given->lookups->by_library;
}

EXCLUSION(a_name_was_found, "a-lookup-found-something")
{
	return given->lookups && given->lookups->server_found;
}

/* Lookups by way of a Unix socket (nss-resolve, nscd) are not seen. */
EXCLUSION(no_lookup_failed, "no-lookup-was-seen-to-fail")
{
	return given->mode == MODE_EBPF && !given->lookups_hide && given->lookups &&
	       given->lookups->failed == 0;
}

/* ---- TLS */

static bool some_alert(const struct circumstances *given, bool plain)
{
	const struct tls_facts *tls = given->tls;

	return (tls->alert_received && tls_alert_is_plain(tls->received) == plain) ||
	       (tls->alert_sent && tls_alert_is_plain(tls->sent) == plain);
}

EXCLUSION(alert_was_plain, "an-alert-said-so")
{
	return some_alert(given, true);
}

EXCLUSION(alert_was_encrypted, "an-encrypted-alert-by-its-length")
{
	return some_alert(given, false);
}

EXCLUSION(no_alert_came, "no-alert-came")
{
	return !given->tls->alert_received;
}

EXCLUSION(no_alert_was_sent, "no-alert-was-sent")
{
	return !given->tls->alert_sent;
}

EXCLUSION(left_before_its_finished, "the-agent-closed-before-its-finished")
{
	return tls_agent_left_early(given, verdict);
}

EXCLUSION(answer_is_no_tls, "the-answer-is-no-tls")
{
	return given->tls->track == TLS_NOT_SPOKEN;
}

EXCLUSION(waited_for_tls, "the-agent-had-waited-for-the-handshake")
{
	return tls_has_stalled(given);
}

EXCLUSION(hub_had_just_answered, "the-hub-had-just-answered")
{
	return given->socket->idle_rx < TLS_PATIENCE;
}

/* ---- the clock, where the agent refuses the hub's certificate */

EXCLUSION(clock_is_in_the_past, "the-clock-is-in-the-past")
{
	return given->clock == CLOCK_PAST;
}

/* No hub shows a certificate before its time. */
EXCLUSION(clock_is_before_certificate, "the-certificate-begins-later")
{
	return tls_certificate_is_early(given);
}

EXCLUSION(alert_is_not_of_time, "the-alert-is-not-about-validity")
{
	return given->tls->alert_sent && !tls_alert_may_be_of_time(given->tls);
}

/* One of a certificate, or an encrypted one: few of them are about its validity. */
EXCLUSION(alert_may_be_of_anything, "the-alert-does-not-say-expired")
{
	return !given->tls->alert_sent || !tls_refused_as_expired(given);
}

EXCLUSION(accepted_by_this_clock, "the-agent-accepted-the-hub-before")
{
	return given->accepted_tls;
}

/* ---- what the agent's libssl says */

EXCLUSION(library_refused_it, "the-agent's-library-refused-it")
{
	return tls_library_error(given) != 0;
}

EXCLUSION(error_is_not_of_time, "the-error-is-not-about-validity")
{
	uint8_t error = tls_library_error(given);

	return error && !tls_error_is_of_time(error);
}

/* No hub shows a certificate before its time. */
EXCLUSION(error_says_early, "the-certificate-is-not-yet-valid")
{
	return tls_error_is_early(tls_library_error(given));
}

EXCLUSION(early_by_a_clock_in_the_past, "it-is-not-yet-valid-by-a-clock-in-the-past")
{
	return given->clock == CLOCK_PAST && tls_error_is_early(tls_library_error(given));
}

/* ---- the host went down */

EXCLUSION(target_was_reached, "systemd-had-done-it")
{
	return given->host_end->stop != HOST_STOP_UNSEEN;
}

EXCLUSION(journal_was_closed, "the-journal-was-closed")
{
	return given->host_end->journal_closed;
}

EXCLUSION(panic_is_on_record, "its-panic-is-on-record")
{
	return given->host_end->panicked;
}

EXCLUSION(watchdog_had_fired, "the-hardware-watchdog-fired")
{
	return host_end_watchdog_fired(given->host_end);
}

EXCLUSION(crash_would_show, "a-panic-would-have-left-a-trace")
{
	return given->host_end->crash_would_show && !given->host_end->panicked;
}

/* A container ends without one when it is killed from outside. Where other boots came between, or
 * the order of boots is in doubt, its last words may be lost. */
EXCLUSION(no_shutdown_was_seen, "no-shutdown-was-seen")
{
	const struct host_end *end = given->host_end;

	return end->stop == HOST_STOP_UNSEEN && !end->journal_closed && !end->is_container &&
	       !end->not_the_last;
}

#define ENTRY(name) [name] = { .words = name##_words, .holds = name##_holds },
const struct exclusion exclusions[EXCLUSION_MAX] = { EXCLUSIONS(ENTRY) };

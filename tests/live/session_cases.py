# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cases that take several sessions, or a session's quiet times: hangs, rhythms, quarrels. Also
several connections at once, and connections that are older than connwatch."""

import os
import signal
import subprocess
import time

from broker import Broker, subscriber
from case import (ALL, ANY, BOTH, LIKELY, NOT_PROVED, QUITE_SURE, SURE, SUSPECTED, case,
                  core_dumps_are_files, core_dumps_can_be_held, ended, in_doubt, mptcp, recovered,
                  stalled, story, table)
from hub import Peer
from lab import Lab, inside

HANGING = ("KeepAliveSec=1", "OnAgentHang=none")


def freeze(stage):
    stage.kill(signal.SIGSTOP)
    stage.wait_told("stalled")


# ---- the agent hangs

def hangs_until(ended_by, confidence=LIKELY):
    return story(stalled("agent-hang", confidence), ended(ended_by, "agent-hang", LIKELY),
                 settings=HANGING)


@table(
    ("stopped-by-a-signal-until-the-hub-closes", hangs_until("peer-fin"), Peer.close),
    ("stopped-by-a-signal-until-the-hub-resets", hangs_until("peer-reset"), Peer.reset),
)
def stopped_by_a_signal(stage, end):
    peer = stage.connect()
    freeze(stage)
    end(peer)
    stage.wait_told("ended")
    stage.kill(signal.SIGCONT)


@story(stalled("agent-hang", LIKELY), recovered("agent-hang"), ended("local-fin", "agent-close"),
       settings=HANGING)
def stopped_by_a_signal_and_continued(stage):
    peer = stage.connect()
    freeze(stage)
    stage.kill(signal.SIGCONT)

    def work():
        stage.agent.ask("send")
        peer.receive()
    stage.wait_told_while("recovered", work)
    stage.agent.ask("close")


@hangs_until("peer-fin", NOT_PROVED)
def sends_but_does_not_read(stage):
    peer = stage.connect()
    for _ in range(10):
        peer.send(100)
        stage.agent.ask("send")
        peer.receive()
        time.sleep(0.4)
    stage.hub_closes(peer)


@hangs_until("peer-fin", NOT_PROVED)
def neither_reads_nor_sends(stage):
    peer = stage.connect()
    peer.send(100)
    stage.wait_told("stalled")
    stage.hub_closes(peer)


def keep_alive(stage, peer, seconds):
    for _ in range(int(seconds / 0.5)):
        stage.agent.ask("send")
        peer.receive()
        time.sleep(0.5)


@hangs_until("peer-fin")
def falls_silent(stage):
    peer = stage.connect()
    keep_alive(stage, peer, 2)
    stage.wait_told("stalled")
    stage.hub_closes(peer)


@story(stalled("agent-hang", LIKELY), recovered("agent-hang"), in_doubt("peer-fin", "peer-close"),
       settings=HANGING)
def falls_silent_and_comes_back(stage):
    peer = stage.connect()
    keep_alive(stage, peer, 2)
    stage.wait_told("stalled")
    keep_alive(stage, peer, 2)
    stage.hub_closes(peer)


@case("peer-fin", "peer-close", SUSPECTED, settings=HANGING)
def keeps_its_keepalive_until_the_hub_closes(stage):
    peer = stage.connect()
    keep_alive(stage, peer, 3)
    stage.hub_closes(peer)


# ---- the agent dies slowly

def crash_slowly(stage):
    """With a core dump that takes until it is told that it lasts."""
    stage.allow_core_dump()
    stage.hold_core_dump()
    stage.agent.tell("crash")
    stage.wait_core_dump()
    stage.wait_told("stalled")


@story(stalled("agent-crash", LIKELY),
       ended("local-fin", "agent-crash", SURE, exit=("dumped", "SEGV"),
             evidence=("core_dumped=yes",)),
       status=128 + signal.SIGSEGV, needs=core_dumps_can_be_held)
def long_core_dump(stage):
    stage.connect()
    crash_slowly(stage)
    stage.release_core_dump()
    stage.agent.wait_end()


@story(stalled("agent-crash", LIKELY), ended("peer-fin", "agent-crash", LIKELY),
       status=128 + signal.SIGSEGV, needs=core_dumps_can_be_held)
def hub_closes_during_a_long_core_dump(stage):
    peer = stage.connect()
    crash_slowly(stage)
    peer.close()
    stage.wait_told("ended")
    stage.release_core_dump()
    stage.agent.wait_end()


# ---- the agent is killed or stopped: by whom

@case("local-fin", "agent-crash", status=128 + signal.SIGKILL, exit=("killed", "KILL"),
      evidence=(f"sent_by=*[{os.getpid()}]", "killed_by=SIGKILL"))
def killed_by_the_test(stage):
    stage.connect()
    stage.kill(signal.SIGKILL)
    stage.agent.wait_end()


@case("local-fin", "agent-crash", status=128 + signal.SIGKILL, evidence=("sent_by=sh[*]",))
def killed_by_a_shell(stage):
    stage.connect()
    subprocess.run(["sh", "-c", f"kill -KILL {stage.agent.pid}; :"], check=True)
    stage.agent.wait_end()


@case("local-fin", "agent-crash", status=128 + signal.SIGSEGV, evidence=("sent_by=kernel",),
      needs=core_dumps_are_files)
def crash_by_its_own_fault(stage):
    stage.connect()
    stage.forbid_core_dump()
    stage.agent.tell("crash")
    stage.agent.wait_end()


@case("local-fin", "agent-stopped", QUITE_SURE, status=128 + signal.SIGINT,
      evidence=(f"sent_by=*[{os.getpid()}]",))
def interrupted(stage):
    """Python tidies up, then dies of the same signal once more, from its own hand."""
    stage.connect()
    stage.kill(signal.SIGINT)
    stage.wait_told("ended")


@case("local-fin", "agent-stopped", status=128 + signal.SIGHUP)
def hung_up(stage):
    stage.connect()
    stage.kill(signal.SIGHUP)
    stage.agent.wait_end()


@case("local-fin", "agent-crash", status=128 + signal.SIGABRT, exit=("dumped", "ABRT"))
def abort_with_core_dump(stage):
    stage.connect()
    stage.allow_core_dump()
    stage.agent.tell("abort")
    stage.agent.wait_end()


@case("local-reset", "agent-oom", status=128 + signal.SIGKILL, evidence=("oom_victim=yes",))
def out_of_memory_with_unread_data(stage):
    peer = stage.connect()
    stage.leave_unread(peer)
    stage.limit_memory()
    stage.agent.tell("hog")
    stage.agent.wait_end()


# ---- the token

LIFETIME = 3
WITH_LIFETIME = (f"TokenLifetimeSec={LIFETIME}",)


def live(stage, seconds, talk_at=0.0):
    """A connection of that age, on which the last word was spoken at `talk_at`. Returns the hub's
    end; the time that the connecting takes does not count."""
    begin = time.monotonic()
    peer = stage.connect()
    if talk_at:
        time.sleep(max(0, begin + talk_at - time.monotonic()))
        stage.agent.ask("send")
        peer.receive()
    time.sleep(max(0, begin + seconds - time.monotonic()))
    return peer


@story(ended("peer-fin", "token-expired", SUSPECTED), ended("peer-fin", "token-expired", LIKELY),
       settings=WITH_LIFETIME)
def hub_closes_at_the_configured_age_of_the_token(stage):
    for _ in range(2):
        stage.hub_closes(live(stage, LIFETIME + 0.1, talk_at=2))


@story(ended("peer-reset", "token-expired", SUSPECTED),
       ended("peer-reset", "token-expired", LIKELY), settings=WITH_LIFETIME)
def hub_resets_at_the_configured_age_of_the_token(stage):
    for _ in range(2):
        live(stage, LIFETIME + 0.1, talk_at=2).reset()
        stage.agent.ask("wait", "error")
        stage.agent.ask("close")


def third(cause, confidence, **options):
    """Nothing is to be seen in two ends."""
    return story(*2 * [in_doubt("peer-fin", "peer-close")],
                 ended("peer-fin", cause, confidence, **options))


@table(
    # no token lives as short as that, but where the settings say so; the hub had never answered
    ("hub-closes-three-times-at-a-like-age", third("session-rejected", SUSPECTED),
     (2.4, 0.4), (2.4, 1.2), (2.4, 2.0)),
    # no rhythm; that these lives are short may be told
    ("hub-closes-three-times-at-unlike-ages",
     third("peer-close", ANY, or_else=("session-rejected",)),
     (2.2, 2.0), (3.4, 2.6), (2.7, 1.2)),
    ("hub-closes-three-times-after-a-like-silence", third("peer-idle-timeout", LIKELY),
     (2.4, 0.1), (3.3, 1.0), (2.7, 0.4)),
)
def hub_closes_three_times(stage, *lives):
    for age, talk_at in lives:
        stage.hub_closes(live(stage, age, talk_at))


@story(ended("local-fin", "token-renewal", SUSPECTED), ended("local-fin", "token-renewal", LIKELY),
       settings=WITH_LIFETIME)
def agent_renews_within_the_configured_age(stage):
    for _ in range(2):
        live(stage, 0.85 * LIFETIME)
        stage.agent.ask("close")


@story(ended("local-fin", "agent-close"), ended("local-fin", "agent-close"),
       ended("local-fin", "agent-close"))
def agent_renews_three_times_at_a_like_age(stage):
    for _ in range(3):
        live(stage, 2.4)
        stage.agent.ask("close")


# ---- quarrels

@story(in_doubt("peer-fin", "peer-close"), in_doubt("peer-fin", "peer-close"),
       *3 * [ended("peer-fin", "session-rejected", SUSPECTED)])
def rejected_five_times(stage):
    for _ in range(5):
        peer = stage.connect()
        stage.agent.ask("send", 20)
        peer.receive(20)
        peer.send(4)
        stage.hub_closes(peer)


SAME_CLIENT = subscriber("-i", "device")

TAKEN_OVER = (in_doubt("peer-fin", "peer-close"), recovered(),
              in_doubt("peer-fin", "peer-close"), recovered(),
              *3 * (ended("peer-fin", "session-takeover", SUSPECTED), recovered()),
              ended("local-fin", "agent-crash"))


def kill_at_rest(stage):
    """When it has read what the broker answered: unread data would make a RST of the FIN. The
    broker must not close first."""
    time.sleep(0.3)
    stage.kill(signal.SIGKILL)
    stage.witness.wait_exit()


def start_rival(stage, *options):
    with inside(stage.lab.cloud):
        return subprocess.Popen([*SAME_CLIENT, *options], stdout=subprocess.DEVNULL)


@story(*TAKEN_OVER, status=128 + signal.SIGKILL)
def taken_over_by_a_slow_rival(stage):
    """A second client with the same id comes every few seconds, for a moment."""
    with Broker(stage.lab, stage.directory) as broker:
        stage.agent.tell("become", *SAME_CLIENT)
        broker.wait_client()
        for pause in (2.2, 3.1, 2.5, 3.8, 2.3):
            time.sleep(pause)
            start_rival(stage, "-E").wait()
            stage.wait_told("recovered")
        kill_at_rest(stage)


@story(*TAKEN_OVER, status=128 + signal.SIGKILL)
def taken_over_by_a_rival_like_itself(stage):
    """Two clients with the same id throw each other out as fast as they reconnect."""
    with Broker(stage.lab, stage.directory) as broker:
        stage.agent.tell("become", *SAME_CLIENT)
        broker.wait_client()
        rival = start_rival(stage)
        for _ in range(5):
            stage.wait_told("ended")
        rival.kill()
        rival.wait()
        for _ in range(5):
            stage.wait_told("recovered")
        kill_at_rest(stage)


# ---- coming back, or not

@story(ended("peer-fin", "peer-close"), stalled("agent-not-reconnecting", LIKELY),
       recovered(), ended("local-fin", "agent-exit"),
       settings=("ReconnectTimeoutSec=1", "OnAgentNotReconnecting=none"))
def does_not_reconnect_for_long(stage):
    stage.hub_closes(stage.connect())
    stage.wait_told("stalled")
    stage.connect()
    stage.agent.tell("exit", 0)
    stage.agent.wait_end()


@story(ended("peer-fin", "peer-close"), *4 * [ended("connect-refused", "connect-refused")],
       recovered(), ended("peer-fin", "peer-close"),
       settings=("ReconnectTimeoutSec=1", "OnAgentNotReconnecting=none"))
def tries_in_vain_to_reconnect(stage):
    peer = stage.connect()
    stage.hub.stop_listening()
    stage.hub_closes(peer)
    for _ in range(4):
        stage.socket()
        stage.connect_fails("ECONNREFUSED")
        stage.agent.ask("close")
        time.sleep(0.4)
    stage.hub_closes(stage.connect())


@story(ended("peer-fin", "peer-close"), ended("connect-refused", "connect-refused"),
       stalled("agent-not-reconnecting", LIKELY), recovered(), ended("local-fin", "agent-exit"),
       settings=("ReconnectTimeoutSec=1", "OnAgentNotReconnecting=none"))
def tries_once_and_no_more(stage):
    peer = stage.connect()
    stage.hub.stop_listening()
    stage.hub_closes(peer)
    stage.socket()
    stage.connect_fails("ECONNREFUSED")
    stage.agent.ask("close")
    stage.wait_told("stalled")
    stage.connect()
    stage.agent.tell("exit", 0)
    stage.agent.wait_end()


# ---- several connections

@story(*3 * [ended("peer-fin", "peer-close")])
def hub_closes_three_connections_at_once(stage):
    peers = []
    for _ in range(3):
        peers.append(stage.connect())
        stage.agent.ask("put-aside")
    for peer in peers:
        peer.close()


@story(ended("peer-fin", "peer-close"), ended("peer-reset", "peer-reset"),
       ended("local-fin", "agent-close"))
def three_connections_end_in_three_ways(stage):
    peers = []
    for _ in range(3):
        peers.append(stage.connect())
        stage.agent.ask("put-aside")
    peers[1].close()
    stage.wait_told("ended")
    peers[0].reset()
    stage.wait_told("ended")
    stage.agent.ask("take-up", 2)
    stage.agent.ask("close")


@story(*3 * [ended("local-fin", "agent-crash", evidence=("killed_by=SIGKILL",))],
       status=128 + signal.SIGKILL)
def killed_with_three_connections(stage):
    for _ in range(3):
        stage.connect()
        stage.agent.ask("put-aside")
    stage.kill(signal.SIGKILL)
    stage.agent.wait_end()


@story(*50 * [ended("local-fin", "agent-close")])
def many_short_connections(stage):
    stage.visit(50)


@case("peer-fin", "peer-close", settings=("Peer=*:8883",))
def connections_to_others_do_not_count(stage):
    stage.connect_elsewhere()
    stage.hub_closes(stage.connect())


# ---- connections that are older than connwatch

@case("peer-fin", "peer-close", NOT_PROVED, found=True, families=ALL)
def found_then_the_hub_closes(stage):
    """How sure depends on how long it had been quiet before: connwatch takes some time to begin."""
    peer = stage.connect()
    stage.watch()
    stage.hub_closes(peer)


@case("peer-reset", "peer-reset", NOT_PROVED, found=True)
def found_then_the_hub_resets(stage):
    """TTLs are known only of an agent in a control group of its own."""
    peer = stage.connect()
    stage.watch()
    peer.reset()
    stage.agent.ask("wait", "error")


@case("local-fin", "agent-close", QUITE_SURE, found=True)
def found_then_the_agent_closes(stage):
    stage.connect()
    stage.watch()
    stage.agent.ask("close")


@case("local-fin", "agent-crash", found=True, status=128 + signal.SIGKILL, exit=("killed", "KILL"))
def found_then_killed(stage):
    stage.connect()
    stage.watch()
    stage.kill(signal.SIGKILL)


@table(
    ("found-then-a-black-hole",
     story(stalled("path-silent"), ended("retransmit-timeout", "path-silent"), found=True),
     Lab.black_hole),
    ("found-then-the-link-goes-down",
     story(stalled("link-down", SURE), ended("retransmit-timeout", "link-down", SURE), found=True),
     Lab.link_down),
)
def found_then_the_path_breaks(stage, fault):
    stage.connect()
    stage.watch()
    fault(stage.lab)
    stage.agent.ask("send", 10)
    stage.agent.ask("wait", "error")


# ---- other kinds of TCP

@case("peer-fin", "peer-close", families=("mapped",))
def peer_fin(stage):
    stage.hub_closes(stage.connect())


@case("peer-reset", "peer-reset", families=("mapped",))
def peer_reset(stage):
    stage.connect().reset()
    stage.agent.ask("wait", "error")
    stage.agent.ask("close")


@story(ended("local-fin", "agent-close"), ended("local-fin", "agent-close"), families=BOTH)
def fast_open_and_local_close(stage):
    for _ in range(2):
        peer = stage.connect("fast")
        stage.agent.ask("close")
        peer.receive_end()


@story(in_doubt("peer-fin", "peer-close"), in_doubt("peer-fin", "peer-close"))
def fast_open_and_the_hub_closes(stage):
    for _ in range(2):
        peer = stage.connect("fast")
        peer.receive()
        stage.hub_closes(peer)


@case("local-fin", "agent-close", needs=mptcp)
def mptcp_and_local_close(stage):
    stage.hub.listen(kind="mptcp")
    peer = stage.connect("mptcp")
    stage.agent.ask("close")
    peer.receive_end()
    peer.close()


@case("peer-fin", "peer-close", needs=mptcp)
def mptcp_and_the_hub_closes(stage):
    stage.hub.listen(kind="mptcp")
    peer = stage.connect("mptcp")
    stage.hub_closes(peer)


@case("local-fin", "agent-crash", needs=mptcp, status=128 + signal.SIGKILL)
def mptcp_and_killed(stage):
    """The killed end of the data is told to the hub at once, but the flow below stays open until
    the hub has closed, too."""
    stage.hub.listen(kind="mptcp")
    peer = stage.connect("mptcp")
    stage.kill(signal.SIGKILL)
    peer.receive_end()
    peer.close()

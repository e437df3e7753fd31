# SPDX-License-Identifier: LGPL-2.1-or-later
"""The odder ends: shared sockets, ICMP, zero windows, deaths at a bad moment, requests to stop."""

import signal

from case import LIKELY, NOT_PROVED, SUSPECTED, case, ended, mptcp, stalled, story
from hub import PORT


# ---- the peer

@case("peer-fin", "peer-close")
def peer_resets_after_its_fin(stage):
    peer = stage.connect()
    peer.shutdown()
    stage.agent.ask("wait", "fin")
    peer.reset()
    stage.agent.ask("wait", "error")
    stage.agent.ask("close")


@case("peer-fin", "peer-close")
def exit_long_after_peer_fin(stage):
    peer = stage.connect()
    peer.close()
    stage.agent.ask("wait", "fin")
    stage.wait_told("ended")
    stage.agent.tell("exit", 0)
    stage.agent.wait_end()


@case("peer-reset", "peer-reset")
def hub_stops_before_it_accepts(stage):
    stage.hub.listen()
    stage.socket()
    stage.connect_succeeds()
    stage.hub.stop_listening()
    stage.agent.ask("wait", "error")
    stage.agent.ask("close")


# ---- the agent, alive

@case("local-fin", "agent-close")
def peer_sends_after_our_shutdown(stage):
    """tcp_reset() runs here without any RST received."""
    peer = stage.connect()
    stage.agent.ask("shutdown", "both")
    peer.receive_end()
    peer.send(10)
    stage.agent.ask("wait", "error")
    stage.agent.ask("close")


@case("local-fin", "agent-close")
def forked_child_closes_last(stage):
    peer = stage.connect()
    child = stage.fork()
    stage.agent.ask("close")
    child.ask("close")
    peer.receive_end()


@case("local-fin", "agent-close")
def passed_to_another_process(stage):
    child = stage.fork()
    peer = stage.connect()
    stage.agent.ask("give")
    child.ask("take")
    stage.agent.ask("close")
    child.ask("send")
    peer.receive(1)
    child.ask("close")
    peer.receive_end()


@case("local-fin", "agent-close")
def closed_by_exec(stage):
    peer = stage.connect()
    stage.exec("cloexec")
    peer.receive_end()


@case("local-fin", "agent-close")
def kept_over_exec(stage):
    peer = stage.connect()
    stage.exec("keep")
    stage.agent.ask("send")
    peer.receive(1)
    stage.agent.ask("close")
    peer.receive_end()


@case("local-fin", "agent-close")
def closed_by_a_thread(stage):
    peer = stage.connect()
    stage.agent.ask("thread", "close")
    peer.receive_end()


@case("local-fin", "agent-close", families=("mapped",))
def local_close(stage):
    peer = stage.connect()
    stage.agent.ask("close")
    peer.receive_end()


@case("local-fin", "agent-close", needs=mptcp)
def mptcp_socket_that_fell_back(stage):
    peer = stage.connect("mptcp")
    stage.agent.ask("close")
    peer.receive_end()


@case("connect-timeout", "path-silent", NOT_PROVED)
def gives_up_connecting(stage):
    """One SYN without an answer says little."""
    stage.connect_into_black_hole()
    stage.agent.ask("wait-retransmission")
    stage.agent.ask("close")


# ---- the agent, asked to stop

@case("local-fin", "agent-stopped", status=128 + signal.SIGTERM, exit=("killed", "TERM"))
def terminated(stage):
    stage.connect()
    stage.kill(signal.SIGTERM)
    stage.agent.wait_end()


@case("local-fin", "agent-stopped", LIKELY, status=128 + signal.SIGKILL, exit=("killed", "KILL"))
def killed_after_a_stop_that_it_handles(stage):
    """The agent handles each signal but SIGKILL, whatever stands beside that in the kernel."""
    stage.connect()
    stage.agent.ask("handle-all")
    stage.kill(signal.SIGINT)
    stage.kill(signal.SIGKILL)
    stage.agent.wait_end()


@case("local-fin", "agent-stopped", LIKELY)
def closes_when_asked_to_stop(stage):
    stage.connect()
    stage.agent.ask("on-sigterm", "close")
    stage.kill(signal.SIGTERM)
    stage.agent.wait_end()


@case("peer-fin", "agent-stopped", LIKELY)
def says_goodbye_when_asked_to_stop(stage):
    """The client sends its DISCONNECT, and then the broker closes first, as in MQTT."""
    peer = stage.connect()
    stage.agent.ask("on-sigterm", "say-goodbye")
    stage.kill(signal.SIGTERM)
    peer.receive(1)
    peer.close()
    stage.agent.wait_end()


# ---- the agent, dying

@case("local-fin", "agent-crash", status=128 + signal.SIGSEGV)
def a_thread_crashes(stage):
    stage.connect()
    stage.agent.tell("thread", "crash")
    stage.agent.wait_end()


@case("local-fin", "agent-crash", status=128 + signal.SIGKILL)
def killed_while_the_network_is_down(stage):
    stage.connect()
    stage.lab.black_hole()
    stage.agent.ask("send", 10)
    stage.kill(signal.SIGKILL)
    stage.agent.wait_end()


@case("connect-timeout", "agent-crash", status=128 + signal.SIGKILL)
def killed_while_connecting(stage):
    stage.connect_into_black_hole()
    stage.kill(signal.SIGKILL)
    stage.agent.wait_end()


# ---- the network

@story(stalled("path-silent"), ended("retransmit-timeout", "path-silent"))
def answers_get_lost(stage):
    stage.connect()
    stage.lab.deaf()
    stage.agent.ask("send", 10)
    stage.agent.ask("wait", "error")


@story(stalled("path-silent"), ended("peer-fin", "path-silent", NOT_PROVED))
def hub_hears_nothing_and_closes(stage):
    stage.lab.set("device", tcp_retries2=15)  # the kernel must not give up first
    peer = stage.connect()
    stage.lab.mute()
    stage.agent.ask("send", 10)
    stage.wait_told("stalled")
    peer.close()
    stage.wait_told("ended")
    stage.agent.ask("close")


@case("probe-timeout", "path-silent")
def zero_window_then_silence(stage):
    stage.connect(receive_buffer=4096)
    stage.agent.ask("fill")
    stage.lab.black_hole()
    stage.agent.ask("wait", "error")


@case("user-timeout", "path-silent")
def user_timeout_while_idle(stage):
    stage.connect(keepalive=(1, 1, 9), user_timeout=[1500])
    stage.lab.black_hole()
    stage.agent.ask("wait", "error")


@case("connect-unreachable", "unreachable", SUSPECTED)
def host_unreachable_on_connect(stage):
    stage.hub.listen()
    stage.lab.unreachable("host-unreachable")
    stage.socket()
    stage.connect_fails("EHOSTUNREACH")


# ---- the host

@case("aborted", "operator-abort")
def destroyed_from_outside(stage):
    stage.connect()
    stage.lab.abort_connections("device", PORT)
    stage.agent.ask("wait", "error")

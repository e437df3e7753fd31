# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ends every version must get right: by the peer, by the agent, by the network, by death."""

import signal
import time

from case import (BOTH, LIKELY, QUITE_SURE, SUSPECTED, case, core_dumps_are_files, ended, stalled, story,
                  table)


# ---- the peer ends it

@case("peer-fin", "peer-close", families=BOTH)
def peer_fin(stage):
    peer = stage.connect()
    stage.hub_closes(peer)


@case("peer-fin", "peer-close", SUSPECTED)
def peer_fin_after_talk(stage):
    peer = stage.connect()
    stage.talk(peer)
    stage.hub_closes(peer)


@case("peer-reset", "peer-reset", families=BOTH)
def peer_reset(stage):
    peer = stage.connect()
    peer.reset()
    stage.agent.ask("wait", "error")
    stage.agent.ask("close")


@case("peer-reset", "peer-reset")
def peer_closes_with_unread_data(stage):
    peer = stage.connect()
    stage.agent.ask("send", 10)
    peer.receive(9)
    peer.close()
    stage.agent.ask("wait", "error")
    stage.agent.ask("close")


@case("connect-refused", "connect-refused", families=BOTH)
def refused(stage):
    stage.socket()
    stage.connect_fails("ECONNREFUSED")


# ---- the agent ends it, alive

@case("local-fin", "agent-close", families=BOTH)
def local_close(stage):
    peer = stage.connect()
    stage.agent.ask("close")
    peer.receive_end()
    peer.close()


@case("local-fin", "agent-close", LIKELY)
def local_close_after_waiting_in_vain(stage):
    """What it sent has arrived, and no answer comes: the hub may hang, or the answer be lost."""
    peer = stage.connect()
    stage.agent.ask("send", 10)
    time.sleep(1.2)  # a second, and some
    stage.agent.ask("close")
    peer.receive_end()
    peer.close()


@case("local-fin", "agent-close")
def local_close_after_the_answer(stage):
    peer = stage.connect()
    stage.agent.ask("send", 10)
    stage.talk(peer)
    time.sleep(1.2)
    stage.agent.ask("close")
    peer.receive_end()
    peer.close()


@case("local-fin", "agent-close")
def local_shutdown(stage):
    peer = stage.connect()
    stage.agent.ask("shutdown")
    peer.receive_end()
    stage.hub_closes(peer)


@case("local-reset", "agent-abort", QUITE_SURE, families=BOTH)
def close_with_unread_data(stage):
    peer = stage.connect()
    stage.leave_unread(peer)
    stage.agent.ask("close")
    peer.receive_end()


@case("local-reset", "agent-abort")
def close_with_linger_zero(stage):
    peer = stage.connect(linger=[0])
    stage.agent.ask("close")
    peer.receive_end()


@case("local-reset", "agent-abort", QUITE_SURE)
def disconnect(stage):
    peer = stage.connect()
    stage.agent.ask("disconnect")
    peer.receive_end()


# ---- the network swallows it

@case("keepalive-timeout", "path-silent", families=BOTH)
def keepalive(stage):
    stage.connect(keepalive=(1, 1, 2))
    stage.lab.black_hole()
    stage.agent.ask("wait", "error")


UNACKNOWLEDGED = stalled("path-silent"), ended("retransmit-timeout", "path-silent")


@table(
    ("retransmission", story(*UNACKNOWLEDGED, families=BOTH), {}),
    ("retransmission-with-keepalive-on", story(*UNACKNOWLEDGED), {"keepalive": (1, 1, 9)}),
)
def data_goes_unacknowledged(stage, options):
    stage.connect(**options)
    stage.lab.black_hole()
    stage.agent.ask("send", 10)
    stage.agent.ask("wait", "error")


@case("user-timeout", "path-silent")
def user_timeout(stage):
    stage.lab.set("device", tcp_retries2=15)
    stage.connect(user_timeout=[1000])
    stage.lab.black_hole()
    stage.agent.ask("send", 10)
    stage.agent.ask("wait", "error")


@case("connect-timeout", "path-silent", SUSPECTED, families=BOTH)
def connect_timeout(stage):
    stage.hub.listen()
    stage.lab.black_hole()
    stage.socket()
    stage.connect_fails("ETIMEDOUT")


# ---- the agent's process ends

@case("local-fin", "agent-crash", status=128 + signal.SIGKILL, exit=("killed", "KILL"))
def killed(stage):
    stage.connect()
    stage.kill(signal.SIGKILL)
    stage.agent.wait_end()


TO_ITSELF = case("local-fin", "agent-crash", status=128 + signal.SIGKILL, exit=("killed", "KILL"))


@table(
    ("killed-with-a-connection-to-itself", TO_ITSELF, "127.0.0.1 127.0.0.1"),
    ("killed-with-a-connection-to-itself-ipv6", TO_ITSELF, "::1 ::1"),
    ("killed-with-a-connection-to-itself-any", TO_ITSELF, "0.0.0.0 127.0.0.2"),
    ("killed-with-a-connection-to-itself-any-ipv6", TO_ITSELF, ":: 127.0.0.1"),
)
def killed_with_a_connection_to_itself(stage, ends):
    """That one has no hub, and no verdict."""
    stage.agent.ask(f"connect-to-itself {ends}")
    stage.connect()
    stage.kill(signal.SIGKILL)
    stage.agent.wait_end()


@table(
    ("segmentation-fault",
     case("local-fin", "agent-crash", status=128 + signal.SIGSEGV, exit=("killed", "SEGV"),
          families=BOTH, needs=core_dumps_are_files), "crash"),
    ("abort",
     case("local-fin", "agent-crash", status=128 + signal.SIGABRT, exit=("killed", "ABRT"),
          needs=core_dumps_are_files), "abort"),
)
def falls(stage, deed):
    stage.connect()
    stage.forbid_core_dump()
    stage.agent.tell(deed)
    stage.agent.wait_end()


@case("local-fin", "agent-crash", status=128 + signal.SIGSEGV, exit=("dumped", "SEGV"))
def segmentation_fault_with_core_dump(stage):
    stage.connect()
    stage.allow_core_dump()
    stage.agent.tell("crash")
    stage.agent.wait_end()


@case("local-reset", "agent-crash", status=128 + signal.SIGSEGV)
def segmentation_fault_with_unread_data(stage):
    peer = stage.connect()
    stage.leave_unread(peer)
    stage.forbid_core_dump()
    stage.agent.tell("crash")
    stage.agent.wait_end()


@table(
    ("exit-0", case("local-fin", "agent-exit", exit=("exited", "0"), families=BOTH), 0),
    ("exit-3", case("local-fin", "agent-exit", status=3, exit=("exited", "3")), 3),
)
def exits(stage, status):
    stage.connect()
    stage.agent.tell("exit", status)
    stage.agent.wait_end()


@case("local-reset", "agent-exit", exit=("exited", "0"))
def exit_with_unread_data(stage):
    peer = stage.connect()
    stage.leave_unread(peer)
    stage.agent.tell("exit", 0)
    stage.agent.wait_end()


@case("local-fin", "agent-oom", status=128 + signal.SIGKILL, exit=("killed", "KILL"))
def out_of_memory(stage):
    stage.connect()
    stage.limit_memory()
    stage.agent.tell("hog")
    stage.agent.wait_end()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of cases: each makes connections end, and says what connwatch must say about it.

A case is a function that plays the fault on a Stage, decorated with the one wanted verdict (`case`)
or with all that must be told, in order (`story`). Its name is the function's, with dashes;
`families` makes it one case a family, `table` one a row.
"""

import functools
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional

from held_opens import HeldOpens


SIDES = {
    "agent": "agent-crash agent-oom agent-exit agent-stopped agent-hang agent-abort agent-close "
             "token-renewal agent-not-reconnecting tls-refused-by-agent",
    "peer": "token-expired peer-idle-timeout session-rejected session-takeover service-transient "
            "connect-refused peer-reset peer-close tls-refused-by-hub",
    "network": "tls-not-spoken tls-stalled name-not-found name-server-failing name-server-silent link-down wifi-disconnected modem-disconnected no-route address-changed unreachable path-silent path-mtu path-half idle-drop "
               "middlebox-reset",
    "host": "operator-abort host-suspend clock-wrong memory-pressure host-starved host-firewall host-nat host-shutdown host-reboot "
            "host-crash power-lost",
}
SIDE = {cause: side for side, causes in SIDES.items() for cause in causes.split()}
SURE = ("proved",)
QUITE_SURE = ("proved", "likely")
LIKELY = ("likely",)
SUSPECTED = ("suspected",)
NOT_PROVED = ("likely", "suspected")
ANY = ("proved", "likely", "suspected")


@dataclass(frozen=True)
class Wanted:
    """One record that must come."""
    kind: str
    ended_by: Optional[str]  # None: whichever it is
    causes: tuple      # the right one first; others that are no mistake
    confidence: tuple  # those that are allowed
    exit: Optional[tuple] = None  # EXIT_CODE and EXIT_STATUS, where the record must tell them
    evidence: tuple = ()          # shell patterns, each for one CONNWATCH_EVIDENCE


def ended(ended_by, cause, confidence=None, *, exit=None, evidence=(), or_else=()):
    if confidence is None:
        proved = cause.startswith("agent-") or cause == "connect-refused"
        confidence = SURE if proved else QUITE_SURE
    return Wanted("ended", ended_by, (cause, *or_else), confidence, exit, evidence)


def in_doubt(ended_by, cause):
    """Expects the other possible cause in the record: the agent had just sent something, which may
    have been its goodbye in a protocol that nobody follows; or it had been silent, and the hub's
    patience is not known."""
    return ended(ended_by, cause, SUSPECTED, evidence=("or=*",))


def stalled(cause, confidence=ANY, *, or_else=(), evidence=()):
    """Told while the connection is still open, or while there is none."""
    return Wanted("stalled", None, (cause, *or_else), confidence, evidence=evidence)


def recovered(cause="unknown", *, evidence=()):
    """From a stall; without a cause, from having no connection. Where a case wants no `recovered`,
    none counts."""
    return Wanted("recovered", None, (cause,), (), evidence=evidence)


@dataclass(frozen=True)
class Case:
    name: str
    play: Callable
    family: str
    wanted: tuple    # in order
    status: int      # the command's exit status, as a shell counts it
    settings: tuple  # of the agent: KEY=VALUE
    found: bool      # connwatch comes later: the connection is there before
    group: str
    needs: Optional[Callable]  # returns why the case cannot be played here, or None


CASES = []


def story(*wanted, status=0, settings=(), found=False, families=("ipv4",), needs=None):
    """Adds a case. Its group is the module it stands in."""
    def add(play):
        group = play.__module__.removesuffix("_cases")
        for family in families:
            name = play.__name__.replace("_", "-") + ("" if family == "ipv4" else f"-{family}")
            CASES.append(Case(name, play, family, wanted, status, settings, found, group, needs))
        return play
    return add


def case(ended_by, cause, confidence=None, *, exit=None, evidence=(), **options):
    """Adds a case that ends one connection."""
    return story(ended(ended_by, cause, confidence, exit=exit, evidence=evidence), **options)


def table(*rows):
    """Adds a case a row, for plays that differ in a word: its name, what `case` or `story` makes of
    its wanted verdicts, and what the play is called with besides the stage."""
    def add(play):
        for name, add_case, *arguments in rows:
            @functools.wraps(play)
            def row(stage, arguments=tuple(arguments)):
                play(stage, *arguments)
            row.__name__ = name
            add_case(row)
        return play
    return add


BOTH = ("ipv4", "ipv6")
ALL = ("ipv4", "ipv6", "mapped")


# ---- what a case may need


def core_dumps_are_files():
    pattern = Path("/proc/sys/kernel/core_pattern").read_text()
    return "the host pipes core dumps, whatever their limit" if pattern.startswith("|") else None


def core_dumps_can_be_held():
    if Path("/proc/sys/kernel/core_pattern").read_text().startswith("/"):
        return "the host has a directory for core dumps"
    with tempfile.TemporaryDirectory() as directory:
        try:
            HeldOpens(directory).release()
        except OSError as failure:
            return f"no open can be held: {failure}"
    return core_dumps_are_files()


def small_conntrack_table():
    """To fill a large one takes long, and memory."""
    most = Path("/proc/sys/net/netfilter/nf_conntrack_max")
    if not most.exists():
        return "the kernel tracks no connections"
    return "the table of connections is large" if int(most.read_text()) > 65536 else None


def mptcp():
    enabled = Path("/proc/sys/net/mptcp/enabled")
    return None if enabled.exists() else "the kernel has no MPTCP"

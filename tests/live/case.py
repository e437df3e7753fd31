"""The table of cases: each makes one connection end, and says what connwatch must say about it.

A case is a function that plays the fault on a Stage, decorated with the wanted verdict. Its name
is the function's, with dashes; `families` makes it one case a family.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional


SIDES = {
    "agent": "agent-crash agent-oom agent-exit agent-stopped agent-hang agent-abort agent-close "
             "token-renewal agent-not-reconnecting",
    "peer": "token-expired peer-idle-timeout session-rejected session-takeover service-transient "
            "connect-refused peer-reset peer-close",
    "network": "link-down no-route address-changed unreachable path-silent idle-drop "
               "middlebox-reset",
    "host": "operator-abort host-suspend memory-pressure",
}
SIDE = {cause: side for side, causes in SIDES.items() for cause in causes.split()}
SURE = ("proved",)
QUITE_SURE = ("proved", "likely")


@dataclass(frozen=True)
class Case:
    name: str
    play: Callable
    family: str
    ended_by: str
    cause: str
    confidence: tuple  # those that are allowed
    status: int        # the command's exit status, as a shell counts it
    exit: Optional[tuple]  # EXIT_CODE and EXIT_STATUS, where the record must tell them
    group: str
    needs: Optional[Callable]  # returns why the case cannot be played here, or None

    @property
    def side(self):
        return SIDE.get(self.cause, "-")


CASES = []


def case(ended_by, cause, confidence=None, *, status=0, exit=None, families=("ipv4",),
         needs=None):
    """Adds a case. Its group is the module it stands in."""
    if confidence is None:
        proved = cause.startswith("agent-") or cause == "connect-refused"
        confidence = SURE if proved else QUITE_SURE

    def add(play):
        group = play.__module__.removesuffix("_cases")
        for family in families:
            name = play.__name__.replace("_", "-") + ("" if family == "ipv4" else f"-{family}")
            CASES.append(Case(name, play, family, ended_by, cause, confidence, status, exit,
                              group, needs))
        return play
    return add


BOTH = ("ipv4", "ipv6")


# ---- what a case may need


def core_dumps_are_files():
    pattern = Path("/proc/sys/kernel/core_pattern").read_text()
    return "the host pipes core dumps, whatever their limit" if pattern.startswith("|") else None


def mptcp():
    enabled = Path("/proc/sys/net/mptcp/enabled")
    return None if enabled.exists() else "the kernel has no MPTCP"

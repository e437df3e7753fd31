#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shows what each outcome means, without a machine. Ends with "N passed, N failed"."""

import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.append(str(Path(__file__).resolve().parents[1] / "live"))

from case import LIKELY, NOT_PROVED, ended, stalled  # noqa: E402
from kernel_matrix import Column  # noqa: E402
from outcome import Outcome, outcome_of  # noqa: E402


def record(ended_by, cause, confidence, kind="ended"):
    return {"CONNWATCH_KIND": kind, "CONNWATCH_ENDED_BY": ended_by, "CONNWATCH_CAUSE": cause,
            "CONNWATCH_CONFIDENCE": confidence}


def outcome(*pairs, wrong=("something",), details=(), broken_off=False, skipped=None, mode="ebpf"):
    """Returns the outcome of a play with these pairs of wanted and given records."""
    case = SimpleNamespace(wanted=[wanted for wanted, _ in pairs if wanted],
                           settings=("MqttInspect=yes",))
    return outcome_of(SimpleNamespace(case=case, pairs=pairs, wrong=wrong, details=details,
                                      broken_off=broken_off, skipped=skipped), mode)


def less(*pairs, wrong=(), **options):
    """In the mode sock-diag: nothing is called wrong where less may be told."""
    return outcome(*pairs, wrong=wrong, mode="sock-diag", **options)


CLOSE = ended("peer-fin", "peer-close")
RIGHT = record("peer-fin", "peer-close", "proved")
HANG = stalled("agent-hang", LIKELY)
REJECTED = ended("peer-fin", "session-rejected")
NO_MQTT = ["connwatch: cannot look at MQTT (MqttInspect=): Operation not supported"]
NO_UPROBES = ["connwatch: no uprobes are to be had: MQTT over TLS is not looked at"]
NOTHING_OLDER = ["connwatch: this kernel cannot show connections older than connwatch"]

ROWS = [
    ("all is right", outcome((CLOSE, RIGHT), wrong=()), Outcome.RIGHT),
    ("less sure", outcome((CLOSE, record("peer-fin", "peer-close", "suspected"))),
     Outcome.LESS_SURE),
    ("surer than anything can be",
     outcome((ended("peer-fin", "peer-close", NOT_PROVED), RIGHT)), Outcome.WRONG),
    ("an unknown cause", outcome((CLOSE, record("peer-fin", "unknown", "suspected"))),
     Outcome.UNKNOWN),
    ("an unknown end", outcome((CLOSE, record("unknown", "peer-close", "likely"))),
     Outcome.UNKNOWN),
    ("no record", outcome((CLOSE, None)), Outcome.UNKNOWN),
    ("no record, for the play broke off", outcome((CLOSE, None), broken_off=True),
     Outcome.UNPLAYED),
    ("no record, for the kernel cannot show it",
     outcome((CLOSE, None), details=NOTHING_OLDER, broken_off=True), Outcome.UNKNOWN),
    ("broke off behind a wrong verdict",
     outcome((CLOSE, record("peer-fin", "agent-hang", "likely")), broken_off=True), Outcome.WRONG),
    ("another cause, not sure", outcome((CLOSE, record("peer-fin", "agent-hang", "suspected"))),
     Outcome.SUSPECTED),
    ("another cause, proved", outcome((CLOSE, record("peer-fin", "agent-hang", "proved"))),
     Outcome.WRONG),
    ("another end, likely", outcome((CLOSE, record("peer-reset", "peer-close", "likely"))),
     Outcome.WRONG),
    ("the worst of two counts", outcome((CLOSE, RIGHT), (HANG, None)), Outcome.UNKNOWN),
    ("the same again", outcome((CLOSE, RIGHT), (None, RIGHT)), Outcome.INCOMPLETE),
    ("another one besides",
     outcome((CLOSE, RIGHT), (None, record(None, "agent-hang", "likely", "stalled"))),
     Outcome.WRONG),
    ("a detail", outcome((CLOSE, RIGHT)), Outcome.INCOMPLETE),
    ("what only MQTT tells, seen", outcome((REJECTED, RIGHT)), Outcome.WRONG),
    ("what only MQTT tells, not seen", outcome((REJECTED, RIGHT), details=NO_MQTT),
     Outcome.UNKNOWN),
    ("what only MQTT tells, hidden in TLS", outcome((REJECTED, RIGHT), details=NO_UPROBES),
     Outcome.UNKNOWN),
    ("a mistake without MQTT",
     outcome((REJECTED, record("peer-fin", "agent-crash", "proved")), details=NO_MQTT),
     Outcome.WRONG),
    ("sock-diag: all is right", less((CLOSE, RIGHT)), Outcome.RIGHT),
    ("sock-diag: nothing was wanted, nothing was told", less(), Outcome.RIGHT),
    ("sock-diag: less sure", less((CLOSE, record("peer-fin", "peer-close", "suspected"))),
     Outcome.LESS_SURE),
    ("sock-diag: a plainer cause", less((REJECTED, record("peer-fin", "peer-close", "likely"))),
     Outcome.UNKNOWN),
    ("sock-diag: not seen", less((CLOSE, None)), Outcome.UNKNOWN),
    ("sock-diag: another cause, not sure",
     less((CLOSE, record("peer-fin", "agent-hang", "suspected"))), Outcome.SUSPECTED),
    ("sock-diag: another cause, likely", less((CLOSE, record("peer-fin", "agent-crash", "likely")),
                                              wrong=["not excused"]), Outcome.WRONG),
    ("sock-diag: a detail", less((CLOSE, RIGHT), wrong=["exit"]), Outcome.INCOMPLETE),
    ("sock-diag: broke off", less((CLOSE, None), wrong=["OSError"], broken_off=True),
     Outcome.UNPLAYED),
    ("nothing to play with", outcome(skipped="no MPTCP"), Outcome.SKIPPED),
]


def passes(*outcomes, complete=True):
    column = Column("machine")
    for number, word in enumerate(outcomes):
        column.take({"case": str(number), "outcome": word})
    column.take({"done": complete})
    return column.passes


COLUMNS = [
    ("what is not known passes", passes("right", "unknown", "suspected"), True),
    ("one wrong verdict does not", passes("right", "wrong"), False),
    ("a machine that broke off does not", passes("right", complete=False), False),
    ("a machine that played nothing does not", passes(), False),
]


def main():
    failed = [f"FAILED {name}: {given} instead of {wanted}"
              for name, given, wanted in ROWS + COLUMNS if given != wanted]
    print("\n".join([*failed, f"{len(ROWS + COLUMNS) - len(failed)} passed, {len(failed)} failed"]))
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())

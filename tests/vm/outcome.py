# SPDX-License-Identifier: LGPL-2.1-or-later
"""The outcome of a play on a kernel that may know less than the newest."""

import enum

from judgement import is_right, of_kinds
from sock_diag import is_excused

SURE = ("proved", "likely")


class Outcome(enum.Enum):
    """From the best to the worst."""
    RIGHT = "right"
    LESS_SURE = "less sure"    # the right verdict, with less confidence than is wanted
    UNKNOWN = "unknown"        # no verdict, or part of it unknown
    INCOMPLETE = "incomplete"  # right verdicts, but something about them is not as wanted
    UNPLAYED = "unplayed"      # the play itself did not come to its end
    SUSPECTED = "suspected"    # a wrong verdict, and it says that it is not sure
    WRONG = "wrong"            # a wrong verdict, and it says that it is sure
    SKIPPED = "skipped"


ORDER = list(Outcome)
NOTHING_SAID = (None, "unknown", "evidence-lost")


def outcome_of(result, mode="ebpf"):
    """Returns the outcome of a play of tests/live/run.py: that of its worst verdict."""
    if result.skipped:
        return Outcome.SKIPPED
    if mode == "sock-diag":
        return of_less(result)
    if not result.wrong:
        return Outcome.RIGHT
    if has_no_mqtt(result) and is_excused_wholly(result):
        return Outcome.UNKNOWN
    worst = worst_verdict(result)
    if result.broken_off and worst in (Outcome.RIGHT, Outcome.UNKNOWN):
        return Outcome.UNKNOWN if has_nothing_older(result) else Outcome.UNPLAYED
    return Outcome.INCOMPLETE if worst is Outcome.RIGHT else worst


def of_less(result):
    """Returns the outcome of a play in the mode sock-diag, where a plainer cause is a part unknown."""
    if not is_excused_wholly(result):
        return Outcome.WRONG
    if result.broken_off:
        return Outcome.UNPLAYED
    if result.wrong:
        return Outcome.INCOMPLETE
    worst = worst_verdict(result)
    return Outcome.UNKNOWN if worst is Outcome.WRONG else worst


def is_excused_wholly(result):
    return all(is_excused(result.case, record) for record in of_kinds(
        [record for _, record in result.pairs if record], ("ended", "stalled")))


def worst_verdict(result):
    causes = {cause for wanted in result.case.wanted for cause in wanted.causes}
    return max((of_surplus(record, causes) if wanted is None else of_verdict(wanted, record)
                for wanted, record in result.pairs), key=ORDER.index, default=Outcome.RIGHT)


def has_no_mqtt(result):
    """The kernel cannot show it, and connwatch said so: then less may be told."""
    return any("cannot look at MQTT" in line or "MQTT over TLS is not looked at" in line
               for line in result.details)


def has_nothing_older(result):
    """The same of connections older than connwatch: a case that waits for one cannot go on."""
    return any("cannot show connections older" in line for line in result.details)


def of_verdict(wanted, record):
    """Returns the outcome of a record in the place of a wanted one; `record` may be None."""
    if is_right(wanted, record):
        return Outcome.RIGHT
    if record is None:
        return Outcome.UNKNOWN
    cause, ended_by = record.get("CONNWATCH_CAUSE"), record.get("CONNWATCH_ENDED_BY")
    if (cause not in (*wanted.causes, *NOTHING_SAID)
            or ended_by not in (wanted.ended_by, *NOTHING_SAID)):
        return of_mistake(record)
    if record.get("CONNWATCH_CONFIDENCE") == "proved":  # which nothing can prove
        return Outcome.WRONG
    if cause in NOTHING_SAID or (wanted.kind == "ended" and ended_by in NOTHING_SAID):
        return Outcome.UNKNOWN
    return Outcome.LESS_SURE


def of_surplus(record, causes):
    """Returns the outcome of an unwanted record; a repeated truth is no mistake."""
    if record["CONNWATCH_KIND"] == "recovered" or record.get("CONNWATCH_CAUSE") in causes:
        return Outcome.INCOMPLETE
    return of_mistake(record)


def of_mistake(record):
    return Outcome.WRONG if record.get("CONNWATCH_CONFIDENCE") in SURE else Outcome.SUSPECTED


def worth_another_play(outcome):
    """True if the play may be at fault. A verdict is never excused."""
    return outcome in (Outcome.INCOMPLETE, Outcome.UNPLAYED)

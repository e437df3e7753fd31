# SPDX-License-Identifier: LGPL-2.1-or-later
"""The parts that the files of cases share."""

CASES = []
SLACK = 10e6  # microseconds: clocks differ


class Skipped(Exception):
    """Raised if this machine cannot run the case; the text says why."""


def case(function):
    CASES.append(function)
    return function


def equal(got, wanted):
    if got != wanted:
        raise AssertionError(f"{got!r}, not {wanted!r}")


def match(outage, planted):
    """The number of the planted outage that this one is; None: there was none then."""
    for one in planted:
        if (outage["from_usec"] <= one["until_usec"] + SLACK and
                one["from_usec"] <= outage["until_usec"] + SLACK):
            return one["outage"]
    return None

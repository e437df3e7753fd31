# SPDX-License-Identifier: LGPL-2.1-or-later
"""The parts that the files of cases share."""

CASES = []


class Skipped(Exception):
    """Raised if this machine cannot run the case; the text says why."""


def case(function):
    CASES.append(function)
    return function


def equal(got, wanted):
    if got != wanted:
        raise AssertionError(f"{got!r}, not {wanted!r}")

"""What the files of tests share."""

CASES = []


class Skipped(Exception):
    """This machine cannot do it; the text says why."""


def case(function):
    CASES.append(function)
    return function


def equal(got, wanted):
    if got != wanted:
        raise AssertionError(f"{got!r}, not {wanted!r}")

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plays the cases of tests/live in this machine, and tells the outcome of each to the console."""

import json
import platform
import sys
import zlib
from pathlib import Path

VM = Path(__file__).parents[1]
sys.path[:0] = [str(VM.parent / "live"), str(VM)]

from outcome import Outcome, outcome_of, worth_another_play  # noqa: E402
from run import arguments, play, selected  # noqa: E402


def tell(**facts):
    print("##" + json.dumps(facts), flush=True)


def by_lot(case):
    """Sorts so that a machine which is stopped has played a sample of all cases, the same as another
    one. What IPv6 repeats comes last."""
    return case.name.endswith("-ipv6"), zlib.crc32(case.name.encode())


def main():
    options = arguments(__doc__).parse_args()
    tell(kernel=platform.release(), mode=options.mode)
    for number, case in enumerate(sorted(selected(options.patterns), key=by_lot)):
        result = play(case, options, number)
        again = worth_another_play(outcome_of(result, options.mode))
        if again:
            first, result = result, play(case, options, number)
        outcome = outcome_of(result, options.mode)
        tell(case=case.name, outcome=outcome.value, said=result.skipped or result.given,
             first=first.wrong if again else [], wrong=result.wrong,
             details=[] if outcome is Outcome.RIGHT else result.details)
    tell(done=True)


if __name__ == "__main__":
    main()

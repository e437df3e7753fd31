#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Records the trace of each case, with what was told, for tests/unit/replay_test.c.

    record_traces.py --directory DIR [--mode sock-diag] [PATTERN]...

Leaves NAME.trace and NAME.expected in DIR for each case that was right; where one was not, its
older files stay as they are. So do files of no case: they may hold a moment that no case can make
at will. They are named. Those of the mode sock-diag begin with that.
"""

import sys
import tempfile
from pathlib import Path

from case import CASES
from command_line import absolute
from judgement import KINDS, of_kinds
from run import arguments, count, play_selected

LESS = "sock-diag."
FIELDS = ("KIND", "ENDED_BY", "CAUSE", "CONFIDENCE")


def expected(records):
    """A line a record; `-` for what a record has not."""
    return "".join(" ".join(record.get(f"CONNWATCH_{field}", "-") for field in FIELDS) + "\n"
                   for record in of_kinds(records, KINDS))


def keep(recorded, directory, results, prefix):
    for result in results:
        if result.wrong or result.skipped:
            continue
        trace = (recorded / f"{result.case.name}-1.trace").read_text()
        name = prefix + result.case.name
        (directory / f"{name}.trace").write_text(trace)
        (directory / f"{name}.expected").write_text(expected(result.records))


def name_strangers(directory):
    names = {case.name for case in CASES}
    for path in sorted(directory.glob("*.trace")):
        if path.stem.removeprefix(LESS) not in names:
            print(f"kept {path.stem}: no case plays it")


def main():
    parser = arguments(__doc__)
    parser.add_argument("--directory", type=absolute, required=True, metavar="DIR")
    options = parser.parse_args()
    options.directory.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as recorded:
        options.record, options.times = Path(recorded), 1
        results = play_selected("record_traces.py", options)
        keep(options.record, options.directory, results,
             LESS if options.mode == "sock-diag" else "")
    name_strangers(options.directory)
    return 1 if count(results) else 0


if __name__ == "__main__":
    sys.exit(main())

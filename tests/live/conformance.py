#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plays every case several times and prints what was wanted against what was said.

    conformance.py [--mode sock-diag] [--markdown FILE] [PATTERN]...

Exit status 1 if a verdict was wrong and yet `proved`, or if fewer than 97 % of the plays were right
in all they said. In the mode sock-diag, where less may be said, if anything was wrong in one. `--markdown` also writes the tables between the markers in FILE.
"""

import sys

import more_cases  # noqa: F401  those that no other suite plays
import goodbye_cases  # noqa: F401  likewise
from command_line import absolute
from matrix import Matrix, write_markdown
from run import arguments, count, play_selected
from sock_diag import LessMatrix


def main():
    parser = arguments(__doc__, times=3)
    parser.add_argument("--markdown", type=absolute, metavar="FILE")
    options = parser.parse_args()
    results = play_selected("conformance.py", options)
    matrix = (LessMatrix if options.mode == "sock-diag" else Matrix)(results)
    print(f"\n{matrix.text()}\n")
    if options.markdown:
        write_markdown(options.markdown, matrix)
    count(results)
    return 0 if matrix.passes else 1


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cases against machines: the matrix, its counts, and their table in a document."""

import json
from collections import Counter

from outcome import Outcome

BEGIN, END = "<!-- kernels -->", "<!-- /kernels -->"
SIGNS = {
    Outcome.RIGHT: ".", Outcome.LESS_SURE: "l", Outcome.UNKNOWN: "u", Outcome.INCOMPLETE: "i",
    Outcome.UNPLAYED: "p", Outcome.SUSPECTED: "s", Outcome.WRONG: "W", Outcome.SKIPPED: "-",
}


class Column:
    """The results of one machine."""

    def __init__(self, name):
        self.name = name
        self.kernel = None
        self.mode = "ebpf"
        self.complete = False
        self.outcomes = {}  # case -> Outcome

    def take(self, facts):
        if self.kernel not in (None, facts.get("kernel", self.kernel)):
            self.outcomes = {}
        self.kernel = facts.get("kernel", self.kernel)
        self.mode = facts.get("mode", self.mode)
        self.complete = facts.get("done", self.complete)
        if "case" in facts:
            self.outcomes[facts["case"]] = Outcome(facts["outcome"])

    def has_played(self, case):
        return self.outcomes.get(case, Outcome.UNPLAYED) is not Outcome.UNPLAYED

    def count(self, outcome):
        return list(self.outcomes.values()).count(outcome)

    def stands_out(self, case):
        """Its outcome is none to expect. In the mode sock-diag, less is to be expected."""
        usual = [Outcome.RIGHT, Outcome.SKIPPED, None]
        if self.mode == "sock-diag":
            usual += [Outcome.LESS_SURE, Outcome.UNKNOWN]
        return self.outcomes.get(case) not in usual

    @property
    def passes(self):
        return self.complete and bool(self.outcomes) and not self.count(Outcome.WRONG)

    def keep(self, path):
        """Beside what is kept already of other cases on this kernel."""
        before = Column.kept(path) if path.exists() else self
        if self.kernel not in (None, before.kernel):
            before = self
        outcomes = {**before.outcomes, **self.outcomes}
        path.write_text(json.dumps({
            "name": self.name, "kernel": before.kernel, "mode": before.mode,
            "outcomes": {case: outcome.value for case, outcome in outcomes.items()}}))

    def forget_others(self, cases):
        """Cases of another name, which are no more."""
        self.outcomes = {case: self.outcomes[case] for case in self.outcomes if case in cases}

    @classmethod
    def kept(cls, path):
        facts = json.loads(path.read_text())
        column = cls(facts["name"])
        column.kernel, column.mode = facts["kernel"], facts["mode"]
        column.outcomes = {case: Outcome(word) for case, word in facts["outcomes"].items()}
        return column


def text(columns):
    """A line a case, a sign a machine; then the counts."""
    cases = sorted({case for column in columns for case in column.outcomes})
    lines = [f"{'':50}" + "".join(f"{column.name:>12}" for column in columns)]
    lines += [f"{case:50}" + "".join(f"{sign(column, case):>12}" for column in columns)
              for case in cases]
    lines += ["", *(f"  {sign}  {outcome.value}" for outcome, sign in SIGNS.items()), ""]
    return "\n".join(lines + [sentence(column) for column in columns])


def sign(column, case):
    return SIGNS[column.outcomes[case]] if case in column.outcomes else ""


def sentence(column):
    counts = Counter(column.outcomes.values())
    said = ", ".join(f"{counts[outcome]} {outcome.value}" for outcome in Outcome if counts[outcome])
    end = "" if column.complete else " -- and then it broke off"
    return f"{column.name} ({column.kernel}): {said or 'nothing'}{end}"


def markdown(columns):
    outcomes = [outcome for outcome in Outcome
                if any(column.count(outcome) for column in columns) or outcome is Outcome.WRONG]
    lines = ["| machine | kernel | played | " + " | ".join(outcome.value for outcome in outcomes) + " |",
             "|---|---|---|" + "---|" * len(outcomes)]
    lines += [f"| {column.name} | {column.kernel} | {len(column.outcomes)} | "
              + " | ".join(str(column.count(outcome)) for outcome in outcomes) + " |"
              for column in columns]
    return "\n".join([*lines, "", *exceptions(columns)])


def exceptions(columns):
    """The cases that stand out on a machine, as a table."""
    cases = sorted({case for column in columns for case in column.outcomes
                    if column.stands_out(case)})
    if cases:
        yield "| case | " + " | ".join(column.name for column in columns) + " |"
        yield "|---|" + "---|" * len(columns)
    for case in cases:
        words = (column.outcomes.get(case) for column in columns)
        yield f"| {case} | " + " | ".join(word.value if word else "" for word in words) + " |"


def write_markdown(path, columns):
    """Between the markers in a document."""
    before, rest = path.read_text().split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    path.write_text(f"{before}{BEGIN}\n{markdown(columns)}\n{END}{after}")

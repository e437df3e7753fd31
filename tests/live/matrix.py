# SPDX-License-Identifier: LGPL-2.1-or-later
"""The confusion matrix of many cases: wanted causes against given ones."""

from collections import Counter

from judgement import is_right

NOTHING = "(none)"
ENOUGH = 0.97  # of the runs of cases must be right in all their verdicts
CONFIDENCES = ("proved", "likely", "suspected")


def cause_wanted(wanted, record):
    """Returns the wanted cause; if several are right, the given one counts as wanted."""
    if wanted is None:
        return NOTHING
    given = record and record.get("CONNWATCH_CAUSE")
    return given if given in wanted.causes else wanted.causes[0]


def given(record, name):
    return record.get(f"CONNWATCH_{name}", NOTHING) if record else NOTHING


def end_wanted(wanted, record):
    """Some cases leave it to chance who closes first."""
    return (wanted.ended_by or given(record, "ENDED_BY")) if wanted else NOTHING


class Matrix:
    markers = "<!-- conformance -->", "<!-- /conformance -->"

    def __init__(self, results):
        played = [result for result in results if not result.skipped]
        self.runs = len(played)
        self.cases = len({result.case.name for result in played})
        self.right_runs = sum(not result.wrong for result in played)
        verdicts = [(wanted, record) for result in played for wanted, record in result.pairs
                    if "recovered" not in (wanted and wanted.kind, given(record, "KIND"))]
        self.causes = Counter((cause_wanted(wanted, record), given(record, "CAUSE"))
                              for wanted, record in verdicts)
        self.ends = Counter(
            (end_wanted(wanted, record), given(record, "ENDED_BY"))
            for wanted, record in verdicts if "ended" in (wanted and wanted.kind,
                                                          given(record, "KIND")))
        self.confidence = Counter(given(record, "CONFIDENCE") for _, record in verdicts if record)
        self.verdicts = len(verdicts)
        wrong = [record for wanted, record in verdicts if not is_right(wanted, record)]
        self.unknown = sum(given(record, "CAUSE") in ("unknown", "evidence-lost", NOTHING)
                           for record in wrong)
        self.suspected = sum(given(record, "CONFIDENCE") == "suspected" for record in wrong)
        self.likely = sum(given(record, "CONFIDENCE") == "likely" for record in wrong)
        self.proved = sum(given(record, "CONFIDENCE") == "proved" for record in wrong)
        self.wrong = len(wrong)
        self.right = self.verdicts - self.wrong

    @property
    def passes(self):
        return self.proved == 0 and self.right_runs >= ENOUGH * self.runs

    def counts(self):
        """Sentences."""
        share = 100 * self.right_runs / self.runs if self.runs else 0
        sure = ", ".join(f"{self.confidence[word]} {word}" for word in CONFIDENCES)
        return [
            f"{self.cases} cases in {self.runs} plays: {self.right_runs} right ({share:.1f} %).",
            f"{self.verdicts} verdicts: {self.right} right, {self.wrong} not: "
            f"{self.unknown} unknown or missing, {self.suspected} suspected, {self.likely} likely, "
            f"{self.proved} proved.",
            f"Of those that were given, {sure}.",
        ]

    def text(self):
        return "\n\n".join(["CAUSE\n" + table(self.causes), "ENDED_BY\n" + table(self.ends),
                            "\n".join(self.counts())])

    def markdown(self):
        return "\n\n".join([*self.counts(), "What was right is in the column `right`.",
                            markdown_table("cause", self.causes),
                            markdown_table("ended by", self.ends)])


def rows(counts):
    """Wanted -> (how often it was given, what was given instead and how often)."""
    for wanted in sorted({pair[0] for pair in counts}):
        others = {name: count for (row, name), count in sorted(counts.items())
                  if row == wanted and name != wanted}
        yield wanted, counts[wanted, wanted], others


def instead(others):
    return ", ".join(f"{name} {count}" for name, count in others.items())


def table(counts):
    """The diagonal as a column; what is beside it by name. Nearly all of the square is empty."""
    lines = [f"  {'wanted':24} {'right':>6}  given instead"]
    lines += [f"  {wanted:24} {right:6}  {instead(others)}".rstrip()
              for wanted, right, others in rows(counts)]
    return "\n".join(lines)


def markdown_table(title, counts):
    lines = [f"| {title} wanted | right | given instead |", "|---|---|---|"]
    lines += [f"| `{wanted}` | {right} | {instead(others)} |"
              for wanted, right, others in rows(counts)]
    return "\n".join(lines)


def write_markdown(path, matrix):
    """Between the markers in a document."""
    begin, end = matrix.markers
    before, rest = path.read_text().split(begin, 1)
    after = rest.split(end, 1)[1]
    path.write_text(f"{before}{begin}\n{matrix.markdown()}\n{end}{after}")

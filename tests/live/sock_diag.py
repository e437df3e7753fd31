# SPDX-License-Identifier: LGPL-2.1-or-later
"""The records that are right in the mode sock-diag: the full cause, or less. Never something wrong
that is `likely` or `proved`."""

from judgement import is_right, of_kinds, verdict_text
from matrix import Matrix, markdown_table

# The cause that stays when what proves another one is not seen.
PLAINER = {
    "agent-stopped": ("agent-close",),
    "agent-hang": ("peer-close", "peer-reset"),
    "idle-drop": ("peer-reset",),
    "middlebox-reset": ("peer-reset",),
    "path-half": ("path-silent", "agent-close"),
    "path-mtu": ("path-silent", "agent-close"),
    "peer-idle-timeout": ("peer-close",),
    "service-transient": ("peer-close", "peer-reset"),
    "session-rejected": ("peer-close", "peer-reset"),
    "session-takeover": ("peer-close", "peer-reset"),
    "token-expired": ("peer-close", "peer-reset"),
    "token-renewal": ("agent-close",),
}
# The causes that replace, in this mode, each one that only MQTT shows (MqttInspect= needs eBPF).
UNHEARD = ("agent-close", "agent-abort", "peer-close", "peer-reset")


def says_less(case, wanted, record):
    """One record, against one that is wanted."""
    cause, end = record.get("CONNWATCH_CAUSE"), record.get("CONNWATCH_ENDED_BY")
    plainer = [name for right in wanted.causes for name in (right, *PLAINER.get(right, ()))]
    if any(setting.startswith("MqttInspect=") for setting in case.settings):
        plainer += UNHEARD
    return (wanted.kind == "ended" and end in (wanted.ended_by, "unknown")
            and (cause in ("unknown", *plainer)
                 or record.get("CONNWATCH_CONFIDENCE") == "suspected"))


def is_excused(case, record):
    """True if any wanted record allows this one: events between two looks are missing, so the order
    of records says nothing."""
    if record["CONNWATCH_KIND"] == "stalled":
        return (record["CONNWATCH_CONFIDENCE"] == "suspected"
                or any(record["CONNWATCH_CAUSE"] in one.causes for one in case.wanted))
    return any(is_right(one, record) or says_less(case, one, record) for one in case.wanted)


def how_it_exited(record):
    return record.get("EXIT_CODE"), record.get("EXIT_STATUS")


def complaints_about_less(case, stage):
    """Returns the mistakes in the records as a list of sentences."""
    records = of_kinds(stage.witness.records, ("ended", "stalled"))
    wrong = [f"no JSON record: {line}" for line in stage.witness.noise]
    wrong += [f"not excused: {verdict_text(record)}" for record in records
              if not is_excused(case, record)]
    wrong += [f"the mode is {record.get('CONNWATCH_MODE')}" for record in records
              if record.get("CONNWATCH_MODE") != "sock-diag"]
    ports = [record.get("CONNWATCH_LOCAL_PORT") for record in of_kinds(records, ("ended",))]
    wrong += [f"{ports.count(port)} `ended` records of port {port}" for port in set(ports)
              if port is not None and ports.count(port) > 1]
    exits = [one.exit for one in case.wanted if one.exit]
    wrong += [f"exit {how_it_exited(record)}" for record in records
              if exits and "EXIT_CODE" in record and how_it_exited(record) not in exits]
    return wrong


class LessMatrix(Matrix):
    """The confusion matrix of the mode sock-diag, where a plainer cause is no mistake."""
    markers = "<!-- sock-diag -->", "<!-- /sock-diag -->"

    def __init__(self, results):
        super().__init__(results)
        self.mistakes = sum(not is_excused(result.case, record) for result in results
                            for record in of_kinds(result.records, ("ended", "stalled")))

    @property
    def passes(self):
        return self.mistakes == 0 and super().passes

    def counts(self):
        """Sentences."""
        less = self.verdicts - self.right
        sure = ", ".join(f"{self.confidence[word]} {word}" for word in ("likely", "suspected"))
        return [
            f"{self.cases} cases in {self.runs} plays.",
            f"{self.verdicts} verdicts: {self.right} as with eBPF; {self.mistakes} wrong; "
            f"{less - self.mistakes} say less, of which {self.unknown} are unknown or missing. "
            f"Of all that were given, {sure}.",
        ]

    def markdown(self):
        return "\n\n".join([*self.counts(), markdown_table("cause", self.causes),
                            markdown_table("ended by", self.ends)])

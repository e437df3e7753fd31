# SPDX-License-Identifier: LGPL-2.1-or-later
"""Wanted records against those that came."""

import fnmatch
import itertools

from case import SIDE

KINDS = ("ended", "stalled", "recovered")


def pairs(wanted, records):
    """Each wanted record beside the one of its kind that came in its place; None where one is
    missing or too many. Where nothing is wanted to recover, no recovery counts."""
    return [pair
            for kind in counting_kinds(wanted)
            for pair in itertools.zip_longest((record for record in wanted if record.kind == kind),
                                              of_kinds(records, (kind,)))]


def counting_kinds(wanted):
    return KINDS if any(record.kind == "recovered" for record in wanted) else KINDS[:2]


def of_kinds(records, kinds):
    return [record for record in records if record.get("CONNWATCH_KIND") in kinds]


def complaints_about(case, stage):
    """Returns the mistakes in the records as a list of sentences."""
    wrong = [f"no JSON record: {line}" for line in stage.witness.noise]
    records = stage.witness.records
    for number, (wanted, record) in enumerate(pairs(case.wanted, records), 1):
        wrong += [f"record {number}: {complaint}"
                  for complaint in complaints(wanted, record, stage)]
    return wrong + complaints_about_order(case.wanted, records) + complaints_about_ports(stage)


def complaints_about_order(wanted, records):
    told = [record["CONNWATCH_KIND"] for record in of_kinds(records, counting_kinds(wanted))]
    order = [record.kind for record in wanted]
    return [] if told == order else [f"told in the order {told} instead of {order}"]


def complaints(wanted, record, stage):
    if record is None:
        return [f"no `{wanted.kind}` record"]
    if wanted is None:
        return [f"unwanted: {verdict_text(record)}"]
    wrong = [f"{field} is {record.get(field)} instead of {' or '.join(allowed)}"
             for field, allowed in wanted_fields(wanted, stage).items()
             if record.get(field) not in allowed]
    return wrong + [f"no evidence {pattern}" for pattern in wanted.evidence
                    if not fnmatch.filter(evidence(record), literal_brackets(pattern))]


def literal_brackets(pattern):
    return pattern.replace("[", "[[]")


def evidence(record):
    tokens = record.get("CONNWATCH_EVIDENCE", [])
    return [tokens] if isinstance(tokens, str) else tokens


def wanted_fields(wanted, stage):
    """Field of the record -> the values that are right."""
    fields = {"CONNWATCH_KIND": (wanted.kind,)}
    if wanted.kind == "recovered":
        return fields
    fields["CONNWATCH_CAUSE"] = wanted.causes
    fields["CONNWATCH_SIDE"] = tuple(SIDE.get(cause, "-") for cause in wanted.causes)
    fields["CONNWATCH_CONFIDENCE"] = wanted.confidence
    if wanted.kind == "ended":
        if wanted.ended_by:
            fields["CONNWATCH_ENDED_BY"] = (wanted.ended_by,)
        fields["CONNWATCH_PEER_ADDRESS"] = (stage.hub.address, *stage.other_addresses)
        fields["CONNWATCH_PID"] = (str(stage.first_pid),)
    if wanted.exit:
        fields["EXIT_CODE"], fields["EXIT_STATUS"] = ((word,) for word in wanted.exit)
    return fields


def complaints_about_ports(stage):
    """Each connection whose port is known must have ended once."""
    ended = [record.get("CONNWATCH_LOCAL_PORT") for record in stage.witness.of_kind("ended")]
    return [f"{ended.count(port)} `ended` records of port {port}" for port in stage.local_ports
            if ended.count(port) != 1]


def is_right(wanted, record):
    """The verdict alone: ENDED_BY, CAUSE and CONFIDENCE. Both are of the same kind."""
    return (wanted is not None and record is not None
            and (wanted.ended_by is None or record.get("CONNWATCH_ENDED_BY") == wanted.ended_by)
            and (wanted.kind == "recovered"
                 or record.get("CONNWATCH_CAUSE") in wanted.causes
                 and record.get("CONNWATCH_CONFIDENCE") in wanted.confidence))


def verdict_text(record):
    kind = record["CONNWATCH_KIND"]
    words = [record[f"CONNWATCH_{name}"] for name in ("ENDED_BY", "CAUSE", "CONFIDENCE")
             if f"CONNWATCH_{name}" in record]
    return " / ".join(words if kind == "ended" else [kind, *words])


def summary(records):
    """All verdicts in a line, what repeats only once."""
    runs = ((text, len(list(same)))
            for text, same in itertools.groupby(map(verdict_text, records)))
    return "; ".join(text if count == 1 else f"{count} x {text}" for text, count in runs)

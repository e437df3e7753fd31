# SPDX-License-Identifier: LGPL-2.1-or-later
"""`connwatch-fleet explain --by=`: causes by site and by version, and where one of them is concentrated."""

import functools
import random

from attack_cases import HOUR, MINUTE, entry
from case import case, equal
from hub_cases import mosquitto, objects
from page_cases import HOSTILE, Dom, browse, page_of

SITES = ["osaka", "lima", "berlin", "quito"]
VERSIONS = ["1.0", "1.1", "1.2", "1.3"]
DEVICES = 96
CAUSES = {"agent-crash": ("local-fin", "closed its connection"),
          "peer-reset": ("peer-reset", "disconnected due to out of memory"),
          "path-silent": ("retransmit-timeout", "has exceeded timeout, disconnecting")}
LIAR = "liar"


def name_of(number):
    return f"box-{number:02}"


def place_of(number):
    return {"SITE": SITES[number % 4], "FIRMWARE": VERSIONS[number // 4 % 4]}


class Lives:
    """What some devices live through: their records, and the hub's lines."""

    def __init__(self):
        self.lines, self.records = [], {}

    def end(self, device, begin, cause, fields):
        """A session of 10 minutes."""
        how, words = CAUSES[cause]
        time = begin + 10 * MINUTE
        self.lines += [(begin, mosquitto(begin, device, connect=True)),
                       (time, mosquitto(time, device, words=words))]
        self.records[device] = self.records.get(device, "") + (
            entry(device, begin, "recovered", CONNWATCH_DOWNTIME_USEC=MINUTE, **fields) +
            entry(device, time, "ended", CONNWATCH_CAUSE=cause, CONNWATCH_ENDED_BY=how,
                  CONNWATCH_CONFIDENCE="proved", CONNWATCH_AGE_USEC=10 * MINUTE, **fields))

    def log(self, path):
        path.write_text("".join(f"{line}\n" for _, line in sorted(self.lines)))
        return path


def causes_of(number):
    """All have a reset now and then; those of two versions crash; all were silent once, those of lima often."""
    site, version = place_of(number).values()
    return (["peer-reset"] * (1 + number // 16 % 2) + ["path-silent"] * (9 if site == "lima" else 1) +
            ["agent-crash"] * (3 if version in ("1.2", "1.3") else 0))


def fleet(fields_of=place_of):
    lives, chance = Lives(), random.Random(18)
    for number in range(DEVICES):
        causes = causes_of(number)
        chance.shuffle(causes)
        begin = number * MINUTE
        for cause in causes:
            begin += chance.randrange(HOUR, 3 * HOUR)
            lives.end(name_of(number), begin, cause, fields_of(number))
    return lives


BY = ["--by=SITE", "--by=FIRMWARE"]


@functools.cache
def stand(stage):
    lives = fleet()
    return [f"--hub={lives.log(stage.directory / 'by.log')}",
            f"--file={stage.write_journal('by', ''.join(lives.records.values()))}"]


def concentrated(summary):
    return {(one["field"], found["cause"]): sorted(found["values"])
            for one in summary["by"] for found in one["concentrated"]}


PLANTED = {("SITE", "path-silent"): ["lima"], ("FIRMWARE", "agent-crash"): ["1.2", "1.3"]}


@case
def by_says_where_a_cause_is(stage):
    answers, summary = objects(stage.run("explain", *stand(stage), *BY, "-o", "json"))
    equal(concentrated(summary), PLANTED)
    for one in summary["by"]:
        equal(sum(value["ends"] for value in one["values"]) + one["ends_without"], summary["ends"])
        for value in one["values"]:
            equal(value["devices"], DEVICES // 4)
            equal(sum(value["causes"].values()), value["ends"])
            equal(value["ends"], sum(answer["by"][one["field"]] == value["value"] for answer in answers))
    [silent] = [found for one in summary["by"] for found in one["concentrated"]
                if found["cause"] == "path-silent"]
    equal([silent[name] for name in ["devices", "of_devices", "other_devices", "of_other_devices"]],
          [24, 24, 0, 72])
    equal(silent["ends_of_device_min"] > 1, True)
    equal("by" in objects(stage.run("explain", *stand(stage), "-o", "json"))[1], False)


@case
def by_text_and_page_say_the_same(stage):
    words = ["explain", *stand(stage), *BY]
    _, summary = objects(stage.run(*words, "-o", "json"))
    text = stage.run(*words)
    page = page_of(stage, *words)
    dom = Dom(browse(stage, page, "--dump-dom"))
    told = [found["words"] for one in summary["by"] for found in one["concentrated"]]
    equal([(sentence in text, sentence in dom.text) for sentence in told], [(True, True)] * len(told))
    equal("100.0 %  agent  (FIRMWARE 1.2, 1.3)\n" in text, True)
    equal("agent-crash" in text and "FIRMWARE=1.2, 1.3: 100.0 % of these lines; 48 of 48 devices there" in text, True)
    for number, one in enumerate(summary["by"], 1):
        equal(dom.rows[f"by-{number}"], len(one["values"]))
        equal((f"\nBy {one['field']}, without ends" in text, f"By {one['field']}" in dom.text), (True, True))


def write_names(stage, name, lines):
    path = stage.directory / name
    path.write_text("".join(f"{line}\n" for line in lines))
    return f"--devices={path}"


@case
def by_column_of_the_operators_file(stage):
    """What the operator says comes before what the device says; what neither says is counted."""
    lives = fleet(lambda number: {"SITE": "everywhere", "FIRMWARE": place_of(number)["FIRMWARE"]})
    journal = stage.write_journal("columns", "".join(lives.records.values()))
    log = lives.log(stage.directory / "columns.log")
    lines = ["# of the stock", "HUBID DEVICE model site", *(
        f"{name_of(number)} {name_of(number)} m{number % 3} {place_of(number)['SITE']}"
        for number in range(DEVICES))]
    words = ["explain", f"--hub={log}", f"--file={journal}", "-o", "json", *BY]
    _, summary = objects(stage.run(*words, write_names(stage, "columns", lines)))
    equal(concentrated(summary), PLANTED)
    lines[2] = f"{name_of(0)} {name_of(0)}"
    lines[3] = f"{name_of(1)} {name_of(1)} m1 -"
    _, summary = objects(stage.run(*words, "--by=MODEL", write_names(stage, "columns", lines)))
    [site, _, model] = summary["by"]
    equal([value["devices"] for value in site["values"] if value["value"] == "everywhere"], [2])
    equal(model["ends_without"], len(causes_of(0)))
    equal({value["value"] for value in model["values"]}, {"m0", "m1", "m2"})
    for wrong, complaint in [("a b c d e f", "columns:99: more words"), ("a", "columns:99: not a name"),
                             (f"{name_of(2)} {name_of(2)} m2 x", "columns:99: this name"),
                             (f"a b {'x' * 5000}", "columns:99: more words")]:
        stage.run(*words, write_names(stage, "columns", [*lines, wrong]), status=65, complaint=complaint)


@case
def by_unexplained_too(stage):
    """The journals of a site do not come in: the operator's file says which."""
    lives = fleet()
    journal = stage.write_journal("absent", "".join(
        records for number, records in enumerate(lives.records.values())
        if place_of(number)["SITE"] != "quito"))
    lines = ["HUBID DEVICE SITE", *(f"{name_of(number)} {name_of(number)} {place_of(number)['SITE']}"
                                    for number in range(DEVICES))]
    words = ["explain", f"--hub={lives.log(stage.directory / 'absent.log')}", f"--file={journal}", "--by=SITE",
             write_names(stage, "absent", lines)]
    _, summary = objects(stage.run(*words, "-o", "json"))
    equal(concentrated(summary), {("SITE", "path-silent"): ["lima"], ("SITE", "unexplained"): ["quito"]})
    text = stage.run(*words)
    equal("SITE=quito: 100.0 % of these lines; 24 of 24 devices there" in text, True)


@case
def by_values_that_are_not_meant_well(stage):
    """They are shown as they are, cut, and bounded."""
    lives = Lives()
    long = "x" * 100
    for number, site in enumerate([HOSTILE, long + "1", long + "2", "", "\x1b]0;owned\x07"]):
        lives.end(f"odd-{number}", HOUR + number * MINUTE, "agent-crash", {"SITE": site} if site else {})
    for i in range(300):
        lives.end("odd-many", HOUR + i * 30 * MINUTE, "peer-reset", {"SITE": f"site-{i}"})
    words = ["explain", f"--hub={lives.log(stage.directory / 'odd-sites.log')}", "--by=SITE",
             f"--file={stage.write_journal('odd-sites', ''.join(lives.records.values()))}"]
    _, summary = objects(stage.run(*words, "-o", "json"))
    [by] = summary["by"]
    values = {value["value"]: value["ends"] for value in by["values"]}
    equal(values.pop("(other)"), 296)
    equal(values.pop("x" * 60 + "..."), 2)
    equal(sum(values[f"site-{i}"] for i in range(4)), 4)
    equal(len(values), 6)
    equal((by["ends_without"], by["values_without_room"] >= 296), (1, True))
    page = page_of(stage, *words)
    dom = Dom(browse(stage, page, "--dump-dom"))
    equal([tag for tag, _ in dom.elements if tag in ("script", "img")], [])
    equal('<script>document.title="owned"</script>' in dom.text, True)
    equal("\x1b" in stage.run(*words), False)


@case
def by_more_values_than_there_is_room(stage):
    """The table has an end; the sums are right."""
    lines = ["HUBID DEVICE SITE", *(f"other-{i} other-{i} place-{i}" for i in range(5000)), *(
        f"{name_of(number)} {name_of(number)} {place_of(number)['SITE']}" for number in range(DEVICES))]
    _, summary = objects(stage.run("explain", *stand(stage), "--by=SITE", "-o", "json",
                                   write_names(stage, "many", lines)))
    [by] = summary["by"]
    equal([(value["value"], value["ends"], value["devices"]) for value in by["values"]],
          [("(other)", summary["ends"], DEVICES)])
    equal(by["concentrated"], [])


@case
def by_one_liar_names_no_site(stage):
    """It crashes 3,000 times, and says that it is at each site in turn; or floods against what is true."""
    for name, cause, fields in [("frames", "peer-reset", {"SITE": "berlin", "FIRMWARE": "1.0"}),
                                ("hides", "agent-crash", {"SITE": "osaka", "FIRMWARE": "1.0"}),
                                ("hides-too", "path-silent", {"SITE": "osaka", "FIRMWARE": "1.0"})]:
        lives = fleet()
        for i in range(2000):
            lives.end(LIAR, HOUR + i * 20 * MINUTE, cause, fields)
        (stage.directory / name).mkdir()
        for device, records in [("honest", "".join(text for device, text in lives.records.items()
                                                   if device != LIAR)), (LIAR, lives.records[LIAR])]:
            stage.write_journal(f"{name}/{'remote-' if device == LIAR else ''}{device}", records)
        _, summary = objects(stage.run("explain", f"--hub={lives.log(stage.directory / name / 'log')}", *BY,
                                       "-D", stage.directory / name, "-o", "json"))
        equal((name, concentrated(summary)), (name, PLANTED))


@case
def by_one_sender_is_one_device(stage):
    """With DeviceId=, a device brings many names that no other has: a gateway, or a liar."""
    lives, gateway = fleet(), ""
    for number in range(40):
        device = f"child-{number}"
        for i in range(3):
            lives.end(device, HOUR + (number + 50 * i) * 11 * MINUTE, "peer-reset",
                      {"SITE": "berlin", "CONNWATCH_DEVICE_ID": device, "CONNWATCH_AGENT": device})
        gateway += lives.records.pop(device).replace(f"_HOSTNAME={device}", "_HOSTNAME=gateway")
    (stage.directory / "children").mkdir()
    stage.write_journal("children/remote-gateway", gateway)
    for device, records in lives.records.items():
        stage.write_journal(f"children/remote-{device}", records)
    _, summary = objects(stage.run("explain", f"--hub={lives.log(stage.directory / 'children.log')}",
                                   "-D", stage.directory / "children", *BY, "-o", "json"))
    equal(concentrated(summary), PLANTED)
    [berlin] = [value for value in summary["by"][0]["values"] if value["value"] == "berlin"]
    equal(berlin["devices"], DEVICES // 4 + 1)
    equal(berlin["causes"]["peer-reset"] > 120, True)


@case
def by_misuse_is_said(stage):
    log = stand(stage)[0]
    for words, complaint in [(["--by=site"], "not the name of a journal field"),
                             (["--by=A"] * 5, "no more than 4"), (["--by="], "not the name")]:
        stage.run("explain", log, *words, status=64, complaint=complaint)


@case
def by_a_field_that_nobody_has(stage):
    _, summary = objects(stage.run("explain", *stand(stage), "--by=SITO", "-o", "json"))
    equal(summary["by"], [{"field": "SITO", "ends_without": summary["ends"], "values_without_room": 0,
                           "concentrated": [], "values": []}])
    text = stage.run("explain", *stand(stage), "--by=SITO")
    equal(f"  {summary['ends']} lines are of devices that have no SITO\n" in text, True)

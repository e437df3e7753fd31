# SPDX-License-Identifier: LGPL-2.1-or-later
"""`connwatch-fleet explain`, where one device lies in its journal, or floods the hub: what is said of the lines of
all others stays as it is."""

import functools
import random

from attack_cases import DAY, HOUR, LIAR, MINUTE, SECOND, entry
from case import case, equal
from hub_cases import mosquitto, objects

DEVICES = ["lamp", "meter", "pump", "valve"]
CAUSES = {"agent-crash": ("local-fin", "closed its connection"), "agent-stopped": ("local-fin", "disconnected")}


def session(host, device, begin, cause, age=10 * MINUTE, ahead=0, **fields):
    """Lines of the hub, and records of `host`, of a session of `device`."""
    how, words = CAUSES[cause]
    end = begin + age
    return ([(begin, mosquitto(begin, device, connect=True)), (end, mosquitto(end, device, words=words))],
            entry(host, begin + ahead, "recovered", CONNWATCH_DOWNTIME_USEC=MINUTE, **fields) +
            entry(host, end + ahead, "ended", CONNWATCH_CAUSE=cause, CONNWATCH_ENDED_BY=how,
                  CONNWATCH_CONFIDENCE="proved", CONNWATCH_AGE_USEC=age, **fields))


def sessions(host, device, number, count=12, **fields):
    chance, lines, export, begin = random.Random(number), [], "", HOUR
    for _ in range(count):
        begin += chance.randrange(30 * MINUTE, 2 * HOUR)
        more, records = session(host, device, begin, chance.choice(list(CAUSES)), **fields)
        lines += more
        export += records
    return lines, export


@functools.cache
def honest(stage):
    """The hub's lines, and journals."""
    lines, journals = [], {}
    for number, device in enumerate(DEVICES):
        more, export = sessions(device, device, number)
        lines += more
        journals[device] = stage.write_journal(f"remote-{device}", export)
    return lines, journals


def explained(stage, name, lines, exports, *words, without=()):
    """What is said of each line of the honest devices; of the others; and the summary."""
    mine, journals = honest(stage)
    directory = stage.directory / name
    directory.mkdir()
    for device, journal in journals.items():
        if device not in without:
            (directory / journal.name).symlink_to(journal)
    for file, export in exports.items():
        stage.write_journal(f"{name}/{file}", export)
    log = directory / "log"
    log.write_text("".join(f"{line}\n" for _, line in sorted(mine + lines)))
    answers, summary = objects(stage.run("explain", f"--hub={log}", "-D", directory, "-o", "json", *words))
    for one in answers:
        del one["line"], one["file"]
    return ([one for one in answers if one["hub_id"] in DEVICES],
            [one for one in answers if one["hub_id"] not in DEVICES], summary)


@functools.cache
def truth(stage):
    answers, _, summary = explained(stage, "explained", [], {})
    equal((summary["ends"], summary["sure"]), (48, 48))
    return answers


@case
def liar_floods_the_hub(stage):
    """100,000 lines in an hour, and as many records as it can: they are its own trouble."""
    lines = []
    for i in range(50_000):
        begin = HOUR + i * 70_000
        lines += [(begin, mosquitto(begin, LIAR, connect=True)),
                  (begin + 35_000, mosquitto(begin + 35_000, LIAR, words="has exceeded timeout, disconnecting"))]
    export = "".join(entry(LIAR, HOUR + i * 500_000, "ended", CONNWATCH_CAUSE="path-silent",
                           CONNWATCH_ENDED_BY="retransmit-timeout", CONNWATCH_CONFIDENCE="proved",
                           CONNWATCH_AGE_USEC=77 * SECOND) for i in range(6000))
    answers, others, summary = explained(stage, "flood", lines, {f"remote-{LIAR}": export})
    equal(answers, truth(stage))
    equal(len(others), 50_000)
    equal(summary["why_not"]["over-quota"] > 15_000, True)
    equal(sum(one.get("pair_is_sure", False) for one in others), 0)


@case
def liar_has_any_time(stage):
    """Its clock jumps by years, at each record and between; sessions are older than the world."""
    chance, export = random.Random(18), ""
    times = [0, 1, SECOND, DAY, 400 * DAY, -1000 * DAY, 2**62 - 1790812800 * 10**6]
    for i in range(600):
        time = chance.choice(times) + chance.randrange(DAY)
        age = chance.choice([0, 1, HOUR, 2**63, 2**64 - 1])
        export += entry(LIAR, time, "ended", CONNWATCH_CAUSE="agent-crash", CONNWATCH_ENDED_BY="local-fin",
                        CONNWATCH_CONFIDENCE="proved", CONNWATCH_AGE_USEC=age,
                        CONNWATCH_TIME_USEC=chance.choice([0, 1, 2**64 - 1]), _BOOT_ID=f"{i % 7 + 1:032x}",
                        __MONOTONIC_TIMESTAMP=max(0, time))
    lines, _ = sessions(LIAR, LIAR, 99)
    answers, others, _ = explained(stage, "any-time", lines, {f"remote-{LIAR}": export})
    equal(answers, truth(stage))
    equal([one for one in others if one.get("pair_is_sure")], [])


@case
def liar_has_a_clock_of_its_own(stage):
    """A clock that is a day ahead is measured, and says nothing about those of others."""
    lines, export = sessions(LIAR, LIAR, 7, ahead=DAY + 123 * SECOND)
    answers, others, _ = explained(stage, "own-clock", lines, {f"remote-{LIAR}": export})
    equal(answers, truth(stage))
    equal([one["ended_usec"] // MINUTE - one["time_usec"] // MINUTE in (-1, 0, 1) for one in others], [True] * 12)


@case
def liar_takes_a_name_that_a_sender_has(stage):
    """By the way that all share, it sends records with the name of a device whose journal is here: with its own
    lies, and from another machine, so that the name would be ambiguous."""
    for name, machine in [("shared", {}), ("shared-2", {"_MACHINE_ID": f"{77:032x}"})]:
        export = "".join(sessions("pump", "pump", number, **machine)[1].replace("agent-crash", "agent-oom")
                         for number in range(4))
        answers, _, _ = explained(stage, name, [], {"remote-127.0.0.1": export})
        equal(answers, truth(stage))


@case
def liar_claims_devices_that_are_here(stage):
    """DeviceId= of others, one after the other, and the names of machines in its records."""
    export = "".join(sessions(device, device, number, CONNWATCH_DEVICE_ID=device)[1].replace(
        "agent-crash", "agent-oom") for number, device in enumerate(DEVICES))
    answers, _, _ = explained(stage, "claims", [], {f"remote-{LIAR}": export})
    equal(answers, truth(stage))


@case
def liar_claims_devices_that_are_not(stage):
    """No journal says otherwise: the answer tells whose word it is. If two say it, it has no cause, and both are
    told. What came by the way that all share says less than a sender."""
    claim = sessions(LIAR, "valve", 3, CONNWATCH_DEVICE_ID="valve")[1]
    answers, _, _ = explained(stage, "absent-claimed", [], {f"remote-{LIAR}": claim}, without=["valve"])
    equal([one for one in answers if one["hub_id"] != "valve"],
          [one for one in truth(stage) if one["hub_id"] != "valve"])
    equal({tuple(one.get("claimed_by", ())) for one in answers if one["hub_id"] == "valve"}, {(LIAR,)})
    other = sessions("gateway", "valve", 3, CONNWATCH_DEVICE_ID="valve")[1]
    words = {f"remote-{LIAR}": claim, "remote-gateway": other}
    answers, _, _ = explained(stage, "contested", [], words, without=["valve"])
    equal({(one["why_not"], *sorted(one["claimed_by"])) for one in answers if one["hub_id"] == "valve"},
          {("ambiguous", "gateway", LIAR)})
    directory = stage.directory / "contested"
    text = stage.run("explain", f"--hub={directory / 'log'}", "-D", directory)
    equal("several devices have this name: gateway and liar say that they are it" in text, True)
    words = {"remote-127.0.0.1": claim, "remote-gateway": other}
    answers, _, _ = explained(stage, "shared-claim", [], words, without=["valve"])
    equal({tuple(one["claimed_by"]) for one in answers if one["hub_id"] == "valve" and "cause" in one},
          {("gateway",)})
    equal({one["pair_is_sure"] for one in answers if one["hub_id"] == "valve"}, {True})
    answers, _, _ = explained(stage, "pinned", [], {f"remote-{LIAR}": claim}, "--device=valve=valve",
                              without=["valve"])
    equal({one["why_not"] for one in answers if one["hub_id"] == "valve"}, {"no-device"})


@case
def liar_has_a_name_like_a_line_of_the_log(stage):
    """What a client calls itself is its own name, however much of a line it has in it."""
    lines = []
    for number, name in enumerate([
            "pump closed its connection.", "pump (p2, c1, k60).", "x Client pump", "x: Client pump disconnected.",
            " as pump (p2, c1, k60)"]):
        time = DAY + number * HOUR
        lines += [(time, mosquitto(time, name, connect=True)),
                  (time + MINUTE, mosquitto(time + MINUTE, name, words="closed its connection"))]
    answers, others, _ = explained(stage, "names-like-lines", lines, {})
    equal(answers, truth(stage))
    equal({one["why_not"] for one in others}, {"no-device"})
    equal(len(others), 5)


@case
def liar_has_a_name_like_a_line_of_emqx(stage):
    log = stage.directory / "emqx-names.log"
    log.write_text("".join(
        f"2026-10-01T00:00:0{number}.5+00:00 [info] msg: terminate, mfa: a/1, clientid: {name}, "
        f"peername: 192.0.2.1:5, reason: {{shutdown,tcp_closed}}\n" for number, name in enumerate([
            "pump", "pump, peername: 192.0.2.2:5", "pump, reason: {shutdown,kicked}", "pump, x"])))
    answers, _ = objects(stage.run("explain", f"--hub={log}", "-o", "json", f"--file={honest(stage)[1]['pump']}"))
    equal(sorted((one["hub_id"], one["code"]) for one in answers),
          [("pump", "tcp_closed"), ("pump, peername: 192.0.2.2:5", "tcp_closed"),
           ("pump, reason: {shutdown,kicked}", "tcp_closed"), ("pump, x", "tcp_closed")])

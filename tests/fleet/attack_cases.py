# SPDX-License-Identifier: LGPL-2.1-or-later
"""One device of a fleet lies: it has a certificate of ours, and writes into its journal what it likes.

The honest devices have an outage in common. What the liar writes must change what is said of the
liar alone.
"""

import functools
import random

from case import case, equal

START = 1790812800 * 10**6  # 2026-10-01 00:00:00 UTC
SECOND = 10**6
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
DEVICES = 30
OUTAGE = DAY + 7 * HOUR
PEERS = ["192.0.2.10", "192.0.2.11"]
LIAR = "liar"
LEAST_SHARE = 50_000  # millionths: one of 31 devices, of which not all time is known

ENDS = {"peer-close": "peer-fin", "peer-reset": "peer-reset", "agent-crash": "local-fin",
        "agent-abort": "local-reset", "path-silent": "retransmit-timeout"}


def name_of(number):
    return f"device-{number:02}"


def entry(device, time, kind, **fields):
    """A record as systemd-journal-upload(8) sends it; `device` is who it says that it is."""
    lines = {"__REALTIME_TIMESTAMP": START + time, "__MONOTONIC_TIMESTAMP": time + 30 * DAY,
             "_BOOT_ID": f"{hash_of(device):032x}", "_MACHINE_ID": f"{hash_of(device):032x}",
             "_HOSTNAME": device, "_UID": 0, "_SYSTEMD_UNIT": "connwatchd.service",
             "CONNWATCH_KIND": kind, "CONNWATCH_AGENT": "edge",
             "CONNWATCH_SOCKET_COOKIE": random.randrange(1 << 48), **fields}
    return "".join(f"{name}={value}\n" for name, value in lines.items()) + "\n"


def hash_of(device):
    return int.from_bytes(device.encode().ljust(16, b"."), "big") % (1 << 127) + 1


def ended(device, time, cause, age=HOUR, peer=PEERS[0], port=8883, **fields):
    return entry(device, time, "ended", CONNWATCH_CAUSE=cause, CONNWATCH_ENDED_BY=ENDS[cause],
                 CONNWATCH_CONFIDENCE="proved", CONNWATCH_AGE_USEC=age,
                 CONNWATCH_PEER_ADDRESS=peer, CONNWATCH_PEER_PORT=port, **fields)


def recovered(device, time, downtime, **fields):
    return entry(device, time, "recovered", CONNWATCH_DOWNTIME_USEC=downtime,
                 CONNWATCH_PEER_ADDRESS=PEERS[0], CONNWATCH_PEER_PORT=8883, **fields)


def honest(number):
    """Three days of a device with few ends of its own, and the outage."""
    device, site = name_of(number), {"SITE": ["berlin", "lima"][number % 2], "FIRMWARE": "1.1"}
    peer = PEERS[number // 2 % 2]
    times = [80 * MINUTE + number * 90 * MINUTE, 2 * DAY + number * 40 * MINUTE]
    if number % 10:
        times.append(OUTAGE + number * 100_000)
    export = entry(device, number * SECOND, "watching", **site)
    for time in sorted(times):
        export += ended(device, time, "peer-close", age=2 * HOUR + number * 7 * MINUTE, peer=peer,
                        **site)
        export += recovered(device, time + 20 * SECOND + number * 3 * SECOND,
                            20 * SECOND + number * 3 * SECOND, **site)
    return export


@functools.cache
def honest_journals(stage):
    random.seed(1)
    return [stage.write_journal(f"remote-{name_of(number)}", honest(number))
            for number in range(DEVICES)]


def report(stage, name, export):
    """What is said of the honest devices and of a liar that sends `export`."""
    directory = stage.directory / name
    directory.mkdir()
    for journal in honest_journals(stage):
        (directory / journal.name).symlink_to(journal)
    if export:
        stage.write_journal(f"{name}/remote-{LIAR}", export)
    return stage.json("-D", directory, "--by=SITE", "--by=FIRMWARE")


@functools.cache
def truth(stage):
    return report(stage, "honest", "")


def the_outage(said):
    [outage] = said["common_outages"]
    return outage


def availability(said):
    return said["availability"]["availability_ppm"]


def equal_outage(said, told):
    """The liar adds nothing but itself to the outage."""
    one, other = the_outage(said), the_outage(told)
    for name in ["from_usec", "where", "cause", "confidence", "extent"]:
        equal(one[name], other[name])
    for name in ["devices", "of_devices"]:
        equal(one[name] - other[name] in (0, 1), True)


def doubtful(said):
    return [one["device"] for one in said["doubtful_devices"]]


@case
def one_file_is_one_device(stage):
    said = truth(stage)
    equal(said["devices"], DEVICES)
    outage = the_outage(said)
    equal((outage["devices"], outage["of_devices"], outage["where"]), (27, 30, "*:8883"))
    equal((outage["cause"], outage["confidence"]), ("service-transient", "proved"))
    equal(said["records"]["late"], 0)
    equal([said["records"][name] for name in ["unproven", "over_quota"]], [0, 0])


@case
def liar_names_many_peers(stage):
    """1,024 peers filled the table, and the outage of all others vanished without a word."""
    export = "".join(ended(LIAR, i * SECOND // 2, "peer-close", port=8883,
                           peer=f"198.51.{i >> 8}.{i & 255}") for i in range(3000))
    said = report(stage, "peers", export)
    equal_outage(said, truth(stage))
    equal(said["records"]["over_quota"] > 2000, True)
    equal(doubtful(said), [LIAR])


@case
def liar_names_many_ports(stage):
    export = "".join(ended(LIAR, i * SECOND // 2, "peer-close", port=1 + i) for i in range(3000))
    said = report(stage, "ports", export)
    equal_outage(said, truth(stage))
    equal(doubtful(said), [LIAR])


@case
def liar_has_a_record_of_2024(stage):
    """Down since then, it was a third of the time of all devices together."""
    said = report(stage, "long-ago", ended(LIAR, -1000 * DAY, "agent-crash", __MONOTONIC_TIMESTAMP=DAY) +
                  ended(LIAR, DAY, "agent-crash"))
    equal(availability(truth(stage)) - availability(said) < LEAST_SHARE, True)
    equal(said["records"]["outlying"], 1)
    equal_outage(said, truth(stage))


@case
def liar_claims_a_long_outage(stage):
    said = report(stage, "downtime", recovered(LIAR, DAY, 1000 * DAY))
    equal(availability(truth(stage)) - availability(said) < LEAST_SHARE, True)


@case
def liar_has_many_agents(stage):
    """Each of them is down; together they are one device."""
    export = "".join(ended(LIAR, i * SECOND, "agent-crash", CONNWATCH_AGENT=f"agent-{i}")
                     for i in range(1000))
    said = report(stage, "agents", export)
    equal_outage(said, truth(stage))
    equal(availability(truth(stage)) - availability(said) < LEAST_SHARE, True)
    equal(said["agents"] <= DEVICES + 64, True)
    equal(doubtful(said), [LIAR])


@case
def liar_says_that_it_is_another(stage):
    """Its crashes are not those of the device whose name it writes."""
    export = "".join(ended(name_of(7), DAY + i * MINUTE, "agent-crash") for i in range(9))
    said = report(stage, "framed", export)
    equal([(one["device"], one["trouble"]) for one in said["troubles"]], [(LIAR, "crash-loop")])
    equal_outage(said, truth(stage))


@case
def liar_invents_devices(stage):
    """A hundred of them lose their connections at once: it is one device, and no outage."""
    export = "".join(ended(f"ghost-{i}", 2 * DAY + i * 20_000, "peer-close", age=i * 7 * MINUTE + 1,
                           SITE=f"site-{i % 2}") for i in range(100))
    said = report(stage, "ghosts", export)
    equal(said["devices"], DEVICES + 1)
    equal_outage(said, truth(stage))
    equal(doubtful(said), [LIAR])


@case
def liar_changes_its_peer_each_time(stage):
    """It counts once for a peer, and once in 5 minutes."""
    export = "".join(ended(LIAR, DAY + i * SECOND, "peer-close", port=[8883, 443][i % 2],
                           age=i * 7 * MINUTE + 1) for i in range(300))
    export += "".join(ended(LIAR, 2 * DAY + i * SECOND, "agent-crash", peer=f"198.51.100.{i % 7}")
                      for i in range(300))
    said = report(stage, "alternates", export)
    equal_outage(said, truth(stage))


@case
def liar_changes_its_version_each_time(stage):
    """It counts once for a version, which it cannot bring into discredit."""
    export = "".join(ended(LIAR, i * MINUTE, ["agent-abort", "agent-crash"][i % 2],
                           FIRMWARE=["1.2", "1.3"][i % 2]) for i in range(1000))
    said = report(stage, "versions", export)
    equal([one for one in said["relations"] if one["of_devices"] > 1], [])
    equal(said["relations"], [])
    equal_outage(said, truth(stage))


@case
def liar_is_loud_in_an_outage(stage):
    """Many ends of another kind, at one age, made it no outage of the service."""
    export = "".join(ended(LIAR, OUTAGE + SECOND + i * 10_000, "path-silent", age=65 * MINUTE)
                     for i in range(250))
    said = report(stage, "loud", export)
    equal_outage(said, truth(stage))


@case
def liar_is_a_herd(stage):
    export = "".join(recovered(LIAR, 2 * DAY + i * 1000, SECOND, CONNWATCH_AGENT=f"agent-{i % 60}")
                     for i in range(300))
    said = report(stage, "herd", export)
    equal([one["devices"] for one in said["herds"]], [one["devices"]
                                                     for one in truth(stage)["herds"]])


@case
def rotated_journals_are_their_device(stage):
    """And what came by the address that all share is known by its own word."""
    directory = stage.directory / "rotated"
    directory.mkdir()
    for name in ["remote-a@0001-1.journal", "remote-a@0001-2.journal", "remote-a", "remote-b",
                 "remote-127.0.0.1", "fleet"]:
        export = ended(name_of(1), len(name) * MINUTE, "peer-close")
        stage.write_journal(f"rotated/{name.removesuffix('.journal')}", export)
    said = stage.json("-D", directory)
    equal((said["devices"], said["records"]["read"], said["records"]["unproven"]), (3, 6, 2))


@case
def liar_in_a_journal_of_all(stage):
    """Where one journal has the records of all, the report says that it cannot know who wrote them."""
    export = "".join(map(honest, range(DEVICES)))
    said = stage.json(f"--file={stage.write_journal('all', export)}")
    equal(said["devices"], DEVICES)
    equal(said["records"]["unproven"], said["records"]["read"])

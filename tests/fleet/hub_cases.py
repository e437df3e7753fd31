# SPDX-License-Identifier: LGPL-2.1-or-later
"""`connwatch-fleet explain`: a hub's log and the devices' journals, of which it is known what belongs
together."""

import functools
import json
import random
import subprocess

from attack_cases import DAY, HOUR, MINUTE, SECOND, START, entry
from case import case, equal

DEVICES = 24
GHOST = "ghost"  # the hub knows it, and it has no journal
LOST = 0.02  # of the records
TWICE = 0.05
LEAST = 0.99

# cause: how it ended, what Azure writes, what mosquitto writes, how much later the hub sees it at most
ENDS = {
    "agent-crash": ("local-fin", "404104", "closed its connection", 0),
    "peer-reset": ("peer-reset", "500001", "disconnected due to out of memory", 0),
    "agent-stopped": ("local-fin", "", "disconnected", 0),
    "session-takeover": ("peer-fin", "400027", "already connected, closing old connection", 0),
    "path-silent": ("retransmit-timeout", "404104", "has exceeded timeout, disconnecting",
                    3 * MINUTE),
}


def name_of(number):
    return f"device-{number:02}"


def hub_id_of(number):
    """The hub has another name for some."""
    return f"sensor {number}" if number % 8 == 5 else name_of(number)


def iso(time):
    seconds = (START + time) // SECOND
    return subprocess.run(["date", "-u", "-d", f"@{seconds}", "+%Y-%m-%dT%H:%M:%SZ"],
                          capture_output=True, text=True, check=True).stdout.strip()


def azure(time, device, connect=False, code=""):
    event = {"time": iso(time), "operationName": "deviceConnect" if connect else "deviceDisconnect",
             "category": "Connections", "properties": json.dumps({"deviceId": device})}
    return json.dumps(event | ({"resultType": code, "level": "Error"} if code else {}))


def mosquitto(time, device, connect=False, words=""):
    said = (f"New client connected from 192.0.2.7:40112 as {device} (p2, c1, k60)." if connect
            else f"Client {device} {words}.")
    return f"{(START + time) // SECOND}: {said}"


class Planted:
    """Lines of the hubs, the devices' exports, and the truth: the record that a line is about."""

    def __init__(self):
        self.azure, self.mosquitto, self.exports, self.truth = [], [], {}, {}
        random.seed(18)
        for number in range(DEVICES):
            self.live(number)
        self.azure.append((HOUR, azure(HOUR, GHOST, code="404104")))
        for lines in (self.azure, self.mosquitto):
            lines.sort(key=lambda line: line[0])

    def line(self, number, time, connect=False, cause=None):
        _, code, words, _ = ENDS.get(cause, (None, "", "", 0))
        device = hub_id_of(number)
        if number % 2:
            self.azure.append((time, azure(time, device, connect, code)))
        else:
            self.mosquitto.append((time, mosquitto(time, device, connect, words)))

    def live(self, number):
        device, ahead = name_of(number), random.choice([0, 0, 0, 90 * SECOND, -7 * MINUTE])
        time, export = random.randrange(HOUR), []
        export.append(entry(device, max(0, time + ahead - SECOND), "watching"))
        while time < 2 * DAY:
            age = random.randrange(5 * MINUTE, 4 * HOUR)
            cause = random.choice(list(ENDS))
            how, _, _, late = ENDS[cause]
            end = time + age
            seen = end + random.randrange(MINUTE, late) if late else end
            self.line(number, time, connect=True)
            self.line(number, seen, cause=cause)
            export.append(entry(device, time + ahead, "recovered", CONNWATCH_DOWNTIME_USEC=SECOND))
            lost = random.random() < LOST
            if not lost:
                times = 1 + (random.random() < TWICE)
                export.extend(times * [entry(device, end + ahead, "ended", CONNWATCH_CAUSE=cause,
                                    CONNWATCH_ENDED_BY=how, CONNWATCH_CONFIDENCE="proved",
                                    CONNWATCH_AGE_USEC=age)])
            key = (hub_id_of(number), (START + seen) // SECOND)
            self.truth[key] = None if lost else (cause, START + end + ahead)
            time = seen + random.randrange(20 * SECOND, 10 * MINUTE)
        export.append(entry(device, time + ahead + HOUR, "watching"))
        self.exports[device] = "".join(export)


@functools.cache
def planted():
    return Planted()


@functools.cache
def stand(stage):
    """Writes logs and journals; returns the words that name them."""
    fleet = planted()
    (stage.directory / "hubs").mkdir()
    for device, export in fleet.exports.items():
        stage.write_journal(f"hubs/remote-{device}", export)
    azure_log, mosquitto_log = stage.directory / "azure.log", stage.directory / "mosquitto.log"
    azure_log.write_text("".join(f"{line}\n" for _, line in fleet.azure))
    mosquitto_log.write_text("".join(f"{line}\n" for _, line in fleet.mosquitto))
    return ["explain", f"--hub={azure_log}", f"--hub={mosquitto_log}", "-D",
            stage.directory / "hubs", *(f"--device={hub_id_of(number)}={name_of(number)}"
                                        for number in range(DEVICES) if number % 8 == 5)]


def objects(text):
    """The answers, and the summary."""
    *answers, last = map(json.loads, text.splitlines())
    return answers, last["summary"]


@case
def hub_lines_have_their_causes(stage):
    truth = planted().truth
    answers, summary = objects(stage.run(*stand(stage), "-o", "json"))
    right = wrong = sure_wrong = sure = 0
    for answer in answers:
        wanted = truth.get((answer["hub_id"], answer["time_usec"] // SECOND))
        if "cause" not in answer:
            continue
        found = (answer["cause"], answer["record_time_usec"])
        right += found == wanted
        wrong += found != wanted
        sure += answer["pair_is_sure"]
        sure_wrong += answer["pair_is_sure"] and found != wanted
    there = sum(one is not None for one in truth.values())
    print(f"    joined: precision {right / (right + wrong):.4f}, recall {right / there:.4f} "
          f"({right} right, {wrong} wrong of {there}; {sure} sure, {sure_wrong} of them wrong)")
    equal(sure_wrong, 0)
    equal(min(right / (right + wrong), right / there) >= LEAST, True)
    equal(summary["joined"], right + wrong)
    equal(summary["ends"], len(truth) + 1)
    equal(len(answers), summary["ends"])
    equal(sum(one["ends"] for one in summary["causes"]), summary["joined"])
    equal(sum(summary["why_not"].values()), summary["unexplained"])
    equal(summary["malformed"], 0)
    equal([one["why_not"] for one in answers if one["hub_id"] == GHOST], ["no-device"])


@case
def found_what_the_hub_saw(stage):
    """The large fleet: clocks that are off, records that are lost, late or come twice, reboots."""
    stage.make_fleet()
    truth = dict(line.split() for line in stage.causes.read_text().splitlines())
    answers, summary = objects(stage.run("explain", f"--hub={stage.hub_log}", "-D", stage.journal,
                                         "-o", "json"))
    joined = [(one, truth[str(one["line"])]) for one in answers if "cause" in one]
    right = sum(one["cause"] == wanted for one, wanted in joined)
    sure_wrong = sum(one["pair_is_sure"] and one["cause"] != wanted for one, wanted in joined)
    there = sum(wanted != "-" for wanted in truth.values())
    print(f"    joined: precision {right / len(joined):.4f}, recall {right / there:.4f} "
          f"({right} right of {there}; {summary['sure']} sure, {sure_wrong} of them wrong)")
    equal(sure_wrong, 0)
    equal(min(right / len(joined), right / there) >= LEAST, True)
    equal((summary["ends"], summary["malformed"]), (len(truth), 0))


@case
def hub_text_tells_what_json_tells(stage):
    text = stage.run(*stand(stage), "--utc")
    _, summary = objects(stage.run(*stand(stage), "-o", "json"))
    told = f"{summary['ends']} ends of connections, {summary['joined']} of them joined to a record"
    equal(told in text, True)
    equal(text.splitlines()[0].split(), ["TIME", "DEVICE", "THE", "HUB", "SAYS", "CAUSE", "SURE",
                                         "SIDE"])


@case
def hub_since_is_of_the_lines(stage):
    since = (START + DAY) // SECOND
    answers, summary = objects(stage.run(*stand(stage), "-o", "json", f"--since=@{since}"))
    equal(min(one["time_usec"] for one in answers) >= START + DAY, True)
    equal(summary["joined"] > 0.9 * summary["ends"], True)


@case
def hub_names_from_a_file(stage):
    names = stage.directory / "names"
    names.write_text("# the hub's, ours\n\n device-01   device-02 \nsensor device-03\n")
    words = [word for word in stand(stage) if not str(word).startswith("--device=")]
    answers, _ = objects(stage.run(*words, f"--devices={names}", "-o", "json"))
    equal({one["device"] for one in answers if one["hub_id"] == "device-01"}, {"device-02"})
    shared = [one for one in answers if one["device"] == "device-02" and "cause" in one]
    equal([one for one in shared if one["pair_is_sure"] or one["confidence"] != "suspected"], [])
    equal(len(shared) > 10, True)
    equal({one["why_not"] for one in answers if one["hub_id"].startswith("sensor ")}, {"no-device"})
    for wrong in ["device-01", "device-01 a b", "a b/", "a /b", "x" * 200 + " a", "a b\na c"]:
        names.write_text(f"{wrong}\n")
        stage.run(*words, f"--devices={names}", status=65, complaint=f"{names}:")


def in_one_journal(stage, name, export, lines, *words):
    log = stage.directory / f"{name}.log"
    log.write_bytes(lines if isinstance(lines, bytes) else lines.encode())
    return objects(stage.run("explain", f"--hub={log}", "-o", "json", *words,
                             f"--file={stage.write_journal(name, export)}"))


@case
def hub_name_of_two_machines(stage):
    """Nobody knows which of them a line is about."""
    export = "".join(entry("twin", HOUR + machine, "ended", _MACHINE_ID=f"{machine:032x}",
                           CONNWATCH_CAUSE="agent-crash", CONNWATCH_ENDED_BY="local-fin",
                           CONNWATCH_CONFIDENCE="proved", CONNWATCH_AGE_USEC=MINUTE)
                     for machine in (1, 2))
    answers, summary = in_one_journal(stage, "twins", export, azure(HOUR, "twin", code="404104"))
    equal([one["why_not"] for one in answers], ["ambiguous"])
    equal(summary["why_not"], {"ambiguous": 1})


@case
def hub_sees_attempts_that_have_no_record(stage):
    """Of an outage's attempts, the journal has a few: the others are counted in its last record."""
    outage = {"CONNWATCH_OUTAGE_ID": "7d2f4c00112233445566778899aabbcc"}
    export = "".join([
        entry("edge-1", HOUR, "ended", CONNWATCH_CAUSE="session-rejected",
              CONNWATCH_ENDED_BY="peer-fin", CONNWATCH_CONFIDENCE="proved",
              CONNWATCH_AGE_USEC=MINUTE, **outage),
        entry("edge-1", 3 * HOUR, "recovered", CONNWATCH_DOWNTIME_USEC=2 * HOUR,
              CONNWATCH_ATTEMPTS=41, CONNWATCH_OUTAGE_CAUSE="session-rejected", **outage)])
    lines = azure(2 * HOUR, "edge-1", code="401003")
    [answer], _ = in_one_journal(stage, "attempts", export, lines)
    equal([answer[name] for name in ["why_not", "outage_id", "outage_cause", "attempts"]],
          ["in-outage", outage["CONNWATCH_OUTAGE_ID"], "session-rejected", 40])


@case
def hub_names_of_one_gateway(stage):
    """Two agents of one host end together: only the operator knows whose lines are whose."""
    export, lines = "", []
    for i in range(9):
        begin = (i * i + 2) * 13 * MINUTE
        for agent, cause, words in [("north", "agent-crash", "closed its connection"),
                                    ("south", "agent-stopped", "disconnected")]:
            lines += [(begin, mosquitto(begin, agent, connect=True)),
                      (begin + 10 * MINUTE, mosquitto(begin + 10 * MINUTE, agent, words=words))]
            export += entry("gateway", begin, "recovered", CONNWATCH_AGENT=agent,
                            CONNWATCH_DOWNTIME_USEC=MINUTE)
            export += entry("gateway", begin + 10 * MINUTE, "ended", CONNWATCH_AGENT=agent,
                            CONNWATCH_CAUSE=cause, CONNWATCH_ENDED_BY="local-fin",
                            CONNWATCH_CONFIDENCE="proved", CONNWATCH_AGE_USEC=10 * MINUTE)
    log = "\n".join(line for _, line in sorted(lines))
    for agents, sure in [(True, True), (False, False)]:
        names = [f"--device={name}=gateway{'/' + name if agents else ''}"
                 for name in ("north", "south")]
        answers, _ = in_one_journal(stage, f"gateway{agents}", export, log, *names)
        equal({one["pair_is_sure"] for one in answers}, {sure})
        if agents:
            equal({(one["hub_id"], one["agent"], one["cause"]) for one in answers},
                  {("north", "north", "agent-crash"), ("south", "south", "agent-stopped")})


@case
def hub_names_of_the_agents(stage):
    """DeviceId= says what the hub calls an agent; nobody can take the lines of another with it."""
    def life(device, host, begin, cause, **fields):
        return entry(host, begin, "recovered", CONNWATCH_DOWNTIME_USEC=MINUTE, **fields) + entry(
            host, begin + 10 * MINUTE, "ended", CONNWATCH_CAUSE=cause, CONNWATCH_AGE_USEC=10 * MINUTE,
            CONNWATCH_ENDED_BY="local-fin", CONNWATCH_CONFIDENCE="proved", **fields)

    exports, lines = {"gateway": "", "plain": "", "liar": ""}, []
    for i in range(9):
        begin = (i * i + 2) * 13 * MINUTE
        for device, words in [("north", "closed its connection"), ("south", "disconnected"),
                              ("plain", "closed its connection"), ("twice", "disconnected")]:
            lines += [(begin, mosquitto(begin, device, connect=True)),
                      (begin + 10 * MINUTE, mosquitto(begin + 10 * MINUTE, device, words=words))]
        for agent, cause in [("north", "agent-crash"), ("south", "agent-stopped")]:
            exports["gateway"] += life(agent, "gateway", begin, cause, CONNWATCH_AGENT=agent,
                                       CONNWATCH_DEVICE_ID=agent)
        exports["plain"] += life("plain", "plain", begin, "agent-crash")
        exports["liar"] += life("plain", "liar", begin, "agent-oom", CONNWATCH_DEVICE_ID="plain")
        for host in ("plain", "liar"):
            exports[host] += life("twice", host, begin, "agent-stopped", CONNWATCH_AGENT="other",
                                  CONNWATCH_DEVICE_ID="twice")
    log = stage.directory / "agents.log"
    log.write_text("".join(f"{line}\n" for _, line in sorted(lines)))
    (stage.directory / "device-ids").mkdir()
    for host, export in exports.items():
        stage.write_journal(f"device-ids/remote-{host}", export)
    answers, _ = objects(stage.run("explain", f"--hub={log}", "-o", "json", "-D",
                                   stage.directory / "device-ids"))
    told = {(one["hub_id"], one.get("cause", one.get("why_not")), one.get("pair_is_sure"))
            for one in answers}
    equal(told, {("north", "agent-crash", True), ("south", "agent-stopped", True),
                 ("plain", "agent-crash", True), ("twice", "ambiguous", None)})


@case
def hub_lines_that_are_not_well_formed(stage):
    """Each is counted, the first few are placed, and the lines after them are read."""
    good = [azure(HOUR, f"edge-{i}", code="404104").encode() for i in range(4)]
    lines = [b"x" * 200_000, good[0], b"\x00\xff\xfe", b"{\"time\": \"2026-", good[1],
             b"\xc3(" * 50_000, b"1790816400: Client \x1b[31mred closed its connection.",
             b"{" * 1000, good[2], b"{\"time\": {", good[3]]
    answers, summary = in_one_journal(stage, "odd", entry("edge-1", HOUR, "watching"),
                                      b"\n".join(lines))
    equal({one["hub_id"] for one in answers}, {f"edge-{i}" for i in range(4)} | {"?[31mred"})
    equal(summary["malformed"], 6)
    equal([one["line"] for one in summary["first_malformed"]], [1, 3, 4, 6, 8])
    equal(summary["lines"], len(lines))


@case
def hub_from_standard_input(stage):
    log = "".join(f"{line}\n" for _, line in planted().azure)
    words = [word for word in stand(stage) if not str(word).startswith("--hub=")]
    done = subprocess.run([stage.program, *words, "--hub=-", "-o", "json"], input=log, text=True,
                          capture_output=True, check=True)
    equal(objects(done.stdout)[1]["events"]["azure"], len(planted().azure))


@case
def hub_command_line(stage):
    empty = stage.directory / "empty.log"
    empty.write_text("")
    journal = stage.write_journal("one", entry("edge-1", HOUR, "watching"))
    for words, status, complaint in [
            ([], 64, "--hub is missing"), (["--hub=/nowhere"], 66, "No such file"),
            (["--hub=/"], 66, "Is a directory"), ([f"--hub={empty}"], 66, "no line of"),
            ([f"--hub={empty}", "--device=a"], 64, "'a': not a name"),
            ([f"--hub={empty}", "--device=a=b", "--device=a=c"], 64, "has another device"),
            ([f"--hub={empty}", "--devices=/nowhere"], 66, "No such file"),
            ([f"--hub={empty}", "word"], 64, "'word' is not expected")]:
        stage.run("explain", f"--file={journal}", *words, status=status, complaint=complaint)

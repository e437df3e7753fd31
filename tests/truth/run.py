#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plays random compositions whose truth is known, and prints how often what was said was right.

    run.py [--plays N] [--seed SEED] [--jobs N] [--confirm] [--again SPEC]... [--save DIR]

A play is PROGRAM:ENDING:MOMENT:HAPPENING+HAPPENING..., and stands in each line, so that --again
plays it once more. Exit status 1 if a `proved` verdict was wrong, if more than 1 % of `likely` ones
were, if anything was done to an agent that was well, if ENDED_BY was wrong, or if less than half of
the plays could be played. Needs root.

--confirm: what was wrong is played a second time, alone, and counts as that play went. A busy
machine may stretch a play until its truth is another one.
"""

import argparse
import contextlib
import json
import random
import sys
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "tests/live"))

import lab  # noqa: E402
from command_line import absolute, add_connwatchctl, begin  # noqa: E402
from endings import ENDINGS  # noqa: E402
from happenings import HAPPENINGS  # noqa: E402
from programs import PROGRAMS, prepare  # noqa: E402
from relay import Missing  # noqa: E402
from supervised import Surprise  # noqa: E402
from world import World  # noqa: E402

MOMENTS = {"long": 1.6, "short": 0.15, "after": 0.5, "during": 0.5}
HAPPENINGS_MOST = 3
SETTLE = 0.4  # seconds after the verdict, for what may be done about it
CONFIDENCES = ("proved", "likely", "suspected")
KNOWN_AS_UNKNOWN = ("unknown", "evidence-lost", None)


@dataclass(frozen=True)
class Play:
    program: str
    ending: str
    moment: str
    happenings: tuple
    found: bool = False
    ipv6: bool = False
    settings: tuple = ()

    def spec(self):
        parts = [self.program, self.ending, self.moment, "+".join(self.happenings),
                 *["found"] * self.found, *["ipv6"] * self.ipv6]
        return ":".join(parts) + "".join(f" {s}" for s in self.settings)

    @staticmethod
    def parse(spec):
        words, *settings = spec.split()
        program, ending, moment, happenings, *rest = words.split(":")
        return Play(program, ending, moment, tuple(filter(None, happenings.split("+"))),
                    "found" in rest, "ipv6" in rest, tuple(settings))


def compose(random_, programs):
    """A random play that makes sense."""
    program = PROGRAMS[random_.choice(programs)]
    ending = ENDINGS[random_.choice([name for name, ending in ENDINGS.items()
                                     if ending.fits(program)])]
    moment = random_.choice(["long", "long", "short", "after"])
    if moment == "after" and not ending.at_once:
        moment = "short"
    if ending.attempt:
        moment = "long"
    elif moment == "after" and random_.random() < 0.4:
        moment = "during"
    found = not (ending.group or ending.attempt or program.namespace) and random_.random() < 0.2
    ipv6 = bool(program.ipv6) and random_.random() < 0.3
    fitting = [name for name, happening in HAPPENINGS.items()
               if happening.fits(program) and not (happening.group and found)
               and (moment == "long" or not happening.long_before)
               and (moment not in ("after", "during") or happening.afterwards)
               and (moment != "during" or not happening.path or ending.deaf(program))
               and not ending.attempt]
    count = min(random_.choice([0, 1, 1, 2, 2, 3]), len(fitting))
    settings = list(ending.settings)
    if program.protocol == "mqtt" and random_.random() < 0.5:
        settings.append("MqttInspect=yes")
    if not ending.settings and program.protocol == "mqtt" and random_.random() < 0.4:
        settings.append("KeepAliveSec=30")
    return Play(program.name, ending.name, moment, tuple(random_.sample(fitting, count)), found, ipv6,
                tuple(settings))


class Result:
    def __init__(self, play):
        self.play = play
        self.skipped = None
        self.verdict = None
        self.actions = []
        self.stalls = []
        self.records = []
        self.seconds = 0.0
        self.complaints = []

    @property
    def ending(self):
        return ENDINGS[self.play.ending]

    @property
    def truth(self):
        return self.ending.truth(PROGRAMS[self.play.program])

    @property
    def cause(self):
        return self.verdict and self.verdict.get("CONNWATCH_CAUSE")

    @property
    def confidence(self):
        return self.verdict and self.verdict.get("CONNWATCH_CONFIDENCE")

    @property
    def unknown(self):
        return self.cause in KNOWN_AS_UNKNOWN

    @property
    def right(self):
        return self.cause in self.truth

    @property
    def wrong_end(self):
        by = self.verdict and self.verdict.get("CONNWATCH_ENDED_BY")
        ways = self.ending.ended_by(PROGRAMS[self.play.program])
        return bool(by and ways and by not in (*ways, "unknown"))

    @property
    def harmed(self):
        return bool(self.actions) and not self.ending.unwell

    def grave(self):
        """What must not happen."""
        return not self.skipped and (self.harmed or self.wrong_end or (
            not self.unknown and not self.right and self.confidence in ("proved", "likely")))

    def line(self):
        word = ("skip" if self.skipped else "HARM" if self.harmed else "END" if self.wrong_end
                else "?" if self.unknown else "ok" if self.right else "WRONG")
        said = self.skipped or f"{self.cause} {self.confidence or ''}"
        return f"{word:5} {self.play.spec():96} {said:32} {self.seconds:5.1f} s"


def begin_play(play, options, result):
    with World(play, options) as world:
        try:
            if not ENDINGS[play.ending].attempt:
                world.await_session()
                perform(play, world)
            result.verdict = world.verdict(ENDINGS[play.ending].patience)
            time.sleep(SETTLE)
            if options.save and world.trace.exists():
                result.trace = world.trace.read_text()
        finally:
            result.records = world.records("connected", "ended", "stalled", "recovered", "action",
                                           "evidence-lost")
            result.complaints = world.witness.complaints() if world.witness else []
            result.actions = [record for record in world.records("action")
                              if record.get("CONNWATCH_ACTION_RESULT") in ("starting", "done")]


def perform(play, world):
    """Happenings, a pause, the ending; or the ending with a happening beside it or right after it."""
    def happen():
        with contextlib.suppress(ProcessLookupError):  # a signal to an agent that is dead by then
            for name in play.happenings:
                HAPPENINGS[name].play(world)
    if play.moment in ("long", "short"):
        for name in play.happenings:
            HAPPENINGS[name].play(world)
    time.sleep(MOMENTS[play.moment])
    beside = threading.Thread(target=happen)
    if play.moment == "during":
        beside.start()
    ENDINGS[play.ending].play(world)
    if play.moment == "during":
        beside.join()
    if play.moment == "after":
        world.await_end()
        happen()


def perform_play(play, options):
    result = Result(play)
    result.skipped = PROGRAMS[play.program].missing(options.build)
    if result.skipped:
        return result
    start = time.monotonic()
    try:
        begin_play(play, options, result)
    except (Missing, Surprise, OSError, RuntimeError) as failure:
        result.skipped = f"not played: {type(failure).__name__}: {failure}"[:60]
    result.seconds = time.monotonic() - start
    return result


def confirm(results, options):
    """The results, with what was wrong played again, alone."""
    for number, result in enumerate(results):
        if result.grave():
            print("again, alone:", flush=True)
            results[number] = perform_play(result.play, options)
            show(results[number], options.verbose)
    return results


def shrink(result, options):
    """The fewest happenings with which it is still wrong; each is tried twice."""
    play = result.play
    for name in play.happenings:
        fewer = replace(play, happenings=tuple(n for n in play.happenings if n != name))
        for _ in range(2):
            again = perform_play(fewer, options)
            if again.grave():
                play, result = fewer, again
                break
    return result


def save(result, directory):
    directory.mkdir(parents=True, exist_ok=True)
    name = result.play.spec().replace(":", ".").replace(" ", ".").replace("=", "-")
    if getattr(result, "trace", None):
        (directory / f"{name}.trace").write_text(result.trace)
    (directory / f"{name}.json").write_text(
        "".join(json.dumps(record) + "\n" for record in result.records))


def show(result, verbose):
    print(result.line(), flush=True)
    if result.grave() or (verbose and not result.skipped):
        for record in result.records:
            print("      " + record.get("MESSAGE", ""))
            print("        " + " ".join(as_list(record.get("CONNWATCH_EVIDENCE"))))
            print("        not: " + " ".join(as_list(record.get("CONNWATCH_RULED_OUT"))))
    for line in result.complaints if result.skipped or verbose else ():
        print("      " + line)


def as_list(value):
    return value if isinstance(value, list) else [value] if value else []


def likely_allowed(said):
    """How many of `said` may be wrong: 1 %. In a short run a single one is more than that."""
    return max(1, said // 100)


def tell_calibration(results):
    """Prints the table; returns whether the promises were kept."""
    played = [result for result in results if not result.skipped]
    table = defaultdict(Counter)
    for result in played:
        word = "unknown" if result.unknown else "right" if result.right else "wrong"
        table["unknown" if result.unknown else result.confidence][word] += 1
    print(f"\n{'said':10} {'right':>6} {'wrong':>6}")
    for confidence in CONFIDENCES:
        row = table[confidence]
        share = 100 * row["right"] / max(1, row["right"] + row["wrong"])
        print(f"{confidence:10} {row['right']:6} {row['wrong']:6}  {share:5.1f} %")
    print(f"{'unknown':10} {table['unknown']['unknown']:6}")
    harmed = sum(result.harmed for result in played)
    ends = sum(result.wrong_end for result in played)
    print(f"actions on agents that were well: {harmed}; ENDED_BY wrong: {ends}")
    skipped = Counter(result.skipped for result in results if result.skipped)
    for reason, number in skipped.most_common():
        print(f"skipped {number}: {reason}")
    likely = table["likely"]
    kept = (table["proved"]["wrong"] == 0 and harmed == 0 and ends == 0 and
            likely["wrong"] <= likely_allowed(likely["right"] + likely["wrong"]) and
            2 * len(played) >= len(results))
    wrong = sum(result.grave() for result in played)
    print(f"{len(played) - wrong} passed, {wrong} failed, {len(results) - len(played)} skipped")
    return kept


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--plays", type=int, default=100, metavar="N")
    parser.add_argument("--seed", default=str(time.time_ns() % 1000000))
    parser.add_argument("--jobs", type=int, default=8, metavar="N")
    parser.add_argument("--again", action="append", default=[], metavar="SPEC")
    parser.add_argument("--program", action="append", help="only these programs")
    parser.add_argument("--save", type=absolute, metavar="DIR", help="keep what was wrong")
    parser.add_argument("--no-shrink", action="store_true")
    parser.add_argument("--confirm", action="store_true", help="play what was wrong once more")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--list", action="store_true", help="programs, happenings, endings")
    add_connwatchctl(parser)
    options = parser.parse_args()
    if options.list:
        print("\n".join([*PROGRAMS, "", *HAPPENINGS, "", *ENDINGS]))
        return 0
    options.build = Path(options.connwatchctl).parent
    begin("run.py", options.connwatchctl)
    lab.sweep()
    prepare(options.build)
    programs = [name for name in options.program or PROGRAMS
                if not PROGRAMS[name].missing(options.build)]
    for name in set(PROGRAMS) - set(programs) if not options.program else ():
        print(f"SKIPPED, all plays of {name}: {PROGRAMS[name].missing(options.build)}")
    random_ = random.Random(options.seed)
    plays = [Play.parse(spec) for spec in options.again] or [
        compose(random_, programs) for _ in range(options.plays)]
    print(f"seed {options.seed}, {len(plays)} plays of {len(programs)} programs, "
          f"{len(HAPPENINGS)} happenings, {len(ENDINGS)} endings")
    results = []
    with ThreadPoolExecutor(options.jobs) as pool:
        for future in as_completed([pool.submit(perform_play, play, options) for play in plays]):
            results.append(future.result())
            show(results[-1], options.verbose)
    if options.confirm:
        confirm(results, options)
    grave = [result for result in results if result.grave()]
    for result in grave if options.save else ():
        save(result if options.no_shrink else shrink(result, options), options.save)
    for result in results if options.save else ():
        if not (result.skipped or result.right or result.grave()):
            save(result, options.save)
    return 0 if tell_calibration(results) else 1


if __name__ == "__main__":
    sys.exit(main())

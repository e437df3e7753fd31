#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plays what happens to a Wi-Fi, between hostapd and wpa_supplicant over mac80211_hwsim, in an
emulated machine.

    radio.py [--build DIR] [--record DIR] [PATTERN]...

Prints each play with what was told; the exit status is 1 if one was wrong or the machine did not
come to its end. `--record` keeps the trace of each right play in DIR, with what was told.
"""

import argparse
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TREE = HERE.parent.parent

from machine import RADIO_MODULES, Machine  # noqa: E402
from run import missing  # noqa: E402

MACHINE = Machine("radio", "bookworm", player="radio.py", flavour="generic", tree="radio",
                  packages=("hostapd", "wpasupplicant", "iw", "iputils-ping"),
                  modules=(*RADIO_MODULES, "kernel/drivers/virtio"))


def keep(directory, play):
    name = play["case"]
    (directory / f"{name}.trace").write_text(play["trace"])
    (directory / f"{name}.expected").write_text("".join(f"{line}\n" for line in play["told"]))


def show(play):
    print(f"{'ok' if not play['wrong'] else 'WRONG':6} {play['case']}")
    for line in play["messages"] + play["wrong"]:
        print(f"       {line}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--build", type=Path, default=TREE / "build", metavar="DIR")
    parser.add_argument("--record", type=Path, metavar="DIR")
    parser.add_argument("patterns", nargs="*", metavar="PATTERN")
    options = parser.parse_args()
    if why := missing([MACHINE]):
        sys.exit(f"radio.py: {why}")
    cache, wrong, done = options.build.resolve() / "vm", 0, False
    for line in MACHINE.lines(cache, options.build.resolve(), options.patterns):
        if not line.startswith("##"):
            print(line, flush=True)
            continue
        facts = json.loads(line[2:])
        done |= facts.get("done", False)
        if "case" in facts:
            show(facts)
            wrong += bool(facts["wrong"])
            if options.record and not facts["wrong"]:
                keep(options.record, facts)
            elif facts["wrong"]:
                keep(cache / "results", facts)
    if not done:
        print("radio.py: the machine did not come to its end", file=sys.stderr)
    return 1 if wrong or not done else 0


if __name__ == "__main__":
    sys.exit(main())

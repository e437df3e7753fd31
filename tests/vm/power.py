#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plays how a device goes down, in an emulated machine with a disk and a real systemd: its power is
cut, its kernel panics, its watchdog resets it, it reboots, it is switched off;
and how its access point throws it out.

    power.py [--build DIR] [PATTERN]...

Each file in power/plays/ is one play: a bash script that runs in each boot of the machine, with the
functions of tests/system/inside/case.bash and power/words.bash. Prints each play with what it showed;
the exit status is 1 if one was wrong.
"""

import argparse
import concurrent.futures
import fnmatch
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TREE = HERE.parent.parent
PLAYS = HERE / "power/plays"

import debian  # noqa: E402
import disk  # noqa: E402

BOOTS_MAX = 6
ERST_SIZE = 0x10000

ENABLED = ["connwatchd.service", "play.service"]
DISABLED = ["wpa_supplicant.service"]


def missing():
    """Why it cannot run here, or None."""
    if os.geteuid() != 0:
        return "a root tree needs root"
    programs = ["mmdebstrap", "cpio", "depmod", "mke2fs", "qemu-system-x86_64"]
    gone = [program for program in programs if not shutil.which(program)]
    return f"no {', '.join(gone)} here (make vm-deps)" if gone else None


def add_watch(installed, tree):
    """connwatch as it was installed, an agent and a hub, and the plays."""
    subprocess.run(["cp", "--archive", f"{installed}/.", tree], check=True)
    shutil.copytree(TREE / "tests/system/inside", tree / "connwatch/inside")
    shutil.copytree(HERE / "power", tree / "connwatch/power")
    units = tree / "usr/local/lib/systemd/system"
    units.mkdir(parents=True)
    for source in TREE / "tests/system/inside/units", HERE / "power/units":
        for unit in source.glob("*.service"):
            shutil.copy(unit, units)
    settings = tree / "etc/connwatch/agent.agent"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text("[Match]\nUnit=agent.service\nPeer=*:1883\n[Connection]\nSettleSec=1\n")
    debian.run("systemctl", f"--root={tree}", "--quiet", "unmask", "systemd-logind.service")
    debian.run("systemctl", f"--root={tree}", "--quiet", "enable", *ENABLED)
    debian.run("systemctl", f"--root={tree}", "--quiet", "disable", *DISABLED)


def devices_of(play, directory):
    """What the play says that its machine has: a line "# The machine has erst." """
    said = re.search(r"^# The machine has (.*)\.$", play.read_text(), re.MULTILINE)
    words = re.findall(r"\w+", said[1]) if said else []
    if "erst" in words:
        (directory / "erst").write_bytes(bytes(ERST_SIZE))
        yield from ["-object", f"memory-backend-file,id=erst,size={ERST_SIZE},share=on,"
                    f"mem-path={directory / 'erst'}", "-device", "acpi-erst,memdev=erst"]
    if "watchdog" in words:
        yield from ["-device", "i6300esb", "-action", "watchdog=reset"]


class Outcome:
    """What the machine said of the play: the lines to show, and its exit status."""

    def __init__(self):
        self.shown, self.status = [], None

    def follow(self, host, play, log, clock):
        """From power on to power off. Returns what the clock is when the power comes again, or None."""
        lines = host.run(play.name, clock)
        for line in lines:
            print(line, file=log, flush=True)
            word, _, rest = line.partition(" ")
            if word == "##show":
                self.shown.append(rest)
            elif word == "##over":
                self.status = int(rest)
                lines.close()
                return None
            elif word == "##press":
                host.press_power_key()
            elif word == "##off":
                clock = int(rest)
            elif word == "##cut":
                lines.close()
                return int(rest)
        return clock


def perform(play, image, starter, pristine, results):
    """Returns whether all went as the play says."""
    results.mkdir(parents=True, exist_ok=True)
    own = results / "disk"
    subprocess.run(["cp", "--sparse=always", pristine, own], check=True)
    host = disk.Host(image, starter, own, list(devices_of(play, results)))
    outcome, clock = Outcome(), int(time.time())
    start = time.monotonic()
    with open(results / "console", "w") as log:
        for _ in range(BOOTS_MAX):
            try:
                clock = outcome.follow(host, play, log, clock)
            except disk.Silent as silent:
                outcome.shown.append(str(silent))
                break
            if clock is None:
                break
    right = outcome.status == 0
    print(f"{'ok' if right else 'WRONG':6} {play.name} ({time.monotonic() - start:.0f} s)")
    for line in outcome.shown:
        print(f"       {line}", flush=True)
    if right:
        own.unlink()
    else:
        print((results / "console").read_text()[-3000:], flush=True)
    return right


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--build", type=Path, default=TREE / "build", metavar="DIR")
    parser.add_argument("--installed", type=Path, metavar="DIR",
                        help="DESTDIR of `make install` (build/vm/installed)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N")
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", default=["*"])
    options = parser.parse_args()
    if why := missing():
        sys.exit(f"power.py: {why}")
    cache = options.build.resolve() / "vm"
    installed = options.installed or cache / "installed"
    image, modules = debian.kernel(cache, "bookworm", "amd64", "generic")
    starter = disk.make_starter(cache, modules)
    pristine = disk.make_disk(cache, modules, lambda tree: add_watch(installed, tree))
    plays = [play for play in sorted(PLAYS.iterdir())
             if any(fnmatch.fnmatch(play.name, pattern) for pattern in options.patterns)]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        right = list(pool.map(lambda play: perform(play, image, starter, pristine,
                                                   cache / "power" / play.name), plays))
    return 0 if all(right) else 1


if __name__ == "__main__":
    sys.exit(main())

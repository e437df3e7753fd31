#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests connwatch under a real systemd with a real journal, bus and broker, in containers.

    tests/system/run.py [--jobs N] [--times N] [--faults N] [--seconds N] [--build DIR] [PATTERN...]

Each file in cases/ is one case: a bash script that runs inside a container booted for it alone,
with the functions of inside/case.bash. What it printed, the journal and the console are kept
in build/system/CASE.NUMBER/. Ends with "N passed, N failed, N skipped".
"""

import argparse
import asyncio
import fnmatch
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import container
import root_tree

HERE = pathlib.Path(__file__).resolve().parent
TREE = HERE.parent.parent
BOOT_SECONDS = 30
MEMORY_LIMIT = 48 * 1024 * 1024
SKIPPED = 77
IMAGE_CASE = "package-image"


def missing():
    """Why this machine cannot run containers, or None."""
    if os.geteuid() != 0:
        return "not root"
    for program in ["mmdebstrap", "systemd-nspawn"]:
        if not shutil.which(program):
            return f"no {program} here (make deps)"
    if not all(root.is_dir() for root in container.hierarchies()):
        return "no cgroup v2 mounted at /sys/fs/cgroup or /sys/fs/cgroup/unified"
    return None


def lacking(tree, program):
    """The libraries of `program` that the tree has not: a sanitizer's."""
    output = subprocess.run(["ldd", program], stdout=subprocess.PIPE, text=True, check=True).stdout
    for path in re.findall(r"=> (/\S+)", output):
        if not (tree / path[1:]).exists():
            yield path, path, "-ro"


def installed(tree, programs):
    """connwatch as it is in the tree of the sources, where it would be after an installation."""
    for name in ["bin/connwatchd", "bin/connwatchctl", "bin/connwatch-fleet",
                 "lib/connwatch/connwatch-namespace", "lib/connwatch/connwatch-process"]:
        yield programs / pathlib.Path(name).name, f"/usr/{name}", "-ro"
    yield from lacking(tree, programs / "connwatchd")
    for unit in [*TREE.glob("units/*.service"), *TREE.glob("units/*.socket")]:
        yield unit, f"/usr/lib/systemd/system/{unit.name}", "-ro"
    for catalog in TREE.glob("units/*.catalog"):
        yield catalog, f"/usr/lib/systemd/catalog/{catalog.name}", "-ro"
    yield TREE / "units/connwatchd.conf", "/usr/lib/connwatch/connwatchd.conf", "-ro"
    policy = "org.connwatch1.conf"
    yield TREE / "units" / policy, f"/usr/share/dbus-1/system.d/{policy}", "-ro"


def binds(tree, programs, results, case):
    """Cases named package-* begin on a system without connwatch, and have packages to install. The
    image has connwatch in it. Cases named reboot* have one journal for all their boots."""
    if case.name == IMAGE_CASE:
        yield programs / "image/root.made-of", "/packages/image.made-of", "-ro"
    elif case.name.startswith("package-"):
        yield programs / "deb", "/packages/deb", "-ro"
        yield programs / "sysext", "/packages/sysext", "-ro"
    else:
        yield from installed(tree, programs)
    yield programs / "tests/system", "/programs", "-ro"
    if case.name.startswith("reboot"):
        journal = results / "journal.kept"
        journal.mkdir()
        yield journal, "/var/log/journal", ""
    yield TREE / "units/agents", "/profiles", "-ro"
    yield TREE / "units/examples", "/examples", "-ro"
    yield TREE / "packaging/monitoring", "/monitoring", "-ro"
    if shutil.which("promtool"):
        yield shutil.which("promtool"), "/usr/local/bin/promtool", "-ro"
    yield HERE, "/connwatch", "-ro"
    yield HERE / "inside/units", "/usr/local/lib/systemd/system", "-ro"
    yield results, "/results", ""


def boot_arguments(case):
    """For systemd: the case alone, or the image as it boots by itself with the case beside it."""
    if case.name == IMAGE_CASE:
        return ["systemd.wants=case.service"]
    return ["--unit=case.target"]


def seconds_of(case, options):
    """How long it may take: a case that waits for long says so in a line of its own."""
    said = re.search(r"^# It may take (\d+) s\.$", case.read_text(), re.MULTILINE)
    return max(options.seconds, int(said[1]) if said else 0) * options.patience


async def run_case(tree, number, case, options, results):
    """Returns "passed", "failed" or "skipped", and what to say about it."""
    seconds = seconds_of(case, options)
    results.mkdir(parents=True)
    with open(results / "console", "w") as console:
        in_time = await container.boot(
            tree, number, list(binds(tree, options.build.resolve(), results, case)),
            {"CASE": case.name, "CASE_SECONDS": seconds, "FAULTS": options.faults},
            [*boot_arguments(case), "--show-status=no"], console, seconds + BOOT_SECONDS,
            MEMORY_LIMIT)
    status = results / "status"
    output = results / "output"
    tail = output.read_text(errors="replace") if output.exists() else "the case never began\n"
    if not in_time or not status.exists():
        return "failed", tail + "time is up\n" + f"see {results}/\n"
    code = int(status.read_text())
    if code == SKIPPED:
        return "skipped", tail
    if code:
        return "failed", tail + f"see {results}/\n"
    return "passed", ""


def stop_on_signals(task):
    """The first signal cancels, which cleans up; what comes later must not cut that short."""
    loop = asyncio.get_running_loop()
    numbers = [signal.SIGINT, signal.SIGTERM]

    def stop():
        for number in numbers:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)
        task.cancel()

    for number in numbers:
        loop.add_signal_handler(number, stop)


def make_image(build):
    """Makes the image of `make image`: a minute, but no time if it is there."""
    [package] = (build / "deb").glob("connwatch_*.deb")
    image = build / "image/root"
    subprocess.run([TREE / "packaging/image.sh", package, image], check=True)
    return image


async def run_cases(cases, options):
    tree = root_tree.ensure(TREE / "build/system-root")
    image = None
    if any(case.name == IMAGE_CASE for case in cases):
        image = make_image(options.build)
    await container.sweep()
    results = options.build.resolve() / "system"
    shutil.rmtree(results, ignore_errors=True)
    count = {"passed": 0, "failed": 0, "skipped": 0}
    slots = asyncio.Semaphore(options.jobs)

    async def one(number, case):
        async with slots:
            start = time.monotonic()
            result, why = await run_case(image if case.name == IMAGE_CASE else tree, number, case,
                                         options, results / f"{case.name}.{number}")
        count[result] += 1
        if result == "failed" and options.again:
            failed.append((number, case))
        print(f"{result:8}{case.name} ({time.monotonic() - start:.1f} s)", flush=True)
        print("".join(f"        {line}\n" for line in why.splitlines()), end="", flush=True)

    failed = []
    options.patience = 1
    stop_on_signals(asyncio.current_task())
    await asyncio.gather(*(one(number, case) for number, case in enumerate(cases)))
    options.again = False
    options.patience = 2
    for number, case in list(failed):
        print(f"again {case.name}: alone; the failure above counts only if this one fails too")
        count["failed"] -= 1
        await one(number + len(cases), case)
    return count


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("patterns", metavar="PATTERN", nargs="*", default=["*"])
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--times", type=int, default=1, help="run every case so often")
    parser.add_argument("--again", action="store_true",
                        help="play what failed a second time, alone, with twice the time")
    parser.add_argument("--faults", type=int, default=10, help="how many soak-actions makes")
    parser.add_argument("--seconds", type=int, default=60, help="how long a case may take")
    parser.add_argument("--build", type=pathlib.Path, default=TREE / "build",
                        help="where the programs are, and the results go")
    return parser.parse_args()


def main():
    options = parse_arguments()
    cases = [case for case in sorted((HERE / "cases").iterdir())
             if any(fnmatch.fnmatch(case.name, f"*{pattern}*") for pattern in options.patterns)]
    cases *= options.times
    reason = missing()
    if reason:
        print(f"SKIPPED, all of tests/system: {reason}")
        print(f"0 passed, 0 failed, {len(cases)} skipped")
        return 0
    try:
        count = asyncio.run(run_cases(cases, options))
    except asyncio.CancelledError:
        print("interrupted")
        return 130
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**count))
    return 1 if count["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())

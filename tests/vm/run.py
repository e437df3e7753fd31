#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plays the cases of tests/live on other kernels and another architecture, in emulated machines.

    run.py [--build DIR] [--jobs N] [--play PATTERN]... [--rest] [--markdown FILE] [MACHINE]...

A MACHINE is one of those below (`--list`); all without one. What they need comes with apt once and
is kept below DIR/vm. Prints the outcome of each play, and at the end the matrix; the exit status is
1 if a verdict was wrong and yet `likely` or `proved`, or a machine did not come to its end. `--rest`
leaves out what a machine has played already, for one that was stopped.
`--markdown` plays nothing, but writes what the last play of each case gave on each machine between
the markers in FILE.
"""

import argparse
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
TREE = HERE.parent.parent
sys.path.append(str(TREE / "tests/live"))

import debian  # noqa: E402
import kernel_matrix  # noqa: E402
from machine import EMULATORS, WITHOUT_TYPES, Machine, stop_all  # noqa: E402

MACHINES = {machine.name: machine for machine in (
    Machine("5.10", "bullseye"),
    Machine("6.1", "bookworm"),
    Machine("6.12", "trixie"),
    Machine("newest", "sid"),
    Machine("arm64", "bookworm", architecture="arm64"),
    Machine("arm64-6.12", "trixie", architecture="arm64"),
    Machine("hybrid", "bookworm", cgroups="hybrid"),
    Machine("v1", "bookworm", cgroups="v1"),
    Machine("sock-diag", "bookworm", mode="sock-diag"),
    Machine("no-btf", "bookworm", btf="external"),
    Machine("armhf", "bookworm", architecture="armhf"),
    Machine("armhf-6.12", "trixie", architecture="armhf"),
)}


def programs_for(architecture, build):
    """Returns the folder of the programs. Those of another architecture are cross-built."""
    if architecture == debian.own_architecture():
        return build
    root = debian.build_tree(build / "vm", architecture)
    triplet = {"arm64": "aarch64-linux-gnu", "armhf": "arm-linux-gnueabihf"}[architecture]
    programs = build / architecture
    subprocess.run(
        ["make", "--no-print-directory", "-C", TREE, f"B={programs}",
         f"CC={triplet}-gcc --sysroot={shlex.quote(str(root))}", programs / "connwatchctl"],
        env={**os.environ, "PKG_CONFIG_SYSROOT_DIR": str(root),
             "PKG_CONFIG_LIBDIR": f"{root}/usr/lib/{triplet}/pkgconfig:{root}/usr/share/pkgconfig"},
        check=True)
    return programs


def show(name, facts):
    if "case" in facts:
        print(f"{name:10} {facts['outcome']:10} {facts['case']:44} {facts['said']}", flush=True)
        print("".join(f"           at first: {line}\n" for line in facts["first"])
              + "".join(f"           {line}\n" for line in facts["wrong"] + facts["details"]), end="")


def play(machine, options):
    """Runs one machine to its end; returns its column."""
    kept = options.results / f"{machine.name}.json"
    if options.rest and kept.exists():
        column = kernel_matrix.Column.kept(kept)
    else:
        column = kernel_matrix.Column(machine.name)
    try:
        play_into(column, kept, machine, options)
    except (OSError, ValueError, subprocess.CalledProcessError) as failure:
        print(f"{machine.name}: {failure}", file=sys.stderr)
    return column


def play_into(column, kept, machine, options):
    programs = programs_for(machine.architecture, options.build)
    patterns = options.play
    if options.rest:
        patterns = [name for name in case_names(patterns) if not column.has_played(name)]
    log = options.results / f"{machine.name}.log"
    with open(log, "a" if options.rest else "w") as console:
        for line in machine.lines(options.build / "vm", programs, patterns):
            print(line, file=console, flush=True)
            if line.startswith("##"):
                facts = json.loads(line[2:])
                column.take(facts)
                column.keep(kept)
                show(machine.name, facts)


def play_all(options):
    with ThreadPoolExecutor(options.jobs) as pool:
        try:
            return list(pool.map(lambda machine: play(machine, options), options.machines))
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            stop_all()
            raise


def interrupt(*_):
    raise KeyboardInterrupt


def missing(machines):
    """Why they cannot run here, or None."""
    if os.geteuid() != 0:
        return "a root tree needs root"
    programs = {"mmdebstrap", "cpio", "depmod"}
    programs |= {"pahole"} if any(machine.architecture in WITHOUT_TYPES for machine in machines) else set()
    programs |= {EMULATORS[machine.architecture][0] for machine in machines}
    gone = sorted(program for program in programs if not shutil.which(program))
    return f"no {', '.join(gone)} here (make vm-deps)" if gone else None


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--build", type=Path, default=TREE / "build", metavar="DIR")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N")
    parser.add_argument("--play", action="append", default=[], metavar="PATTERN")
    parser.add_argument("--rest", action="store_true", help="only what was not played yet")
    parser.add_argument("--markdown", type=Path, metavar="FILE")
    parser.add_argument("--list", action="store_true", help="name the machines")
    parser.add_argument("machines", nargs="*", metavar="MACHINE")
    options = parser.parse_args()
    if strange := set(options.machines) - set(MACHINES):
        parser.error(f"no machine {', '.join(sorted(strange))}: there are {', '.join(MACHINES)}")
    options.build = options.build.resolve()
    options.results = options.build / "vm/results"
    options.machines = [MACHINES[name] for name in options.machines or MACHINES]
    return options


def case_names(patterns=()):
    listed = debian.run(str(TREE / "tests/live/run.py"), "--list", *patterns)
    return [line.split()[0] for line in listed.splitlines()]


def write_kept(options):
    paths = [options.results / f"{machine.name}.json" for machine in options.machines]
    columns = [kernel_matrix.Column.kept(path) for path in paths if path.exists()]
    names = set(case_names())
    for column in columns:
        column.forget_others(names)
    kernel_matrix.write_markdown(options.markdown, columns)


def main():
    options = arguments()
    if options.list:
        print("\n".join(MACHINES))
        return 0
    if options.markdown:
        return write_kept(options)
    if reason := missing(options.machines):
        sys.exit(f"run.py: {reason}")
    signal.signal(signal.SIGTERM, interrupt)
    options.results.mkdir(parents=True, exist_ok=True)
    columns = play_all(options)
    print(f"\n{kernel_matrix.text(columns)}")
    return 0 if all(column.passes for column in columns) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)

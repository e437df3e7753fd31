#!/usr/bin/python3
"""Takes eBPF away from connwatchctl, and sees that it goes on, says so, or refuses.

    without_bpf.py [--connwatchctl PATH]
"""

import argparse
import json
import subprocess
import sys

from command_line import add_connwatchctl, begin

TAKEN = "-bpf,-perfmon,-sys_admin"


def run(connwatchctl, *options):
    """`connwatchctl run` of a command that does nothing, without what loads a probe."""
    return subprocess.run(["setpriv", f"--bounding-set={TAKEN}", f"--inh-caps={TAKEN}",
                           connwatchctl, "run", "-o", "json", *options, "--", "/bin/true"],
                          capture_output=True, text=True)


def complaints(connwatchctl):
    """What is wrong: a list of sentences."""
    wrong = []
    auto = run(connwatchctl)
    mode = [json.loads(line)["CONNWATCH_MODE"] for line in auto.stdout.splitlines()[:1]]
    if auto.returncode != 0 or mode != ["sock-diag"]:
        wrong.append(f"it does not go on without eBPF: {auto.returncode}, {mode}, {auto.stderr}")
    if "no eBPF" not in auto.stderr or "CAP_BPF" not in auto.stderr:
        wrong.append(f"it does not say that and why it goes on without eBPF: {auto.stderr}")
    forced = run(connwatchctl, "--mode=ebpf")
    if forced.returncode == 0 or "CAP_BPF" not in forced.stderr or forced.stdout:
        wrong.append(f"--mode=ebpf is not refused: {forced.returncode}, {forced.stderr}")
    chosen = run(connwatchctl, "--mode=sock-diag")
    if chosen.returncode != 0 or chosen.stderr:
        wrong.append(f"--mode=sock-diag needs more: {chosen.returncode}, {chosen.stderr}")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add_connwatchctl(parser)
    options = parser.parse_args()
    begin("without_bpf.py", options.connwatchctl)
    wrong = complaints(options.connwatchctl)
    print("\n".join(wrong) or "  without eBPF it goes on, says so, or refuses")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

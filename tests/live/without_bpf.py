#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Takes eBPF away from connwatchctl, and sees that it goes on, says so, or refuses.

    without_bpf.py [--connwatchctl PATH]
"""

import argparse
import json
import subprocess
import sys

from command_line import add_connwatchctl, begin

TAKEN = "-bpf,-perfmon,-sys_admin"
UNPRIVILEGED = ["setpriv", f"--bounding-set={TAKEN}", f"--inh-caps={TAKEN}"]
WITHOUT_BTF = ["unshare", "--mount", "sh", "-c",
               'mount -t tmpfs none /sys/kernel/btf && exec "$@"', "sh"]


def run(connwatchctl, *options, how=UNPRIVILEGED):
    """`connwatchctl run` of a command that does nothing, without what a probe needs."""
    return subprocess.run([*how, connwatchctl, "run", "-o", "json", *options, "--", "/bin/true"],
                          capture_output=True, text=True)


def complaints_about_going_on(auto, why):
    wrong = []
    mode = [json.loads(line)["CONNWATCH_MODE"] for line in auto.stdout.splitlines()[:1]]
    if auto.returncode != 0 or mode != ["sock-diag"]:
        wrong.append(f"it does not go on without {why}: {auto.returncode}, {mode}, {auto.stderr}")
    if "no eBPF" not in auto.stderr or why not in auto.stderr:
        wrong.append(f"it does not say that it goes on without {why}: {auto.stderr}")
    return wrong


def complaints_about_check(connwatchctl):
    done = subprocess.run([*WITHOUT_BTF, connwatchctl, "check"], capture_output=True, text=True)
    told = {words[1]: words[0] for words in map(str.split, done.stdout.splitlines())
            if len(words) > 1}
    wanted = {"kernel": "warning", "probe": "warning", "sock-diag": "ok"}
    wrong = [f"check says {told.get(step)} of {step}" for step, word in wanted.items()
             if told.get(step) != word]
    last = done.stdout.splitlines()[-1]
    if "level sock-diag" not in last or "CONFIG_DEBUG_INFO_BTF" not in last:
        wrong.append(f"check ends with: {last}")
    return wrong


def complaints_about_refusal(connwatchctl):
    """A file of BTF that is none."""
    refused = run(connwatchctl, f"--btf={__file__}", how=WITHOUT_BTF)
    return complaints_about_going_on(refused, f"{__file__} is not the BTF of this kernel")


def complaints_about_no_mode(connwatchctl):
    """Neither the probe nor the proc connector, which the kernel has for its first namespaces."""
    namespaces = ["unshare", "--user", "--map-root-user", "--pid", "--net", "--fork", "--mount-proc"]
    wrong = []
    started = run(connwatchctl, how=namespaces)
    if started.returncode == 0 or "level none" not in started.stderr:
        wrong.append(f"no mode works, and the start says: {started.returncode}, {started.stderr}")
    checked = subprocess.run([*namespaces, connwatchctl, "check", "-o", "json"],
                             capture_output=True, text=True)
    verdict = json.loads(checked.stdout.splitlines()[-1])
    if verdict.get("level") != "none" or "CAP_BPF" not in verdict.get("next_level_needs", ""):
        wrong.append(f"no mode works, and check ends with {verdict}")
    return wrong


def complaints(connwatchctl):
    """Returns the mistakes as a list of sentences."""
    wrong = complaints_about_going_on(run(connwatchctl), "CAP_BPF")
    wrong += complaints_about_going_on(run(connwatchctl, how=WITHOUT_BTF), "BTF")
    wrong += complaints_about_check(connwatchctl)
    wrong += complaints_about_refusal(connwatchctl)
    wrong += complaints_about_no_mode(connwatchctl)
    forced = run(connwatchctl, "--mode=ebpf")
    if forced.returncode == 0 or "CAP_BPF" not in forced.stderr or forced.stdout:
        wrong.append(f"--mode=ebpf is not refused: {forced.returncode}, {forced.stderr}")
    if "level none" not in forced.stderr:
        wrong.append(f"--mode=ebpf does not say what to change: {forced.stderr}")
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

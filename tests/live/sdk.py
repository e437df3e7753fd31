#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plays the cases with Azure's SDK for Node.js, which comes from npm.

    sdk.py --modules DIR --connwatchctl PROGRAM [PATTERN]...

Installs the SDK in DIR once. Without node or npm, or where the SDK cannot be had, nothing is played:
then the one line says so, and the exit status is 77.
"""

import os
import shutil
import subprocess
import sys

from command_line import absolute
from run import arguments, count, play_again, play_selected

PACKAGES = ("azure-iot-device@1", "azure-iot-device-mqtt@1")
SKIPPED = 77  # as automake counts


def why_not(directory):
    """Installs what is missing; returns why it cannot be had, or None."""
    if not shutil.which("node") or not shutil.which("npm"):
        return "there is no node or no npm"
    if (directory / "node_modules/azure-iot-device-mqtt").is_dir():
        return None
    directory.mkdir(parents=True, exist_ok=True)
    npm = subprocess.run(["npm", "install", "--no-audit", "--no-fund", *PACKAGES], cwd=directory,
                         capture_output=True, text=True)
    return npm.stderr.strip().splitlines()[-1] if npm.returncode else None


def main():
    parser = arguments(__doc__)
    parser.add_argument("--modules", type=absolute, required=True, metavar="DIR")
    options = parser.parse_args()
    reason = why_not(options.modules)
    if reason:
        print(f"SKIPPED, all cases with the SDK: {reason}")
        return SKIPPED
    os.environ["SDK_MODULES"] = str(options.modules / "node_modules")
    import sdk_cases  # noqa: F401  fills the table of cases
    options.patterns = options.patterns or ["sdk"]
    results = play_selected("sdk.py", options)
    play_again(results, options)
    return 1 if count(results) else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Begin and end of the live programs: their common options and their needs."""

import os
import signal
import sys
from pathlib import Path

import signals
from stage import sweep

CONNWATCHCTL = Path(__file__).parents[2] / "build" / "connwatchctl"


def absolute(path):
    return Path(path).resolve()


def add_connwatchctl(parser):
    parser.add_argument("--connwatchctl", type=absolute, default=CONNWATCHCTL, metavar="PATH")


def begin(name, connwatchctl):
    """Checks what the program needs, keeps ignored signals from its children, and has SIGTERM end
    it as tidily as SIGINT does. With no `connwatchctl`, none is needed."""
    if os.geteuid() != 0:
        sys.exit(f"{name}: network namespaces and BPF need root")
    if connwatchctl and not connwatchctl.exists():
        sys.exit(f"{name}: there is no {connwatchctl}: run `make` first")
    signals.keep_from_children()
    signal.signal(signal.SIGTERM, _interrupt)
    sweep()


def _interrupt(*_):
    raise KeyboardInterrupt

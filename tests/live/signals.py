# SPDX-License-Identifier: LGPL-2.1-or-later
"""The state of signals that a test inherits, and the state that it hands to programs under test.

A shell starts what is to run in its background with SIGINT and SIGQUIT ignored (POSIX.1-2017,
shell, 2.11), nohup(1) ignores SIGHUP, and a service manager may ignore or block others. All of that
survives execve(2): a program under test would never hear what a test sends it.
"""

import signal

# Python ignores them itself, and subprocess gives them back to each child.
PYTHONS_OWN = {signal.SIGPIPE, signal.SIGXFSZ}


def keep_from_children():
    """From now on each child starts with no signal ignored or blocked. We ourselves go on ignoring
    what was ignored, by handlers that do nothing: no handler survives execve(2). Call it in the
    main thread, before there is another one."""
    for number in signal.valid_signals() - PYTHONS_OWN:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, _pass_over)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _pass_over(*_):
    pass

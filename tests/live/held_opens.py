# SPDX-License-Identifier: LGPL-2.1-or-later
"""fanotify(7): nobody opens a file in a directory before we let it. So a core dump lasts as long as
a case wants."""

import ctypes
import os
import select

# linux/fanotify.h
FAN_CLOEXEC = 0x01
FAN_CLASS_CONTENT = 0x04
FAN_MARK_ADD = 0x01
FAN_OPEN_PERM = 0x00010000
FAN_EVENT_ON_CHILD = 0x08000000
AT_FDCWD = -100

_libc = ctypes.CDLL(None, use_errno=True)


class HeldOpens:
    """Raises OSError where the kernel has no such thing."""

    def __init__(self, directory):
        self._group = self._checked(
            _libc.fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, os.O_RDONLY))
        events = ctypes.c_uint64(FAN_OPEN_PERM | FAN_EVENT_ON_CHILD)
        self._checked(_libc.fanotify_mark(self._group, FAN_MARK_ADD, events, AT_FDCWD,
                                          os.fsencode(directory)))

    @staticmethod
    def _checked(result):
        if result < 0:
            raise OSError(ctypes.get_errno(), "fanotify")
        return result

    def wait(self, seconds):
        """Waits until somebody opens a file; false if nobody did."""
        poll = select.poll()
        poll.register(self._group, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def release(self):
        """Lets all go on: what waits for the answer of a group that is gone, may."""
        if self._group is not None:
            os.close(self._group)
        self._group = None

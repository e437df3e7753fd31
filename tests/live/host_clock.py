# SPDX-License-Identifier: LGPL-2.1-or-later
"""The state of the host's clock, as adjtimex(2) has it."""

import ctypes

TIME_ERROR = 5
TIMEX_SIZE = 256  # of struct timex, and more


def is_synchronised():
    return ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(TIMEX_SIZE)) != TIME_ERROR

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sizes of the kernel's and systemd's names, with their NUL. */
#pragma once

enum {
	COMM_SIZE = 16,       /* TASK_COMM_LEN */
	UNIT_NAME_SIZE = 256, /* UNIT_NAME_MAX */
	INVOCATION_ID_SIZE = 33,
	OUTAGE_ID_SIZE = 33,      /* 128 bits in hex, as those of sd-id128(3) */
	DEVICE_ID_SIZE = 129,     /* 128: the longest of Azure IoT Hub, and client ID of AWS */
	INTERFACE_NAME_SIZE = 16, /* IFNAMSIZ */
	UNIT_WORD_SIZE = 32,      /* SubState=, Result=, job type */
};

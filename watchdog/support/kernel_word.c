/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/kernel_word.h"

#include <string.h>
#include <sys/utsname.h>

unsigned kernel_word_of(const char *machine)
{
	return strstr(machine, "64") || strcmp(machine, "s390x") == 0 ? 8 : 4;
}

unsigned kernel_word(void)
{
	struct utsname name;

	uname(&name);
	return sizeof(long) == 8 ? 8 : kernel_word_of(name.machine);
}

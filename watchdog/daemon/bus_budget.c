/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/bus_budget.h"

#include <string.h>

#include "base/text.h"

#define PERIOD       (1 * USEC_PER_SEC)
#define SHARE_OF_ALL (PERIOD / 10)
#define SHARE_OF_ONE (SHARE_OF_ALL / 2)

static void begin_period(struct bus_budget *budget, usec_t now)
{
	if (now < budget->since + PERIOD)
		return;
	*budget = (struct bus_budget){ .since = now };
}

static unsigned find_sender(struct bus_budget *budget, const char *sender)
{
	unsigned i;

	for (i = 0; i < budget->senders; i++)
		if (strcmp(budget->sender[i].name, sender) == 0)
			return i;
	if (i == BUS_SENDERS)
		return BUS_SENDERS - 1;
	text_copy(budget->sender[i].name, sizeof(budget->sender[i].name), sender);
	budget->senders++;
	return i;
}

bool bus_budget_begin(struct bus_budget *budget, const char *sender, usec_t now, usec_t used)
{
	begin_period(budget, now);
	budget->began = used;
	budget->current = find_sender(budget, sender);
	return budget->sender[budget->current].spent < SHARE_OF_ONE;
}

usec_t bus_budget_end(struct bus_budget *budget, usec_t now, usec_t used)
{
	usec_t spent = used > budget->began ? used - budget->began : 0;

	budget->spent += spent;
	budget->sender[budget->current].spent += spent;
	budget->began = used;
	if (budget->spent < SHARE_OF_ALL || now >= budget->since + PERIOD)
		return 0;
	return budget->since + PERIOD - now;
}

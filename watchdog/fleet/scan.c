/* The test of common outages (fleet.h): first the rate at which connections end without a cause of
 * their own device's, then the windows in which more of them end together than that explains. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "chance.h"
#include "fleet_state.h"

static const usec_t widths[FLEET_WIDTHS] = { 10 * USEC_PER_SEC, USEC_PER_MINUTE, REFRACTORY };

/* ---- which ends count */

/* Counts a device once in REFRACTORY for each service. */
static bool counts(struct fleet *fleet, const struct fleet_event *event)
{
	struct agent *agent = fleet_entry(&fleet->agent_table, event->agent);
	struct device *device = agent->device;
	uint16_t service;

	if (!event->peer || !fleet_event_is_open(event) ||
	    fleet_clock_is_doubted(device, event->time))
		return false;
	service = fleet_place(fleet, event->peer)->service;
	if (device->counted && device->counted_service == service &&
	    event->time < device->counted + REFRACTORY)
		return false;
	device->counted = event->time;
	device->counted_service = service;
	return true;
}

static void forget_counted(struct fleet *fleet)
{
	for (uint32_t i = 1; i <= fleet->device_table.count; i++)
		((struct device *)fleet_entry(&fleet->device_table, i))->counted = 0;
}

/* A service with one peer is that peer. */
static bool is_tested(const struct place *place)
{
	return place->told.service || place->told.peers > 1;
}

/* ---- measure */

void fleet_measure_begin(struct fleet *fleet)
{
	usec_t length = fleet->found.records ? fleet->found.until - fleet->found.since : 0;

	fleet->block = length / BLOCKS + 1;
	if (fleet->block < REFRACTORY)
		fleet->block = REFRACTORY;
	forget_counted(fleet);
}

static unsigned block_of(const struct fleet *fleet, usec_t time)
{
	return time <= fleet->found.since ? 0
					  : (unsigned)((time - fleet->found.since) / fleet->block);
}

static uint32_t *blocks_of(const struct fleet *fleet, uint16_t place)
{
	return fleet->block_ends + (size_t)(place - 1) * BLOCKS;
}

static void measure(struct fleet *fleet, uint16_t number, usec_t time)
{
	blocks_of(fleet, number)[block_of(fleet, time)]++;
}

void fleet_measure_add(struct fleet *fleet, const struct fleet_event *event)
{
	if (!counts(fleet, event))
		return;
	measure(fleet, event->peer, event->time);
	measure(fleet, fleet_place(fleet, event->peer)->service, event->time);
}

static int compare_counts(const void *a, const void *b)
{
	const uint32_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

/* Copies the counts into fleet->sorted, the least first. */
static const uint32_t *sort_counts(struct fleet *fleet, const uint32_t *counts, unsigned number)
{
	memcpy(fleet->sorted, counts, number * sizeof(counts[0]));
	qsort(fleet->sorted, number, sizeof(counts[0]), compare_counts);
	return fleet->sorted;
}

/* The mean without the highest fifth, which outages may have made, and what that takes from the
 * mean of a Poisson distribution added: the lower 80 % of a normal one lie 0.35 deviations lower.
 */
static double mean_of_usual(const uint32_t *sorted, unsigned number)
{
	unsigned kept = number - number / 5;
	double mean = 0;

	for (unsigned i = 0; i < kept; i++)
		mean += (double)sorted[i] / kept;
	return mean + 0.35 * sqrt(mean) + 0.1;
}

enum { BLOCKS_AN_HOUR = 12, AROUND = 12 };

/* The ends of an hour without those of its three worst blocks. */
static uint32_t quiet_hour(struct fleet *fleet, const uint32_t *blocks)
{
	const uint32_t *sorted = sort_counts(fleet, blocks, BLOCKS_AN_HOUR);
	uint32_t ends = 0;

	for (unsigned i = 0; i < BLOCKS_AN_HOUR - 3; i++)
		ends += sorted[i];
	return ends;
}

/* The variance of the hours over their mean: 1 for independent ends. Both from the lower half,
 * where no outages are; its quartile is 0.6745 deviations from the median. */
static double spread_of(struct fleet *fleet, const uint32_t *blocks, unsigned number)
{
	enum { HOURS_MIN = 8 };
	uint32_t hours[BLOCKS / BLOCKS_AN_HOUR];
	unsigned count = number / BLOCKS_AN_HOUR;
	double deviation, median;

	if (count < HOURS_MIN)
		return 1;
	for (unsigned i = 0; i < count; i++)
		hours[i] = quiet_hour(fleet, blocks + (size_t)i * BLOCKS_AN_HOUR);
	sort_counts(fleet, hours, count);
	median = fleet->sorted[count / 2];
	deviation = (median - fleet->sorted[count / 4]) / 0.6745;
	return median > 0 && deviation * deviation > median ? deviation * deviation / median : 1;
}

void fleet_measure_end(struct fleet *fleet)
{
	double length = (double)(fleet->found.until - fleet->found.since) + 1;
	unsigned number = block_of(fleet, fleet->found.until) + 1;

	for (uint32_t i = 1; i <= fleet->place_table.count; i++) {
		struct place *place = fleet_entry(&fleet->place_table, i);
		const uint32_t *blocks = blocks_of(fleet, (uint16_t)i);

		fleet->found.places++;
		place->told.spread = spread_of(fleet, blocks, number);
		place->usual = mean_of_usual(sort_counts(fleet, blocks, number), number);
		if (!is_tested(place))
			continue;
		for (unsigned width = 0; width < FLEET_WIDTHS; width++)
			fleet->found.windows += 2 * ceil(length / (double)widths[width]);
	}
}

/* ---- scan */

void fleet_scan_begin(struct fleet *fleet)
{
	fleet->threshold = log10(FLEET_ERROR) - log10(fleet->found.windows + 1);
	forget_counted(fleet);
}

double fleet_expected_ends(struct fleet *fleet, uint16_t number, usec_t time, usec_t length)
{
	const struct place *place = fleet_entry(&fleet->place_table, number);
	unsigned count = block_of(fleet, fleet->found.until) + 1, block = block_of(fleet, time);
	unsigned first = block > AROUND ? block - AROUND : 0;
	unsigned last = block + AROUND < count ? block + AROUND : count - 1;
	double around = mean_of_usual(
		sort_counts(fleet, blocks_of(fleet, number) + first, last - first + 1),
		last - first + 1);

	return (double)length / (double)fleet->block * fmax(around, place->usual);
}

static void keep_burst(struct fleet *fleet, struct burst *burst)
{
	if (fleet->burst_count < BURSTS_MAX)
		fleet->bursts[fleet->burst_count++] = *burst;
	else
		fleet->found.more_outages++;
	burst->count = 0;
}

static void extend_burst(struct burst *burst, const struct window *window, double chance)
{
	const struct half *last = window->now.count ? &window->now : &window->before;

	if (burst->count == 0) {
		const struct half *first = window->before.count ? &window->before : &window->now;

		burst->from = first->first;
		burst->count = window->before.count;
		burst->chance = chance;
	}
	burst->count += window->now.count;
	burst->until = last->last;
	if (chance < burst->chance)
		burst->chance = chance;
}

/* Both halves are complete. */
static void test_window(struct fleet *fleet, uint16_t number, unsigned width)
{
	struct place *place = fleet_entry(&fleet->place_table, number);
	struct window *window = &place->windows[width];
	unsigned count = window->before.count + window->now.count;
	usec_t time = window->now.count ? window->now.last : window->before.last;
	double usual, chance = 0;

	if (count >= FLEET_DEVICES_MIN) {
		usual = fleet_expected_ends(fleet, number, time, widths[width]) /
			place->told.spread;
		chance = chance_of_count(count / place->told.spread, usual);
	}
	if (window->burst.count && (chance > fleet->threshold || !window->before.count))
		keep_burst(fleet, &window->burst);
	if (chance > fleet->threshold)
		return;
	window->burst.place = number;
	window->burst.width = (uint8_t)width;
	extend_burst(&window->burst, window, chance);
}

static void advance(struct fleet *fleet, uint16_t number, unsigned width, uint64_t slot)
{
	struct place *place = fleet_entry(&fleet->place_table, number);
	struct window *window = &place->windows[width];
	bool next = slot == window->slot + 1;

	if (slot == window->slot)
		return;
	test_window(fleet, number, width);
	window->before = next ? window->now : (struct half){ 0 };
	window->now = (struct half){ 0 };
	window->slot = slot;
}

static void scan(struct fleet *fleet, uint16_t number, usec_t time)
{
	struct place *place = fleet_entry(&fleet->place_table, number);

	for (unsigned width = 0; width < FLEET_WIDTHS && is_tested(place); width++) {
		struct half *now = &place->windows[width].now;

		advance(fleet, number, width, time / (widths[width] / 2));
		if (now->count++ == 0)
			now->first = time;
		now->last = time;
	}
}

void fleet_scan_add(struct fleet *fleet, const struct fleet_event *event)
{
	if (!counts(fleet, event))
		return;
	scan(fleet, event->peer, event->time);
	scan(fleet, fleet_place(fleet, event->peer)->service, event->time);
}

/* ---- from bursts to outages */

/* The narrowest first: they tell best when it was. */
static int compare_bursts(const void *a, const void *b)
{
	const struct burst *left = a, *right = b;

	if (left->width != right->width)
		return left->width < right->width ? -1 : 1;
	if (left->from != right->from)
		return left->from < right->from ? -1 : 1;
	return left->place < right->place ? -1 : left->place > right->place;
}

static bool is_near(const struct burst *a, const struct burst *b)
{
	return a->from <= b->until + REFRACTORY && b->from <= a->until + REFRACTORY;
}

static void join(struct burst *burst, const struct burst *other)
{
	if (other->from < burst->from)
		burst->from = other->from;
	if (other->until > burst->until)
		burst->until = other->until;
	if (other->chance < burst->chance)
		burst->chance = other->chance;
	burst->count += other->count;
}

/* What lies within REFRACTORY at one place is one outage. A wide window around a narrow one tells
 * nothing new, unless most of it lies outside: a slow outage with a peak. */
static void join_near(struct burst *near, const struct burst *burst)
{
	unsigned count = near->count;

	if (near->width != burst->width && burst->count <= 2 * count)
		return;
	join(near, burst);
	if (near->width != burst->width)
		near->count -= count; /* the wide one has these as well */
}

static void join_in_place(struct fleet *fleet)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < fleet->burst_count; i++) {
		struct burst *burst = &fleet->bursts[i], *near = NULL;

		for (unsigned k = 0; k < kept && !near; k++)
			if (fleet->bursts[k].place == burst->place &&
			    is_near(&fleet->bursts[k], burst))
				near = &fleet->bursts[k];
		if (near)
			join_near(near, burst);
		else
			fleet->bursts[kept++] = *burst;
	}
	fleet->burst_count = kept;
}

static uint16_t service_of(const struct fleet *fleet, const struct burst *burst)
{
	return fleet_place(fleet, burst->place)->service;
}

/* A service's burst is told if it is more than one of a single peer; then those of its peers are
 * part of it. */
static void settle_service(struct fleet *fleet, struct burst *service)
{
	unsigned peers = 0, in_peers = 0;

	for (unsigned i = 0; i < fleet->burst_count; i++) {
		const struct burst *peer = &fleet->bursts[i];

		if (!peer->count || service_of(fleet, peer) != service->place ||
		    !is_near(peer, service))
			continue;
		peers++;
		in_peers += peer->count;
	}
	if (peers == 1 && in_peers * 3 >= service->count * 2) {
		service->count = 0;
		return;
	}
	for (unsigned i = 0; i < fleet->burst_count; i++) {
		struct burst *peer = &fleet->bursts[i];

		if (peer->count && service_of(fleet, peer) == service->place &&
		    is_near(peer, service))
			peer->count = 0;
	}
}

static int compare_outages(const void *a, const void *b)
{
	const struct fleet_outage *left = a, *right = b;

	if (left->from != right->from)
		return left->from < right->from ? -1 : 1;
	return left->place < right->place ? -1 : left->place > right->place;
}

static void tell_outages(struct fleet *fleet)
{
	struct fleet_findings *found = &fleet->found;

	for (unsigned i = 0; i < fleet->burst_count; i++) {
		const struct burst *burst = &fleet->bursts[i];

		if (burst->count && found->outage_count == OUTAGES_MAX)
			found->more_outages++;
		else if (burst->count)
			fleet->outages[found->outage_count++] =
				(struct fleet_outage){ .from = burst->from,
						       .until = burst->until,
						       .place = burst->place,
						       .width = widths[burst->width],
						       .chance = burst->chance };
	}
	qsort(fleet->outages, found->outage_count, sizeof(fleet->outages[0]), compare_outages);
	found->outages = fleet->outages;
}

void fleet_scan_end(struct fleet *fleet)
{
	for (uint32_t i = 1; i <= fleet->place_table.count; i++)
		for (unsigned width = 0; width < FLEET_WIDTHS; width++) {
			struct place *place = fleet_entry(&fleet->place_table, i);

			test_window(fleet, (uint16_t)i, width);
			if (place->windows[width].burst.count)
				keep_burst(fleet, &place->windows[width].burst);
		}
	qsort(fleet->bursts, fleet->burst_count, sizeof(fleet->bursts[0]), compare_bursts);
	join_in_place(fleet);
	for (unsigned i = 0; i < fleet->burst_count; i++)
		if (fleet->bursts[i].count && service_of(fleet, &fleet->bursts[i]) == 0)
			settle_service(fleet, &fleet->bursts[i]);
	tell_outages(fleet);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fleet/scan.h"

#include <math.h>
#include <stdlib.h>

#include "base/chance.h"
#include "fleet/rates.h"
#include "fleet/state.h"

static const usec_t widths[FLEET_WIDTHS] = { 10 * USEC_PER_SEC, USEC_PER_MINUTE, REFRACTORY };

/* ---- windows to bursts */

/* A service with one peer is not tested: it is that peer. */
static bool is_tested(const struct place_entry *place)
{
	return place->report.service || place->report.peers > 1 || place->crowded;
}

/* How many windows will be tested, in steps of half of their width. */
static double count_windows(const struct fleet *fleet)
{
	double length = (double)(fleet->found.until - fleet->found.since) + 1, windows = 0;

	for (uint32_t i = 1; i <= fleet->place_table.count; i++) {
		if (!is_tested(fleet_entry(&fleet->place_table, i)))
			continue;
		for (unsigned width = 0; width < FLEET_WIDTHS; width++)
			windows += 2 * ceil(length / (double)widths[width]);
	}
	return windows;
}

void fleet_scan_begin(struct fleet *fleet)
{
	fleet->found.windows = count_windows(fleet);
	fleet->threshold = log10(FLEET_ERROR) - log10(fleet->found.windows + 1);
	fleet_forget_counted(fleet);
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
	const struct half_window *last = window->now.count ? &window->now : &window->before;

	if (burst->count == 0) {
		const struct half_window *first =
			window->before.count ? &window->before : &window->now;

		burst->from = first->first;
		burst->count = window->before.count;
		burst->chance = chance;
	}
	burst->count += window->now.count;
	burst->until = last->last;
	if (chance < burst->chance)
		burst->chance = chance;
}

/* Both halves of the window are complete: it begins a burst, goes on with one, or ends one. */
static void test_window(struct fleet *fleet, uint16_t number, unsigned width)
{
	struct place_entry *place = fleet_entry(&fleet->place_table, number);
	struct window *window = &place->windows[width];
	unsigned count = window->before.count + window->now.count;
	usec_t time = window->now.count ? window->now.last : window->before.last;
	double usual, chance = 0;

	if (count >= FLEET_DEVICES_MIN) {
		usual = fleet_expected_ends(fleet, number, time, widths[width]) /
			place->report.spread;
		chance = chance_of_count(count / place->report.spread, usual);
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
	struct place_entry *place = fleet_entry(&fleet->place_table, number);
	struct window *window = &place->windows[width];
	bool next = slot == window->slot + 1;

	if (slot == window->slot)
		return;
	test_window(fleet, number, width);
	window->before = next ? window->now : (struct half_window){ 0 };
	window->now = (struct half_window){ 0 };
	window->slot = slot;
}

static void scan(struct fleet *fleet, uint16_t number, usec_t time)
{
	struct place_entry *place = fleet_entry(&fleet->place_table, number);

	for (unsigned width = 0; width < FLEET_WIDTHS && is_tested(place); width++) {
		struct half_window *now = &place->windows[width].now;

		advance(fleet, number, width, time / (widths[width] / 2));
		if (now->count++ == 0)
			now->first = time;
		now->last = time;
	}
}

void fleet_scan_add(struct fleet *fleet, const struct fleet_event *event)
{
	if (!fleet_end_counts(fleet, event))
		return;
	scan(fleet, event->peer, event->time);
	if (fleet_service_of(fleet, event->peer) != event->peer)
		scan(fleet, fleet_service_of(fleet, event->peer), event->time);
}

/* ---- from bursts to outages */

/* The narrowest first: their time is the most exact. */
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

/* Bursts within REFRACTORY of each other at one place are one outage. A wide burst around a narrow
 * one adds nothing, unless most of its devices lie outside: a slow outage with a peak. */
static void join_near(struct burst *near, const struct burst *burst)
{
	unsigned count = near->count;

	if (near->width != burst->width && burst->count <= 2 * count)
		return;
	join(near, burst);
	if (near->width != burst->width)
		near->count -= count; /* the wide burst counts these as well */
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

/* Keeps either the burst of a service or those of its peers: the service's if more than one peer
 * had part in it. Drops a burst by setting its count to 0. */
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

static void add_outages(struct fleet *fleet)
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
			struct place_entry *place = fleet_entry(&fleet->place_table, i);

			test_window(fleet, (uint16_t)i, width);
			if (place->windows[width].burst.count)
				keep_burst(fleet, &place->windows[width].burst);
		}
	qsort(fleet->bursts, fleet->burst_count, sizeof(fleet->bursts[0]), compare_bursts);
	join_in_place(fleet);
	for (unsigned i = 0; i < fleet->burst_count; i++)
		if (fleet->bursts[i].count && service_of(fleet, &fleet->bursts[i]) == 0)
			settle_service(fleet, &fleet->bursts[i]);
	add_outages(fleet);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which open session the journal tells of: one record for one that lasts. */
#include "engine_bench.h"
#include "suite.h"
#include "verdict/verdict.h"

#define SETTLE (30 * USEC_PER_SEC) /* SettleSec= by default */

static void begin(struct bench *bench)
{
	bench_begin(bench);
	bench->settings.keepalive = bench->settings.reconnect_timeout = USEC_INFINITY;
}

static void end(struct bench *bench, uint64_t cookie)
{
	bench_step(bench, peer_fin(cookie, USEC_PER_MINUTE));
	bench_pass(bench, 2 * VERDICT_WAIT);
}

static void one_that_lasts_is_told_once(void)
{
	struct bench bench;

	begin(&bench);
	bench_open(&bench, 7);
	bench_pass(&bench, SETTLE - USEC_PER_SEC);
	CU_ASSERT_EQUAL(bench.connected, 0);
	bench_pass(&bench, USEC_PER_SEC);
	CU_ASSERT_EQUAL(bench.connected, 1);
	CU_ASSERT_EQUAL(bench.connected_record.cookie, 7);
	CU_ASSERT_EQUAL(bench.connected_record.time, bench.now - SETTLE);
	CU_ASSERT_TRUE(bench.connected_record.belated);
	CU_ASSERT_STRING_EQUAL(bench.connected_record.agent, "agent");
	bench_open(&bench, 8);
	bench_pass(&bench, USEC_PER_HOUR);
	CU_ASSERT_EQUAL(bench.connected, 1);
	bench_end(&bench);
}

static void one_that_does_not_last_is_not(void)
{
	struct bench bench;

	begin(&bench);
	bench_open(&bench, 7);
	bench_pass(&bench, USEC_PER_SEC);
	end(&bench, 7);
	bench_pass(&bench, USEC_PER_HOUR);
	CU_ASSERT_EQUAL(bench.connected, 0);
	bench_end(&bench);
}

static void the_end_of_an_outage_tells_it_already(void)
{
	struct bench bench;

	begin(&bench);
	bench_open(&bench, 7);
	bench_pass(&bench, USEC_PER_MINUTE);
	end(&bench, 7);
	bench_open(&bench, 8);
	bench_pass(&bench, USEC_PER_HOUR);
	CU_ASSERT_EQUAL(bench_count(&bench, RECORD_RECOVERED), 1);
	CU_ASSERT_EQUAL(bench.connected, 1);
	bench_end(&bench);
}

static void another_one_takes_its_place(void)
{
	struct bench bench;

	begin(&bench);
	bench_open(&bench, 7);
	bench_open(&bench, 8);
	bench_pass(&bench, SETTLE);
	CU_ASSERT_EQUAL(bench.connected_record.cookie, 7);
	end(&bench, 7);
	bench_pass(&bench, SETTLE);
	CU_ASSERT_EQUAL(bench.connected, 2);
	CU_ASSERT_EQUAL(bench.connected_record.cookie, 8);
	bench_end(&bench);
}

SUITE("engine, open session", { "one that lasts is told once", one_that_lasts_is_told_once },
      { "one that does not last is not", one_that_does_not_last_is_not },
      { "the end of an outage tells it already", the_end_of_an_outage_tells_it_already },
      { "another one takes its place", another_one_takes_its_place })

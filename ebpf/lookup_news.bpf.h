/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which name lookups of an agent are told. The probe, which sees them in packets, and what looks at
 * the agent's C library have the same rules. */
#pragma once

#define NSEC_PER_SEC 1000000000ULL

/* An agent that looks up names all the time has this many records a second, and those of answers
 * that found something after others did not. */
enum { LOOKUP_RECORDS_MAX = 16 };

/* The lookups of one agent that were reported already. */
struct lookup_reports {
	__u64 asked_nsec; /* when a question was last reported */
	__u64 second_nsec;
	__u32 records; /* since `second_nsec` */
	__u32 answer;  /* the last report: enum probe_lookup_answer */
};

/* A question is news a second after the last one that was reported; an answer if it is of another
 * kind than the last report. */
static __always_inline bool is_news(const struct lookup_reports *reports,
				    enum probe_lookup_answer answer, __u64 now)
{
	if (answer == PROBE_LOOKUP_ASKED)
		return now - reports->asked_nsec >= NSEC_PER_SEC;
	return answer != reports->answer;
}

static __always_inline bool has_records_left(struct lookup_reports *reports, __u64 now)
{
	if (now - reports->second_nsec >= NSEC_PER_SEC) {
		reports->second_nsec = now;
		reports->records = 0;
	}
	return reports->records++ < LOOKUP_RECORDS_MAX;
}

/* Returns true if the caller is to report `answer` now, and takes it as reported. */
static __always_inline bool is_to_be_told(struct lookup_reports *reports,
					  enum probe_lookup_answer answer)
{
	__u64 now = bpf_ktime_get_ns();

	if (!is_news(reports, answer, now) ||
	    (!has_records_left(reports, now) && answer != PROBE_LOOKUP_FOUND))
		return false;
	if (answer == PROBE_LOOKUP_ASKED)
		reports->asked_nsec = now;
	reports->answer = answer;
	return true;
}

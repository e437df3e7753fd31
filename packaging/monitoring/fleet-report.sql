-- SPDX-License-Identifier: LGPL-2.1-or-later
-- What `connwatch-fleet report` tells first, by SQL (fleet-schema.sql has the tables). Each query has a name.

-- name: totals
SELECT count(DISTINCT device) AS devices, count(DISTINCT device || char(31) || agent) AS agents, count(*) AS records
FROM record;

-- name: causes
-- The outages of agents, by what began them.
SELECT cause, count(*) AS outages, sum(attempts) AS attempts FROM agent_outage GROUP BY cause ORDER BY outages DESC;

-- name: down
-- The time without a connection, in seconds: a record of a return says how long it was, and the end before
-- it why.
WITH story AS (
	SELECT device, agent, kind, downtime, lag(cause) OVER life AS began_by, lag(kind) OVER life AS before
	FROM record WHERE kind IN ('ended', 'recovered')
	WINDOW life AS (PARTITION BY device, agent ORDER BY realtime, monotonic)
)
SELECT began_by AS cause, sum(downtime) / 1000000 AS seconds FROM story
WHERE kind = 'recovered' AND before = 'ended' GROUP BY began_by ORDER BY seconds DESC;

-- name: sites
-- Outages of a device and day, without those that are expected: the worst sites first.
SELECT site, count(DISTINCT device) AS devices,
	round(count(*) * 86400e6 / (SELECT max(realtime) - min(realtime) FROM record) / count(DISTINCT device), 2)
		AS outages_a_device_and_day
FROM agent_outage WHERE cause NOT IN ('agent-stopped', 'token-renewal')
GROUP BY site ORDER BY outages_a_device_and_day DESC;

-- name: herds
-- The seconds in which most devices came back.
SELECT realtime / 1000000 AS second, count(DISTINCT device) AS devices FROM record
WHERE kind = 'recovered' AND cause IS NULL GROUP BY second HAVING devices >= 3 ORDER BY devices DESC, second LIMIT 8;

-- name: common
-- Common outages at a port: more devices end together, without a cause of their own, than this port's rate
-- explains. Windows of 1 min and 5 min that overlap by half, 30 s and 150 s a half; a device counts once in a
-- window. The chance of `devices` or more where `usual` are usual is below exp(devices - usual -
-- devices * ln(devices / usual)) (Chernoff), which is compared with 0.01 by the number of windows.
WITH
open AS (
	SELECT device, port, realtime FROM ended
	WHERE cause IN ('peer-close', 'peer-reset', 'connect-refused', 'path-silent', 'middlebox-reset', 'unreachable',
		'unknown')
),
span AS (SELECT max(realtime) - min(realtime) + 1 AS length FROM record),
width(half) AS (VALUES (30000000), (150000000)),
slot AS (
	SELECT half, port, device, realtime, realtime / half AS first FROM open, width
	UNION ALL
	SELECT half, port, device, realtime, realtime / half - 1 FROM open, width
),
seen AS (
	SELECT half, port, first, count(DISTINCT device) AS devices, min(realtime) AS since, max(realtime) AS until
	FROM slot GROUP BY half, port, first
),
-- The rate: the fullest twentieth of all windows does not count, so that outages do not raise it. Of chance's
-- windows, those that are left have less: so it is taken half as high again.
placed AS (SELECT *, row_number() OVER (PARTITION BY half, port ORDER BY devices DESC) AS place FROM seen),
usual AS (
	SELECT half, port, 1.5 * sum(devices) * half / (2 * length) + 0.01 AS ends
	FROM placed, span WHERE place > 0.05 * 2 * length / half GROUP BY half, port
),
much AS (
	SELECT port, since, until, devices
	FROM seen JOIN usual USING (half, port), span
	WHERE devices >= 3 AND devices > ends
		AND devices - ends - devices * ln(devices / ends) < ln(0.01 / (2 * length / half))
),
-- what overlaps is one
begun AS (
	SELECT *, since > max(until) OVER (PARTITION BY port ORDER BY since, until
		ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) IS NOT 0 AS begins
	FROM much
),
numbered AS (SELECT *, sum(begins) OVER (PARTITION BY port ORDER BY since, until) AS number FROM begun)
SELECT port, min(since) AS since, max(until) AS until, max(devices) AS devices
FROM numbered GROUP BY port, number ORDER BY since;

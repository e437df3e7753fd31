-- SPDX-License-Identifier: LGPL-2.1-or-later
-- The records of many devices in SQLite (3.35 or later), for questions that connwatch-fleet(1) does not answer:
--
--     sqlite3 fleet.db <fleet-schema.sql
--     journalctl -D /var/log/journal/remote -o json CONNWATCH_KIND=ended + CONNWATCH_KIND=recovered \
--         + CONNWATCH_KIND=stalled + CONNWATCH_KIND=action + CONNWATCH_KIND=watching |
--         sqlite3 fleet.db -cmd '.mode ascii' -cmd '.separator "\037" "\n"' '.import /dev/stdin line'
--     sqlite3 fleet.db <fleet-load.sql
--     sqlite3 -header -column fleet.db <fleet-report.sql
--
-- `line` takes what journalctl prints; fleet-load.sql makes records of it and empties it, so that more can
-- follow. Other engines need the same columns. SITE is a field of your own (LogExtraFields=).
--
-- A device is the machine ID and the host name that its records give. Who can write records of another,
-- connwatch-fleet knows by the names of the journals; these queries do not.

CREATE TABLE IF NOT EXISTS line(json TEXT NOT NULL);

CREATE TABLE IF NOT EXISTS record(
	device TEXT NOT NULL,
	site TEXT,
	boot TEXT NOT NULL,
	realtime INTEGER NOT NULL,  -- microseconds since 1970, by the device's clock
	monotonic INTEGER NOT NULL, -- microseconds since its boot
	agent TEXT NOT NULL,
	kind TEXT NOT NULL,
	cause TEXT,
	ended_by TEXT,
	confidence TEXT,
	peer TEXT,
	port INTEGER,
	cookie INTEGER,
	downtime INTEGER,           -- microseconds
	outage TEXT,
	attempts INTEGER,           -- that failed
	outage_cause TEXT,          -- what began the outage, where this record knows better
	UNIQUE(device, boot, monotonic, kind, cookie) -- a record that came twice counts once
);

CREATE INDEX IF NOT EXISTS record_of_agent ON record(device, agent, realtime);

-- An end, with the outage of its agent that it belongs to. One that has the outage of the end before it is
-- an attempt of that outage; one without an outage counts as an outage of its own.
CREATE VIEW IF NOT EXISTS ended AS
SELECT *,
	outage IS NULL OR outage IS NOT lag(outage) OVER (PARTITION BY device, agent ORDER BY realtime, monotonic)
		AS begins
FROM record WHERE kind = 'ended';

-- An outage of an agent: what began it by the record that knew most, and how many attempts failed in it.
CREATE VIEW IF NOT EXISTS agent_outage AS
WITH known AS (
	SELECT device, agent, outage, max(attempts) AS attempts,
		-- SQLite: with one max() or min(), the other columns are of its row
		max(iif(outage_cause IS NULL, NULL, realtime)) AS at, outage_cause
	FROM record WHERE outage IS NOT NULL GROUP BY device, agent, outage
)
SELECT ended.device, ended.site, ended.agent, ended.realtime, ended.ended_by, ended.confidence, ended.port,
	ended.outage, coalesce(known.outage_cause, ended.cause) AS cause, coalesce(known.attempts, 0) AS attempts
FROM ended LEFT JOIN known USING (device, agent, outage)
WHERE ended.begins;

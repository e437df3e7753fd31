-- SPDX-License-Identifier: LGPL-2.1-or-later
-- The records of very many devices in ClickHouse: the tables of fleet-schema.sql, for fleets that one report of
-- connwatch-fleet(1) or SQLite is too small for.
--
--     clickhouse-client --multiquery <fleet-clickhouse-schema.sql
--     journalctl -D /var/log/journal/remote -o json CONNWATCH_KIND=ended + CONNWATCH_KIND=recovered \
--         + CONNWATCH_KIND=stalled + CONNWATCH_KIND=action + CONNWATCH_KIND=watching |
--         clickhouse-client --input_format_skip_unknown_fields=1 --query='INSERT INTO journal FORMAT JSONEachRow'
--     clickhouse-client --multiquery --format=PrettyCompact <fleet-clickhouse-report.sql
--
-- Or all the time, by Vector: a sink of type "clickhouse" with table = "journal" and skip_unknown_fields = true in
-- place of the last section of connwatch-vector.toml.
--
-- `journal` takes the fields as the journal has them and keeps nothing; its view makes records of them. Text that a
-- record does not have is '', a number 0. A record that came twice counts once: queries read `record FINAL`.
-- Tried with the version of Debian 12 (18.16).

CREATE TABLE IF NOT EXISTS journal(
	_MACHINE_ID String,
	_HOSTNAME String,
	_UID String,
	_BOOT_ID String,
	SITE String,
	__REALTIME_TIMESTAMP UInt64,
	__MONOTONIC_TIMESTAMP UInt64,
	CONNWATCH_AGENT String,
	CONNWATCH_KIND String,
	CONNWATCH_CAUSE String,
	CONNWATCH_ENDED_BY String,
	CONNWATCH_CONFIDENCE String,
	CONNWATCH_PEER_ADDRESS String,
	CONNWATCH_PEER_PORT UInt16,
	CONNWATCH_SOCKET_COOKIE UInt64,
	CONNWATCH_DOWNTIME_USEC UInt64,
	CONNWATCH_OUTAGE_ID String,
	CONNWATCH_ATTEMPTS UInt32,
	CONNWATCH_OUTAGE_CAUSE String,
	CONNWATCH_CORRECTS String
) ENGINE = Null;

CREATE TABLE IF NOT EXISTS record(
	device String,
	site String,
	boot String,
	realtime UInt64,  -- microseconds since 1970, by the device's clock
	monotonic UInt64, -- microseconds since its boot
	agent String,
	kind String,
	cause String,
	ended_by String,
	confidence String,
	peer String,
	port UInt16,
	cookie UInt64,
	downtime UInt64,  -- microseconds
	outage String,
	attempts UInt32,  -- that failed
	outage_cause String -- what began the outage, where this record knows better
) ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(toDateTime(intDiv(realtime, 1000000), 'UTC'))
ORDER BY (device, boot, monotonic, kind, cookie);

CREATE MATERIALIZED VIEW IF NOT EXISTS take_record TO record AS
SELECT
	concat(_MACHINE_ID, '/', _HOSTNAME) AS device,
	SITE AS site,
	_BOOT_ID AS boot,
	__REALTIME_TIMESTAMP AS realtime,
	__MONOTONIC_TIMESTAMP AS monotonic,
	CONNWATCH_AGENT AS agent,
	CONNWATCH_KIND AS kind,
	CONNWATCH_CAUSE AS cause,
	CONNWATCH_ENDED_BY AS ended_by,
	CONNWATCH_CONFIDENCE AS confidence,
	CONNWATCH_PEER_ADDRESS AS peer,
	CONNWATCH_PEER_PORT AS port,
	CONNWATCH_SOCKET_COOKIE AS cookie,
	CONNWATCH_DOWNTIME_USEC AS downtime,
	CONNWATCH_OUTAGE_ID AS outage,
	-- of a recovery, the last attempt did not fail
	toUInt32(CONNWATCH_ATTEMPTS - (CONNWATCH_KIND = 'recovered' AND CONNWATCH_ATTEMPTS > 0)) AS attempts,
	if(CONNWATCH_OUTAGE_CAUSE = '' AND CONNWATCH_CORRECTS != '', CONNWATCH_CAUSE, CONNWATCH_OUTAGE_CAUSE)
		AS outage_cause
FROM journal
WHERE CONNWATCH_AGENT != '' AND _UID = '0';

-- The ends that begin an outage of an agent: one that has the outage of the end before it is an attempt of that
-- outage; one without an outage counts as an outage of its own.
CREATE VIEW IF NOT EXISTS begun AS
SELECT device, agent, tupleElement(one, 1) AS realtime, tupleElement(one, 3) AS outage, tupleElement(one, 4) AS cause,
	tupleElement(one, 5) AS site
FROM (
	SELECT device, agent, arrayJoin(arrayFilter((x, before) -> tupleElement(x, 3) = '' OR tupleElement(x, 3) != before,
		ends, arrayPushFront(arrayPopBack(arrayMap(x -> tupleElement(x, 3), ends)), ''))) AS one
	FROM (
		SELECT device, agent, arraySort(groupArray((realtime, monotonic, outage, cause, site))) AS ends
		FROM (SELECT * FROM record FINAL) WHERE kind = 'ended' GROUP BY device, agent
	)
);

-- An outage of an agent: what began it by the record that knew most, and how many attempts failed in it.
CREATE VIEW IF NOT EXISTS agent_outage AS
SELECT device, agent, site, realtime, outage, if(known_cause = '', cause, known_cause) AS cause, attempts
FROM (
	SELECT device, agent, site, realtime, outage, cause, known_cause, attempts
	FROM begun ANY LEFT JOIN (
		SELECT device, agent, outage, max(attempts) AS attempts,
			argMaxIf(outage_cause, realtime, outage_cause != '') AS known_cause
		FROM (SELECT * FROM record FINAL) WHERE outage != '' GROUP BY device, agent, outage
	) USING (device, agent, outage)
);

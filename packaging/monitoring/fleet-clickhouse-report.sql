-- SPDX-License-Identifier: LGPL-2.1-or-later
-- The queries of fleet-report.sql in ClickHouse (fleet-clickhouse-schema.sql has the tables). Each query has a name.

-- name: totals
SELECT uniqExact(device) AS devices, uniqExact((device, agent)) AS agents, count() AS records
FROM (SELECT * FROM record FINAL);

-- name: causes
-- The outages of agents, by what began them.
SELECT cause, count() AS outages, sum(attempts) AS attempts FROM agent_outage GROUP BY cause ORDER BY outages DESC;

-- name: down
-- The time without a connection, in seconds: a record of a return says how long it was, and the end before
-- it why.
SELECT tupleElement(one, 1) AS cause, intDiv(sum(tupleElement(one, 2)), 1000000) AS seconds
FROM (
	SELECT arrayJoin(arrayMap((x, before) -> (tupleElement(before, 4), tupleElement(x, 5)),
		arrayFilter((x, before) -> tupleElement(x, 3) = 'recovered' AND tupleElement(before, 3) = 'ended', life, late),
		arrayFilter((before, x) -> tupleElement(x, 3) = 'recovered' AND tupleElement(before, 3) = 'ended', late, life)))
		AS one
	FROM (
		SELECT arrayPopFront(whole) AS life, arrayPopBack(whole) AS late
		FROM (
			SELECT arraySort(groupArray((realtime, monotonic, kind, cause, downtime))) AS whole
			FROM (SELECT * FROM record FINAL) WHERE kind IN ('ended', 'recovered') GROUP BY device, agent
		)
	)
)
GROUP BY cause ORDER BY seconds DESC;

-- name: sites
-- Outages of a device and day, without those that are expected: the worst sites first.
SELECT site, uniqExact(device) AS devices,
	round(count() * 86400e6 / (SELECT max(realtime) - min(realtime) FROM record) / uniqExact(device), 2)
		AS outages_a_device_and_day
FROM agent_outage WHERE cause NOT IN ('agent-stopped', 'token-renewal')
GROUP BY site ORDER BY outages_a_device_and_day DESC;

-- name: herds
-- The seconds in which most devices came back.
SELECT intDiv(realtime, 1000000) AS second, uniqExact(device) AS devices FROM (SELECT * FROM record FINAL)
WHERE kind = 'recovered' AND cause = '' GROUP BY second HAVING devices >= 3 ORDER BY devices DESC, second LIMIT 8;

-- name: common
-- Common outages at a port, as fleet-report.sql finds them: windows of 1 min and 5 min that overlap by half, the
-- rate without the fullest twentieth of all windows, Chernoff's bound, and what overlaps is one.
SELECT port, min(since) AS since, max(until) AS until, max(devices) AS devices
FROM (
	SELECT port, tupleElement(one, 1) AS since, tupleElement(one, 2) AS until, tupleElement(one, 3) AS devices, number
	FROM (
		SELECT port, windows,
			arrayCumSum(arrayMap(i -> i = 1 OR tupleElement(windows[i], 1) >
				arrayReduce('max', arrayMap(x -> tupleElement(x, 2), arraySlice(windows, 1, i - 1))),
				arrayEnumerate(windows))) AS numbers
		FROM (
			SELECT port, arraySort(groupArray((since, until, devices))) AS windows
			FROM (
				SELECT half, port, since, until, devices, ends
				FROM (
					SELECT half, port, intDiv(realtime, half) - shift AS first, uniqExact(device) AS devices,
						min(realtime) AS since, max(realtime) AS until
					FROM (SELECT * FROM record FINAL)
					ARRAY JOIN [30000000, 30000000, 150000000, 150000000] AS half, [0, 1, 0, 1] AS shift
					WHERE kind = 'ended' AND cause IN ('peer-close', 'peer-reset', 'connect-refused', 'path-silent',
						'middlebox-reset', 'unreachable', 'unknown')
					GROUP BY half, port, first
				)
				ANY LEFT JOIN (
					SELECT half, port, 1.5 * arraySum(arraySlice(counts, toUInt32(floor(0.05 * windows_in_all)) + 1))
						/ windows_in_all + 0.01 AS ends
					FROM (
						SELECT half, port, arrayReverseSort(groupArray(devices)) AS counts,
							2 * (SELECT max(realtime) - min(realtime) + 1 FROM record) / half AS windows_in_all
						FROM (
							SELECT half, port, intDiv(realtime, half) - shift AS first, uniqExact(device) AS devices
							FROM (SELECT * FROM record FINAL)
							ARRAY JOIN [30000000, 30000000, 150000000, 150000000] AS half, [0, 1, 0, 1] AS shift
							WHERE kind = 'ended' AND cause IN ('peer-close', 'peer-reset', 'connect-refused', 'path-silent',
								'middlebox-reset', 'unreachable', 'unknown')
							GROUP BY half, port, first
						)
						GROUP BY half, port
					)
				) USING (half, port)
				WHERE devices >= 3 AND devices > ends AND devices - ends - devices * log(devices / ends) <
					log(0.01 / (2 * (SELECT max(realtime) - min(realtime) + 1 FROM record) / half))
			)
			GROUP BY port
		)
	)
	ARRAY JOIN windows AS one, numbers AS number
)
GROUP BY port, number ORDER BY since;

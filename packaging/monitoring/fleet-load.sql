-- SPDX-License-Identifier: LGPL-2.1-or-later
-- Makes records of the lines that were imported (fleet-schema.sql), and forgets the lines.
BEGIN;
INSERT OR IGNORE INTO record
SELECT
	json ->> '_MACHINE_ID' || '/' || (json ->> '_HOSTNAME'),
	json ->> 'SITE',
	json ->> '_BOOT_ID',
	CAST(json ->> '__REALTIME_TIMESTAMP' AS INTEGER),
	CAST(json ->> '__MONOTONIC_TIMESTAMP' AS INTEGER),
	json ->> 'CONNWATCH_AGENT',
	json ->> 'CONNWATCH_KIND',
	json ->> 'CONNWATCH_CAUSE',
	json ->> 'CONNWATCH_ENDED_BY',
	json ->> 'CONNWATCH_CONFIDENCE',
	json ->> 'CONNWATCH_PEER_ADDRESS',
	CAST(json ->> 'CONNWATCH_PEER_PORT' AS INTEGER),
	coalesce(CAST(json ->> 'CONNWATCH_SOCKET_COOKIE' AS INTEGER), 0),
	CAST(json ->> 'CONNWATCH_DOWNTIME_USEC' AS INTEGER),
	json ->> 'CONNWATCH_OUTAGE_ID',
	-- of a recovery, the last attempt did not fail
	max(0, coalesce(CAST(json ->> 'CONNWATCH_ATTEMPTS' AS INTEGER), 0) -
		(json ->> 'CONNWATCH_KIND' = 'recovered')),
	coalesce(json ->> 'CONNWATCH_OUTAGE_CAUSE',
		iif(json ->> 'CONNWATCH_CORRECTS' IS NULL, NULL, json ->> 'CONNWATCH_CAUSE'))
FROM line WHERE json ->> 'CONNWATCH_AGENT' IS NOT NULL AND json ->> '_UID' = '0';
DELETE FROM line;
COMMIT;

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes one good record of each type into a directory: where fuzzing the decoder begins. Made at
 * build time, so that they follow the layout. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "ebpf/probe_record.h"
#include "events/event.h"

static int write_record(const char *directory, const void *record)
{
	const struct probe_header *header = record;
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/type-%u", directory, header->type);
	file = fopen(path, "we");
	if (!file)
		return -errno;
	if (fwrite(record, header->size, 1, file) != 1) {
		fclose(file);
		return -EIO;
	}
	return fclose(file) == 0 ? 0 : -errno;
}

static struct probe_header header(uint16_t size, uint8_t type)
{
	return (struct probe_header){ size, PROBE_RECORD_VERSION, type, 1, 5000000 };
}

static int write_any(const char *directory, uint8_t type)
{
	struct probe_connection connection = {
		.header = header(sizeof(connection), type),
		.cookie = 1,
		.family = AF_INET,
		.state_before = TCP_STATE_ESTABLISHED,
		.state = TCP_STATE_CLOSE,
		.owner = { .pid = 100, .flags = PROBE_TASK_IN_AGENT, .comm = "agent" },
	};
	struct probe_process process = {
		.header = header(sizeof(process), type),
		.task = { .pid = 100, .flags = PROBE_TASK_IN_AGENT, .comm = "agent" },
	};
	struct probe_begun begun = {
		.header = header(sizeof(begun), type),
		.cookie = 1,
		.family = AF_INET,
		.state = TCP_STATE_SYN_SENT,
		.owner = { .pid = 100, .flags = PROBE_TASK_IN_AGENT, .comm = "agent" },
	};
	struct probe_reset_sent reset = {
		.header = header(sizeof(reset), type),
		.cookie = 1,
		.reset_reason = PROBE_RESET_STATE,
	};
	struct probe_header bare = header(sizeof(bare), type);

	if (type == PROBE_OPENED || type == PROBE_ESTABLISHED)
		return write_record(directory, &begun);
	if (type == PROBE_RESET_SENT)
		return write_record(directory, &reset);
	if (type < PROBE_STARTED)
		return write_record(directory, &connection);
	if (type < PROBE_SAMPLE_DONE)
		return write_record(directory, &process);
	return write_record(directory, &bare);
}

int main(int argc, char **argv)
{
	static const uint8_t last[] = { PROBE_SAMPLED, PROBE_EXITED, PROBE_SAMPLE_DONE };
	static const uint8_t first[] = { PROBE_OPENED, PROBE_STARTED, PROBE_SAMPLE_DONE };

	if (argc != 2) {
		fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
		return 2;
	}
	for (unsigned range = 0; range < 3; range++)
		for (uint8_t type = first[range]; type <= last[range]; type++) {
			int r = write_any(argv[1], type);

			if (r < 0) {
				fprintf(stderr, "%s: %s: %s\n", argv[0], argv[1], strerror(-r));
				return 1;
			}
		}
	return 0;
}

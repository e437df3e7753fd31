/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counts how often a program was started in a row without getting ready, in a file. systemd
 * restarts a service at the same pace for ever; RestartSteps= is not in systemd before 254. */
#pragma once

/* Returns the count in the file `path`; 0 if there is no such file, or if it holds no number. */
unsigned failed_starts_read(const char *path);

/* Writes `failed` into the file `path`; 0 removes the file. Returns 0 or -errno of open(2),
 * write(2) or unlink(2). A file that is not there is as good as removed. */
int failed_starts_write(const char *path, unsigned failed);

/* Returns how long to wait before the next start, in seconds: 0 after up to 5 failed starts,
 * then 2, doubled each time up to 60. */
unsigned failed_starts_pause(unsigned failed);

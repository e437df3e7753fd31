/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/hub_certificates.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "support/cleanup.h"

static const char file_of_this_host[] = "/run/connwatch/certificates";

/* They become labels of metrics. */
static bool is_name(const char *hub)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.:-_[]";

	return *hub && strlen(hub) < HUB_NAME_SIZE && hub[strspn(hub, letters)] == '\0';
}

static bool read_line(const char *line, struct hub_certificate *certificate)
{
	return sscanf(line, "%95s %" SCNd64 " %" SCNd64, certificate->hub, &certificate->ends,
		      &certificate->checked) == 3 &&
	       is_name(certificate->hub);
}

unsigned hub_certificates_read(const char *path,
			       struct hub_certificate list[static HUB_CERTIFICATES_MAX])
{
	_cleanup_fclose_ FILE *file = fopen(path ?: file_of_this_host, "re");
	unsigned count = 0;
	char line[256];

	while (file && count < HUB_CERTIFICATES_MAX && fgets(line, sizeof(line), file))
		count += read_line(line, &list[count]);
	return count;
}

/* Returns where the hub stands, or is to stand. */
static unsigned place_of(const struct hub_certificate *list, unsigned count, const char *hub)
{
	unsigned oldest = 0;

	for (unsigned i = 0; i < count; i++) {
		if (strcmp(list[i].hub, hub) == 0)
			return i;
		if (list[i].checked < list[oldest].checked)
			oldest = i;
	}
	return count < HUB_CERTIFICATES_MAX ? count : oldest;
}

static int write_file(const char *path, const struct hub_certificate *list, unsigned count)
{
	_cleanup_free_ char *unfinished = NULL;
	_cleanup_fclose_ FILE *file = NULL;
	int fd;

	if (asprintf(&unfinished, "%s.XXXXXX", path) < 0) {
		unfinished = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(unfinished, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	file = fdopen(fd, "w");
	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < count; i++)
		fprintf(file, "%s %" PRId64 " %" PRId64 "\n", list[i].hub, list[i].ends,
			list[i].checked);
	if (fflush(file) == 0 && fchmod(fd, 0644) == 0 && rename(unfinished, path) == 0)
		return 0;
	fd = errno;
	unlink(unfinished);
	return -fd;
}

int hub_certificates_keep(const char *path, const struct hub_certificate *certificate)
{
	struct hub_certificate list[HUB_CERTIFICATES_MAX];
	unsigned count, place;

	if (!is_name(certificate->hub))
		return -EINVAL;
	path = path ?: file_of_this_host;
	count = hub_certificates_read(path, list);
	place = place_of(list, count, certificate->hub);
	list[place] = *certificate;
	return write_file(path, list, place == count ? count + 1 : count);
}

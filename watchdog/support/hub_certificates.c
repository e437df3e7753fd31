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
static bool is_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.:-_@[]";

	return *name && name[strspn(name, letters)] == '\0';
}

static bool are_names(const struct hub_certificate *certificate)
{
	return is_name(certificate->hub) && (!*certificate->agent || is_name(certificate->agent));
}

static bool read_line(const char *line, struct hub_certificate *certificate)
{
	*certificate->agent = '\0';
	return sscanf(line, "%95s %" SCNd64 " %" SCNd64 " %63s", certificate->hub,
		      &certificate->ends, &certificate->checked, certificate->agent) >= 3 &&
	       are_names(certificate);
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

static bool is_for_same(const struct hub_certificate *a, const struct hub_certificate *b)
{
	return strcmp(a->agent, b->agent) == 0 && (*a->agent || strcmp(a->hub, b->hub) == 0);
}

/* Returns where the hub stands, or is to stand. */
static unsigned place_of(const struct hub_certificate *list, unsigned count,
			 const struct hub_certificate *certificate)
{
	unsigned oldest = 0;

	for (unsigned i = 0; i < count; i++) {
		if (is_for_same(&list[i], certificate))
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
		fprintf(file, "%s %" PRId64 " %" PRId64 " %s\n", list[i].hub, list[i].ends,
			list[i].checked, list[i].agent);
	if (fflush(file) == 0 && fchmod(fd, 0644) == 0 && rename(unfinished, path) == 0)
		return 0;
	fd = errno;
	unlink(unfinished);
	return -fd;
}

/* Agents may connect again many times a second. */
static bool is_old_news(const struct hub_certificate *known,
			const struct hub_certificate *certificate)
{
	return *certificate->agent && known->ends == certificate->ends &&
	       certificate->checked >= known->checked &&
	       certificate->checked < known->checked + 3600;
}

int hub_certificates_keep(const char *path, const struct hub_certificate *certificate)
{
	struct hub_certificate list[HUB_CERTIFICATES_MAX];
	unsigned count, place;

	if (!are_names(certificate))
		return -EINVAL;
	path = path ?: file_of_this_host;
	count = hub_certificates_read(path, list);
	place = place_of(list, count, certificate);
	if (place < count && is_old_news(&list[place], certificate))
		return 0;
	list[place] = *certificate;
	return write_file(path, list, place == count ? count + 1 : count);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/hub_certificates.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "suite.h"

/* A file that is not there yet. */
struct place {
	char directory[32], path[64];
};

static struct place make_place(void)
{
	struct place place = { .directory = "/tmp/certificates-XXXXXX" };

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(place.directory));
	snprintf(place.path, sizeof(place.path), "%s/certificates", place.directory);
	return place;
}

static void remove_place(const struct place *place)
{
	unlink(place->path);
	CU_ASSERT_EQUAL(rmdir(place->directory), 0); /* nothing else was left */
}

static int keep(const struct place *place, const char *hub, int64_t ends, int64_t checked)
{
	struct hub_certificate certificate = { .ends = ends, .checked = checked };

	snprintf(certificate.hub, sizeof(certificate.hub), "%s", hub);
	return hub_certificates_keep(place->path, &certificate);
}

static void what_was_seen_last_counts(void)
{
	struct hub_certificate list[HUB_CERTIFICATES_MAX];
	struct place place = make_place();

	CU_ASSERT_EQUAL(hub_certificates_read(place.path, list), 0);
	CU_ASSERT_EQUAL(keep(&place, "hub.example.com:8883", 2000, 1000), 0);
	CU_ASSERT_EQUAL(keep(&place, "[2001:db8::1]:443", 3000, 1001), 0);
	CU_ASSERT_EQUAL(keep(&place, "hub.example.com:8883", 5000, 1002), 0);
	CU_ASSERT_EQUAL_FATAL(hub_certificates_read(place.path, list), 2);
	CU_ASSERT_STRING_EQUAL(list[0].hub, "hub.example.com:8883");
	CU_ASSERT(list[0].ends == 5000 && list[0].checked == 1002);
	CU_ASSERT(list[1].ends == 3000 && list[1].checked == 1001);
	remove_place(&place);
}

static int see(const struct place *place, const char *hub, const char *agent, int64_t ends,
	       int64_t seen)
{
	struct hub_certificate certificate = { .ends = ends, .checked = seen };

	snprintf(certificate.hub, sizeof(certificate.hub), "%s", hub);
	snprintf(certificate.agent, sizeof(certificate.agent), "%s", agent);
	return hub_certificates_keep(place->path, &certificate);
}

static void an_agent_has_one_hub(void)
{
	struct hub_certificate list[HUB_CERTIFICATES_MAX];
	struct place place = make_place();

	CU_ASSERT_EQUAL(see(&place, "192.0.2.1:8883", "edge", 2000, 1000), 0);
	CU_ASSERT_EQUAL(see(&place, "192.0.2.1:8883", "other", 2000, 1000), 0);
	CU_ASSERT_EQUAL(keep(&place, "192.0.2.1:8883", 2000, 1000), 0);
	CU_ASSERT_EQUAL(see(&place, "192.0.2.2:8883", "edge", 2000, 1001), 0); /* old news */
	CU_ASSERT_EQUAL(see(&place, "192.0.2.3:8883", "other", 3000, 1001), 0);
	CU_ASSERT_EQUAL(see(&place, "192.0.2.1:8883", "an agent", 2000, 1000), -EINVAL);
	CU_ASSERT_EQUAL_FATAL(hub_certificates_read(place.path, list), 3);
	CU_ASSERT(list[0].checked == 1000 && list[1].ends == 3000);
	CU_ASSERT_STRING_EQUAL(list[1].hub, "192.0.2.3:8883");
	CU_ASSERT_STRING_EQUAL(list[1].agent, "other");
	CU_ASSERT_STRING_EQUAL(list[2].agent, "");
	CU_ASSERT_EQUAL(see(&place, "192.0.2.2:8883", "edge", 2000, 1000 + 3600), 0);
	CU_ASSERT_EQUAL_FATAL(hub_certificates_read(place.path, list), 3);
	CU_ASSERT_STRING_EQUAL(list[0].hub, "192.0.2.2:8883");
	remove_place(&place);
}

static void the_oldest_makes_room(void)
{
	struct hub_certificate list[HUB_CERTIFICATES_MAX];
	struct place place = make_place();
	char hub[32];

	for (int i = 0; i <= HUB_CERTIFICATES_MAX; i++) {
		snprintf(hub, sizeof(hub), "hub%d:8883", i);
		CU_ASSERT_EQUAL(keep(&place, hub, 9000, 1000 + i), 0);
	}
	CU_ASSERT_EQUAL_FATAL(hub_certificates_read(place.path, list), HUB_CERTIFICATES_MAX);
	for (unsigned i = 0; i < HUB_CERTIFICATES_MAX; i++)
		CU_ASSERT(strcmp(list[i].hub, "hub0:8883") != 0);
	remove_place(&place);
}

static void other_names_and_lines_do_not_count(void)
{
	struct hub_certificate list[HUB_CERTIFICATES_MAX];
	struct place place = make_place();
	FILE *file = fopen(place.path, "we");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fputs("\nhub:1 x 1\nhub\"quoted:1 1 1\nhub:2 7 8\nhub:3 7\n", file);
	fclose(file);
	CU_ASSERT_EQUAL_FATAL(hub_certificates_read(place.path, list), 1);
	CU_ASSERT_STRING_EQUAL(list[0].hub, "hub:2");
	CU_ASSERT_EQUAL(keep(&place, "a b:1", 1, 1), -EINVAL);
	CU_ASSERT_EQUAL(keep(&place, "a\n:1", 1, 1), -EINVAL);
	CU_ASSERT_EQUAL(keep(&place, "", 1, 1), -EINVAL);
	remove_place(&place);
	CU_ASSERT_EQUAL(keep(&place, "hub:1", 1, 1), -ENOENT);
}

SUITE("hub certificates", { "what was seen last counts", what_was_seen_last_counts },
      { "an agent has one hub", an_agent_has_one_hub },
      { "the oldest makes room", the_oldest_makes_room },
      { "other names and lines do not count", other_names_and_lines_do_not_count })

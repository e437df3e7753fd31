/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The agent profiles that are installed. Runs in the root of the source tree. */
#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "settings/settings.h"
#include "suite.h"

static const char *file;

static void complain(void *userdata, const char *name, unsigned line, const char *text)
{
	(void)userdata, (void)name, (void)line;
	CHECK(false, file);
	CHECK(false, text);
}

static void read_profile(struct agent_settings *settings)
{
	char text[4096];
	FILE *stream = fopen(file, "re");
	size_t size;

	CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
	size = fread(text, 1, sizeof(text), stream);
	CHECK(feof(stream), file);
	fclose(stream);
	agent_settings_defaults(settings, "test");
	agent_settings_parse(settings, file, text, size, complain, NULL);
}

static void every_profile_is_sound_and_acts_on_nothing(void)
{
	struct agent_settings settings;
	glob_t profiles;

	CU_ASSERT_EQUAL_FATAL(glob("units/agents/*.agent", 0, NULL, &profiles), 0);
	for (size_t i = 0; i < profiles.gl_pathc; i++) {
		file = profiles.gl_pathv[i];
		read_profile(&settings);
		CHECK(agent_settings_check(&settings) == NULL, file);
		CHECK(settings.peer_count > 0, file);
		for (enum cause cause = 0; cause < CAUSE_MAX; cause++)
			CHECK(settings.policy[cause].count == 0, file);
	}
	globfree(&profiles);
}

SUITE("profiles",
      { "every profile is sound and acts on nothing", every_profile_is_sound_and_acts_on_nothing })

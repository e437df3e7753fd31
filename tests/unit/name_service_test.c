/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/name_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "suite.h"

static bool hides(const char *text)
{
	char path[] = "/tmp/nsswitch-XXXXXX";
	int fd = mkstemp(path);
	bool hidden;

	CU_ASSERT(fd >= 0);
	dprintf(fd, "%s", text);
	close(fd);
	hidden = name_service_hides_lookups(path, "/nonexistent");
	unlink(path);
	return hidden;
}

static void nss_resolve_hides(void)
{
	CU_ASSERT_TRUE(hides("passwd: files\nhosts:\tfiles resolve [!UNAVAIL=return] dns\n"));
	CU_ASSERT_TRUE(hides("hosts: resolve"));
}

static void other_sources_do_not(void)
{
	CU_ASSERT_FALSE(hides(""));
	CU_ASSERT_FALSE(hides("hosts: files myhostname dns\n"));
	CU_ASSERT_FALSE(hides("hosts: files dns # not resolve\n"));
	CU_ASSERT_FALSE(hides("# hosts: resolve\nnetworks: resolve\nhosts: files resolver\n"));
	CU_ASSERT_FALSE(name_service_hides_lookups("/nonexistent", "/nonexistent"));
}

static void nscd_hides(void)
{
	CU_ASSERT_TRUE(name_service_hides_lookups("/nonexistent", "/dev/null"));
}

SUITE("name service", { "nss-resolve hides lookups", nss_resolve_hides },
      { "other sources do not", other_sources_do_not }, { "nscd hides lookups", nscd_hides })

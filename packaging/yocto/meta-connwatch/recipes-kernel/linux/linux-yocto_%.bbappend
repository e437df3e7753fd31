# SPDX-License-Identifier: LGPL-2.1-or-later
inherit ${@bb.utils.contains("DISTRO_FEATURES", "connwatch", "connwatch-kernel", "", d)}

/* Keys and values of the maps that say who is watched: written by probe.c, read by the probe. */
#pragma once

#define AWAITED_NAME_SIZE 256 /* NAME_MAX + 1 */

/* A control group that is watched as soon as it is made. */
struct awaited_cgroup {
	unsigned long long parent;    /* id, that is the inode of its directory */
	char name[AWAITED_NAME_SIZE]; /* filled up with zeros */
};

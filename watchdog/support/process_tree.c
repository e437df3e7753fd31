/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/process_tree.h"

#include "support/cleanup.h"

static int walk_children_of_thread(pid_t pid, const char *thread, process_visitor visit,
				   void *userdata)
{
	_cleanup_fclose_ FILE *children = NULL;
	char path[64];
	int child, r = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%.16s/children", pid, thread);
	children = fopen(path, "re");
	while (children && r >= 0 && fscanf(children, "%d", &child) == 1) {
		r = visit(userdata, child);
		if (r >= 0)
			r = process_tree_walk(child, visit, userdata);
	}
	return r;
}

/* Each thread has children of its own (proc(5)). */
int process_tree_walk(pid_t pid, process_visitor visit, void *userdata)
{
	_cleanup_closedir_ DIR *threads = NULL;
	struct dirent *thread;
	char path[32];
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	threads = opendir(path);
	while (threads && r >= 0 && (thread = readdir(threads)))
		if (thread->d_name[0] != '.')
			r = walk_children_of_thread(pid, thread->d_name, visit, userdata);
	return r;
}

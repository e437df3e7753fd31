/* The daemon: watches the agents of the settings until it is told to stop. */
#pragma once

/* Runs with the settings below `settings_root` ("" for the running system). Returns the exit
 * status. */
int daemon_run(const char *settings_root);

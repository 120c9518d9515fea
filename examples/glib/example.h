/* Objects that sources of GLib's main loop call: as handles in timer.c and
 * idle.c, as pointers in raw.c. */

#ifndef HAFT_EXAMPLES_GLIB_EXAMPLE_H_
#define HAFT_EXAMPLES_GLIB_EXAMPLE_H_

#include <glib.h>

/* Counts in *ticks, every millisecond. At `most` the clock closes itself. */
gpointer clock_start(int most, int *ticks);
void clock_close(gpointer clock);

/* A thread computes a number, and the main loop stores it in *result, unless
 * the job is closed before. Returns the thread; *job is the job. */
GThread *job_start(int *result, gpointer *job);
void job_close(gpointer job);

#endif /* HAFT_EXAMPLES_GLIB_EXAMPLE_H_ */

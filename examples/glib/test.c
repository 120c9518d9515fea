/* Runs `test timer | idle`, the same for handles and for pointers. */

#include <string.h>

#include "../expect.h"
#include "example.h"

static void run_until(const int *number, int value) {
  while (*number != value) g_main_context_iteration(NULL, TRUE);
}
static void run_what_is_pending(void) {
  while (g_main_context_iteration(NULL, FALSE)) {
  }
}

static void clock_closes_itself(void) {
  int ticks = 0, other = 0;
  EXPECT(clock_start(3, &ticks) != NULL);
  run_until(&ticks, 3);
  /* Closing it a second time, by GLib or by us, ends no other clock. */
  gpointer clock = clock_start(1000000, &ticks);
  EXPECT(clock != NULL);
  clock_close(clock);
  EXPECT(clock_start(2, &other) != NULL);
  clock_close(clock);
  run_until(&other, 2);
  EXPECT(ticks == 3);
  run_what_is_pending();
}

static void job_is_closed_before_it_is_done(void) {
  gpointer job;
  int result = 0;
  GThread *thread = job_start(&result, &job);
  EXPECT(thread != NULL);
  g_thread_join(thread);
  run_until(&result, 42);

  result = 0;
  thread = job_start(&result, &job);
  EXPECT(thread != NULL);
  g_thread_join(thread); /* its idle source waits */
  job_close(job);
  run_what_is_pending();
  EXPECT(result == 0);

  /* While the thread is at it. */
  for (int i = 0; i < 100; ++i) {
    thread = job_start(&result, &job);
    EXPECT(thread != NULL);
    job_close(job);
    g_thread_join(thread);
    run_what_is_pending();
    EXPECT(result == 0);
  }
}

int main(int argc, char **argv) {
  EXPECT(argc == 2);
  if (strcmp(argv[1], "timer") == 0) clock_closes_itself();
  if (strcmp(argv[1], "idle") == 0) job_is_closed_before_it_is_done();
  return 0;
}

/* The same with pointers. It has the bugs that timer.c and idle.c do not have.
 */

#include "example.h"

typedef struct {
  int most;
  int *ticks;
} timer;

static gboolean on_tick(gpointer user_data) {
  const timer *const clock = user_data;
  ++*clock->ticks;
  if (*clock->ticks < clock->most) return G_SOURCE_CONTINUE;
  clock_close(user_data);
  return G_SOURCE_REMOVE; /* GLib calls clock_close again */
}

void clock_close(gpointer clock) { g_free(clock); }

gpointer clock_start(int most, int *ticks) {
  timer *const clock = g_new(timer, 1);
  *clock = (timer){most, ticks};
  g_timeout_add_full(G_PRIORITY_DEFAULT, 1, on_tick, clock, clock_close);
  return clock;
}

typedef struct {
  int *result;
  int number;
} work;

static gboolean on_done(gpointer user_data) {
  const work *const job = user_data;
  *job->result = job->number; /* use after free */
  job_close(user_data);
  return G_SOURCE_REMOVE;
}

static gpointer compute(gpointer user_data) {
  work *const job = user_data;
  job->number = 42;
  g_idle_add(on_done, user_data);
  return NULL;
}

void job_close(gpointer job) { g_free(job); }

GThread *job_start(int *result, gpointer *job) {
  work *const made = g_new0(work, 1);
  made->result = result;
  *job = made;
  return g_thread_new("job", compute, made);
}

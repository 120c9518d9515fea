/* Runs `test timer | timer_other_thread | work | work_to_the_end`, the same for
 * handles and for pointers. */

#include <string.h>

#include "../expect.h"
#include "example.h"
#include "haft/haft.h"

static uv_loop_t loop;

static owner heart;
static int beats = 0;

static void stop_at_two(void *context) {
  (void)context;
  if (++beats == 2) heartbeat_stop(heart);
}

/* It stops in its own callback. The loop then has nothing left to do. */
static void timer(void) {
  EXPECT(heartbeat_start(&loop, stop_at_two, NULL, &heart) == 0);
  EXPECT(uv_run(&loop, UV_RUN_DEFAULT) == 0);
  EXPECT(beats == 2);
}

static uv_sem_t beaten;

static void beat_once(void *context) {
  (void)context;
  if (++beats == 1) uv_sem_post(&beaten);
}

static void stop_after_a_beat(void *context) {
  (void)context;
  uv_sem_wait(&beaten);
  heartbeat_stop(heart);
}

/* Another thread than the loop's stops it, and nothing else wakes the loop. */
static void timer_other_thread(void) {
  uv_thread_t other;
  EXPECT(uv_sem_init(&beaten, 0) == 0);
  EXPECT(heartbeat_start(&loop, beat_once, NULL, &heart) == 0);
  EXPECT(uv_thread_create(&other, stop_after_a_beat, NULL) == 0);
  EXPECT(uv_run(&loop, UV_RUN_DEFAULT) == 0);
  EXPECT(uv_thread_join(&other) == 0);
  EXPECT(beats >= 1);
  uv_sem_destroy(&beaten);
}

static uv_sem_t running, cancelled;
static int results = 0;

static int run_until_cancelled(void *context) {
  (void)context;
  uv_sem_post(&running);
  uv_sem_wait(&cancelled);
  return 42;
}

static void count_result(void *context, int result) {
  EXPECT(context == &results && result == 42);
  ++results;
}

static void work(void) {
  owner job;
  EXPECT(uv_sem_init(&running, 0) == 0 && uv_sem_init(&cancelled, 0) == 0);
  EXPECT(job_start(&loop, run_until_cancelled, count_result, &results, &job) ==
         0);
  uv_sem_wait(&running);
  job_cancel(job);
  uv_sem_post(&cancelled);
  EXPECT(uv_run(&loop, UV_RUN_DEFAULT) == 0);
  EXPECT(results == 0);
  uv_sem_destroy(&running);
  uv_sem_destroy(&cancelled);
}

static int run_at_once(void *context) {
  (void)context;
  return 42;
}

static void work_to_the_end(void) {
  owner job;
  EXPECT(job_start(&loop, run_at_once, count_result, &results, &job) == 0);
  EXPECT(uv_run(&loop, UV_RUN_DEFAULT) == 0);
  EXPECT(results == 1);
}

int main(int argc, char **argv) {
  haft_stats stats;
  EXPECT(argc == 2);
  EXPECT(uv_loop_init(&loop) == 0);
  if (strcmp(argv[1], "timer") == 0) timer();
  if (strcmp(argv[1], "timer_other_thread") == 0) timer_other_thread();
  if (strcmp(argv[1], "work") == 0) work();
  if (strcmp(argv[1], "work_to_the_end") == 0) work_to_the_end();
  EXPECT(uv_loop_close(&loop) == 0);
  EXPECT(haft_table_stats(NULL, &stats) == HAFT_OK);
  EXPECT(stats.live == 0 && stats.retired_objects == 0);
  return 0;
}

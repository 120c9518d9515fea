/* A thread that hands its result to the main loop by an idle source. The job
 * may be closed before the main loop gets there. */

#include "example.h"
#include "haft/haft.h"

typedef struct {
  int *result;
  int number;
} work;

static const haft_type kJob = {.name = "job", .destroy = g_free};

static gboolean on_done(gpointer user_data) {
  void *object;
  HAFT_SCOPED_PIN(pin);
  if (haft_pin_object(haft_from_pointer(user_data), &kJob, &pin, &object) ==
      HAFT_OK) {
    const work *const job = object;
    *job->result = job->number;
    job_close(user_data);
  }
  return G_SOURCE_REMOVE;
}

/* The thread has a pin while it uses the job, so that closing it meanwhile does
 * no harm. */
static gpointer compute(gpointer user_data) {
  void *object;
  HAFT_SCOPED_PIN(pin);
  if (haft_pin_object(haft_from_pointer(user_data), &kJob, &pin, &object) ==
      HAFT_OK) {
    work *const job = object;
    job->number = 42;
    g_idle_add(on_done, user_data);
  }
  return NULL;
}

void job_close(gpointer job) { haft_delete(haft_from_pointer(job), &kJob); }

GThread *job_start(int *result, gpointer *job) {
  work *const made = g_new0(work, 1);
  haft_handle handle;
  made->result = result;
  if (haft_new(made, &kJob, &handle) != HAFT_OK) {
    g_free(made);
    return NULL;
  }
  *job = haft_to_pointer(handle);
  return g_thread_new("job", compute, *job);
}

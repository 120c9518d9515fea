/* Work for the thread pool, which its owner may cancel at any time. */

#include <stdlib.h>

#include "example.h"
#include "haft/haft.h"

typedef struct {
  int (*run)(void *context);
  void (*done)(void *context, int result);
  void *context;
  int result;
} job;

static const haft_type kJob = {.name = "job", .destroy = free};

static void on_work(uv_work_t *request) {
  void *object;
  haft_pin pin;
  if (haft_pin_object(haft_from_pointer(request->data), &kJob, &pin, &object) !=
      HAFT_OK)
    return; /* cancelled before it began */
  job *const mine = object;
  mine->result = mine->run(mine->context);
  haft_unpin(&pin); /* destroys it here if it was cancelled meanwhile */
}

static void on_done(uv_work_t *request, int status) {
  const haft_handle handle = haft_from_pointer(request->data);
  void *object;
  haft_pin pin;
  free(request);
  if (haft_pin_object(handle, &kJob, &pin, &object) != HAFT_OK)
    return; /* cancelled, so the result is not reported */
  const job *const mine = object;
  if (status == 0) mine->done(mine->context, mine->result);
  haft_delete(handle, &kJob);
  haft_unpin(&pin);
}

int job_start(uv_loop_t *loop, int (*run)(void *context),
              void (*done)(void *context, int result), void *context,
              owner *started) {
  job *const made = malloc(sizeof(*made));
  uv_work_t *const request = malloc(sizeof(*request));
  haft_handle handle;
  if (made == NULL || request == NULL) goto no_memory;
  *made = (job){run, done, context, 0};
  if (haft_new(made, &kJob, &handle) != HAFT_OK) goto no_memory;
  request->data = haft_to_pointer(handle);
  *started = handle;
  return uv_queue_work(loop, request, on_work, on_done);
no_memory:
  free(made);
  free(request);
  return UV_ENOMEM;
}

void job_cancel(owner job) { haft_delete(job, &kJob); }

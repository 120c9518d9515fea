/* A C library that keeps a callback and its user data, and threads. */

#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "haft/haft.h"

typedef void (*emitter_callback)(void *user_data);

static emitter_callback callback;
static void *user_data;

void emitter_on(emitter_callback function, void *data) {
  callback = function;
  user_data = data;
}

void emitter_emit(void) { callback(user_data); }

static pthread_t thread;
static sem_t pinned, let_go;

static void *hold(void *unused) {
  void *object;
  haft_pin pin;
  const haft_status status =
      haft_pin_object(haft_from_pointer(user_data), NULL, &pin, &object);
  sem_post(&pinned);
  if (status != HAFT_OK) return unused;
  while (sem_wait(&let_go) != 0) {
  }
  haft_unpin(&pin);
  return unused;
}

/* A thread of C pins the user data, until emitter_let_go. */
void emitter_hold(void) {
  sem_init(&pinned, 0, 0);
  sem_init(&let_go, 0, 0);
  pthread_create(&thread, NULL, hold, NULL);
  while (sem_wait(&pinned) != 0) {
  }
}

void emitter_let_go(void) {
  sem_post(&let_go);
  pthread_join(thread, NULL);
}

/* The same without waiting for the thread. */
void emitter_let_go_later(void) { sem_post(&let_go); }

static void *emit(void *unused) {
  callback(user_data);
  return unused;
}

/* Calls the callback in a thread of C; returns before that. */
void emitter_emit_later(void) { pthread_create(&thread, NULL, emit, NULL); }
void emitter_join(void) { pthread_join(thread, NULL); }

/* Handles that a thread of C deletes, one after the other. */
static haft_handle *handles;
static size_t handle_count;

static void *delete_handles(void *unused) {
  for (size_t i = 0; i < handle_count; ++i) haft_delete(handles[i], NULL);
  free(handles);
  return unused;
}

/* Starts a thread that deletes the handles; emitter_join waits for it. The
 * words are copied: an array of Python's may end before the thread does. */
void emitter_delete_later(const haft_handle *words, size_t count) {
  handles = malloc(count * sizeof(words[0]));
  if (handles == NULL) abort();
  memcpy(handles, words, count * sizeof(words[0]));
  handle_count = count;
  pthread_create(&thread, NULL, delete_handles, NULL);
}

static haft_pin last_pin;
static void unpin_last(void) { haft_unpin(&last_pin); }

/* Pins the user data until the process exits, after Py_Finalize. */
int emitter_hold_until_exit(void) {
  void *object;
  const haft_status status =
      haft_pin_object(haft_from_pointer(user_data), NULL, &last_pin, &object);
  return status == HAFT_OK ? atexit(unpin_last) : (int)status;
}

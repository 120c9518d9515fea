/* A C library that keeps a callback and its user data, and a thread. */

#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>

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

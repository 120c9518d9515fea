/* Measures the cost of a word for an object: new + look-up + delete, and a
 * look-up alone, beside the ways that C programs use today. Prints ns, the
 * medians of interleaved rounds. */

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "haft/haft.h"
#include "haft/view.h"

enum { kRounds = 15, kOperations = 100000, kMostThreads = 2 };

static int objects[kMostThreads];
static const haft_type kInt = {.name = "int"};

/* A mutex and a hash map, as C programs have them. The words count up. */
enum { kBuckets = 4096 };
typedef struct entry {
  uintptr_t word;
  void *object;
  struct entry *next;
} entry;
static entry *buckets[kBuckets];
static uintptr_t next_word = 1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static uintptr_t map_new(void *object) {
  entry *const made = malloc(sizeof(*made));
  pthread_mutex_lock(&lock);
  entry **const bucket = &buckets[next_word % kBuckets];
  *made = (entry){next_word, object, *bucket};
  *bucket = made;
  const uintptr_t word = next_word++;
  pthread_mutex_unlock(&lock);
  return word;
}

static void *map_value(uintptr_t word) {
  void *object = NULL;
  pthread_mutex_lock(&lock);
  for (entry *e = buckets[word % kBuckets]; e != NULL; e = e->next)
    if (e->word == word) object = e->object;
  pthread_mutex_unlock(&lock);
  return object;
}

static void map_delete(uintptr_t word) {
  pthread_mutex_lock(&lock);
  entry **at = &buckets[word % kBuckets];
  while (*at != NULL && (*at)->word != word) at = &(*at)->next;
  entry *const found = *at;
  if (found != NULL) *at = found->next;
  pthread_mutex_unlock(&lock);
  free(found);
}

static uintptr_t haft_made(void *object) {
  haft_handle handle = 0;
  (void)haft_new(object, &kInt, &handle);
  return handle;
}

static void *value_of(uintptr_t word) {
  void *object = NULL;
  (void)haft_value(word, &kInt, &object);
  return object;
}

static void *pinned(uintptr_t word) {
  void *object = NULL;
  haft_pin pin = {{0}};
  (void)haft_pin_object(word, &kInt, &pin, &object);
  haft_unpin(&pin);
  return object;
}

static void deleted(uintptr_t word) { (void)haft_delete(word, &kInt); }

/* The same without calls: by a view of the table, and a loan of each thread. */
static haft_view view;
static __thread haft_loan *loan;

static uintptr_t lent(void *object) {
  haft_handle handle = 0;
  if (loan == NULL &&
      haft_lend(NULL, &kInt, HAFT_LEND_TO_THREAD, &loan) != HAFT_OK)
    abort();
  (void)haft_new_inline(&view, loan, object, &handle);
  return handle;
}

static void *inline_value_of(uintptr_t word) {
  void *object = NULL;
  (void)haft_value_inline(&view, word, &kInt, &object);
  return object;
}

static void ended(uintptr_t word) {
  (void)haft_delete_inline(&view, loan, word, &kInt);
}

/* A pointer costs as much as its object. */
static uintptr_t raw_new(void *object) {
  void **const made = malloc(sizeof(*made));
  *made = object;
  return (uintptr_t)made;
}
static void *raw_value(uintptr_t word) { return *(void **)word; }
static void raw_delete(uintptr_t word) { free((void *)word); }

static const struct way {
  const char *name;
  uintptr_t (*make)(void *object);
  void *(*value)(uintptr_t word);
  void (*end)(uintptr_t word);
} kWays[] = {
    {"pointer: malloc, free", raw_new, raw_value, raw_delete},
    {"mutex + hash map", map_new, map_value, map_delete},
    {"haft_new, _value, _delete", haft_made, value_of, deleted},
    {"the same inline, with a loan", lent, inline_value_of, ended},
    {"haft_new, _pin_object, _delete", haft_made, pinned, deleted},
};
enum { kWayCount = sizeof(kWays) / sizeof(kWays[0]) };

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

typedef struct {
  const struct way *way;
  int *object;
  pthread_barrier_t *barrier;
  int looks_up_only;
  double begin, end; /* set by the threads, while no other code runs */
} job;

static void *work(void *argument) {
  job *const mine = argument;
  const struct way way = *mine->way;
  const uintptr_t kept = way.make(mine->object);
  pthread_barrier_wait(mine->barrier);
  mine->begin = now();
  for (int i = 0; i < kOperations; ++i) {
    const uintptr_t word = mine->looks_up_only ? kept : way.make(mine->object);
    if (way.value(word) != mine->object) abort();
    if (!mine->looks_up_only) way.end(word);
  }
  mine->end = now();
  way.end(kept);
  return NULL;
}

static double measure(const struct way *way, int threads, int looks_up_only) {
  pthread_t ids[kMostThreads];
  job jobs[kMostThreads];
  pthread_barrier_t barrier;
  pthread_barrier_init(&barrier, NULL, (unsigned)threads);
  for (int t = 0; t < threads; ++t) {
    jobs[t] = (job){way, &objects[t], &barrier, looks_up_only, 0, 0};
    if (pthread_create(&ids[t], NULL, work, &jobs[t]) != 0) abort();
  }
  for (int t = 0; t < threads; ++t) pthread_join(ids[t], NULL);
  pthread_barrier_destroy(&barrier);
  double begin = jobs[0].begin, end = jobs[0].end;
  for (int t = 1; t < threads; ++t) {
    if (jobs[t].begin < begin) begin = jobs[t].begin;
    if (jobs[t].end > end) end = jobs[t].end;
  }
  return (end - begin) / kOperations;
}

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(void) {
  static double times[kWayCount][3][kRounds];
  if (haft_table_view(NULL, HAFT_VIEW_ABI, &view) != HAFT_OK) abort();
  for (int round = 0; round < kRounds; ++round) {
    for (int w = 0; w < kWayCount; ++w) {
      times[w][0][round] = measure(&kWays[w], 1, 0);
      times[w][1][round] = measure(&kWays[w], 2, 0);
      times[w][2][round] = measure(&kWays[w], 1, 1);
    }
  }
  printf("%-32s %12s %12s %12s\n", "C: ns", "cycle, 1", "cycle, 2",
         "look-up, 1");
  for (int w = 0; w < kWayCount; ++w) {
    printf("%-32s", kWays[w].name);
    for (int column = 0; column < 3; ++column) {
      qsort(times[w][column], kRounds, sizeof(double), compare);
      printf(" %12.1f", times[w][column][kRounds / 2]);
    }
    printf("\n");
  }
  return 0;
}

#define _GNU_SOURCE

#include "ctest.h"

#include <link.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

haft_handle haft_test_round_trip(haft_handle handle) {
  void *volatile user_data = haft_to_pointer(handle);
  return haft_from_pointer(user_data);
}

typedef struct {
  haft_handle handle;
  haft_status status;
} deletion;

static void *delete_it(void *argument) {
  deletion *const it = argument;
  it->status = haft_delete(it->handle, NULL);
  return NULL;
}

int haft_test_delete_in_thread(haft_handle handle) {
  deletion it = {handle, HAFT_INVALID};
  pthread_t thread;
  if (pthread_create(&thread, NULL, delete_it, &it) != 0) abort();
  if (pthread_join(thread, NULL) != 0) abort();
  return it.status;
}

static int destroyed;

static void destroy(void *object) {
  free(object);
  __atomic_add_fetch(&destroyed, 1, __ATOMIC_SEQ_CST);
}

static const haft_type kType = {.name = "object of C", .destroy = destroy};

const haft_type *haft_test_type(void) { return &kType; }

void *haft_test_object(void) { return calloc(1, 16); }

int haft_test_destroyed(void) {
  return __atomic_load_n(&destroyed, __ATOMIC_SEQ_CST);
}

static haft_loan *loans[1000];
static int loan_count;

int haft_test_lend_all(void) {
  while (loan_count < 1000 &&
         haft_lend(NULL, &kType, 0, &loans[loan_count]) == HAFT_OK)
    ++loan_count;
  return loan_count;
}

void haft_test_return_all(void) {
  while (loan_count > 0) haft_return(loans[--loan_count]);
}

static int count_it(struct dl_phdr_info *info, size_t size, void *count) {
  (void)size;
  if (strstr(info->dlpi_name, "libhaft.so") != NULL) ++*(int *)count;
  return 0;
}

int haft_test_loads(void) {
  int count = 0;
  (void)dl_iterate_phdr(count_it, &count);
  return count;
}

/* Prints sizes, places and constants as the headers declare them. layout.rs
 * prints the same from the crate, and test.sh compares. */

#include <stddef.h>
#include <stdio.h>

#include "haft/haft.h"
#include "haft/view.h"

#define TYPE(type) printf("%s %zu %zu\n", #type, sizeof(type), _Alignof(type))
#define FIELD(type, field) \
  printf("%s.%s %zu\n", #type, #field, offsetof(type, field))
#define SIZE(type) printf("%s %zu\n", #type, sizeof(type))
#define CONSTANT(name) printf("%s %llu\n", #name, (unsigned long long)(name))

int main(void) {
  TYPE(haft_type);
  FIELD(haft_type, name);
  FIELD(haft_type, identity);
  FIELD(haft_type, destroy);
  FIELD(haft_type, size);
  FIELD(haft_type, alignment);
  TYPE(haft_pin);
  FIELD(haft_pin, words);
  TYPE(haft_stats);
  FIELD(haft_stats, live);
  FIELD(haft_stats, retired_objects);
  FIELD(haft_stats, created);
  FIELD(haft_stats, deleted);
  FIELD(haft_stats, exhausted_slots);
  FIELD(haft_stats, high_water);
  FIELD(haft_stats, capacity);
  FIELD(haft_stats, lost_caches);
  FIELD(haft_stats, refused_unpins);
  TYPE(haft_slot);
  FIELD(haft_slot, object);
  FIELD(haft_slot, type);
  FIELD(haft_slot, state);
  FIELD(haft_slot, content_object);
  FIELD(haft_slot, content_context);
  TYPE(haft_view);
  FIELD(haft_view, table);
  FIELD(haft_view, gate);
  FIELD(haft_view, slots);
  FIELD(haft_view, mask);
  FIELD(haft_view, generation);
  FIELD(haft_view, generations);
  TYPE(haft_loan);
  FIELD(haft_loan, ready_count);
  FIELD(haft_loan, ended_count);
  FIELD(haft_loan, type);
  FIELD(haft_loan, ready);
  FIELD(haft_loan, ended);
  SIZE(haft_handle);
  SIZE(haft_status);
  CONSTANT(HAFT_VERSION);
  CONSTANT(HAFT_OK);
  CONSTANT(HAFT_NULL);
  CONSTANT(HAFT_MALFORMED);
  CONSTANT(HAFT_NEVER_ISSUED);
  CONSTANT(HAFT_STALE);
  CONSTANT(HAFT_WRONG_TYPE);
  CONSTANT(HAFT_FULL);
  CONSTANT(HAFT_OUT_OF_MEMORY);
  CONSTANT(HAFT_PINNED);
  CONSTANT(HAFT_TIMED_OUT);
  CONSTANT(HAFT_INVALID);
  CONSTANT(HAFT_DEFERRED);
  CONSTANT(HAFT_DIAGNOSE_SITES);
  CONSTANT(HAFT_DIAGNOSE_LEAKS);
  CONSTANT(HAFT_VIEW_ABI);
  CONSTANT(HAFT_VIEW_WATCHED);
  CONSTANT(HAFT_VIEW_FREE);
  CONSTANT(HAFT_LOAN_HANDLES);
  CONSTANT(HAFT_LEND_TO_THREAD);
  return 0;
}

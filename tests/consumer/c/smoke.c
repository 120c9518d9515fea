/* Tests the C ABI. The same text is compiled as C99 and as C++. */

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "haft/haft.h"
#include "haft/view.h"

static int failures = 0;

static void expect(int holds, const char *what, int line) {
  if (holds) return;
  fprintf(stderr, "smoke.c:%d: does not hold: %s\n", line, what);
  ++failures;
}
#define EXPECT(condition) expect((condition) != 0, #condition, __LINE__)

static int destroyed = 0;
static void destroy(void *object) {
  (void)object;
  ++destroyed;
}

static const haft_type kCounted = {"counted", "haft.test.counted/1", destroy,
                                   sizeof(int), 0};
static const haft_type kSame = {"also counted", "haft.test.counted/1", NULL, 0,
                                0};
static const haft_type kLarger = {"larger", "haft.test.counted/1", NULL,
                                  2 * sizeof(int), 0};
static const haft_type kOther = {"other", NULL, NULL, 0, 0};
static const haft_type kOtherToo = {"other", NULL, NULL, 0, 0};

static void values(haft_table *table) {
  int object = 42;
  void *found = NULL;
  haft_handle handle = 0;
  EXPECT(haft_table_new(table, &object, &kCounted, &handle) == HAFT_OK);
  EXPECT(handle != 0 && handle % 2 == 1);
  EXPECT(haft_table_value(table, handle, &kCounted, &found) == HAFT_OK);
  EXPECT(found == &object);
  EXPECT(haft_table_value(table, handle, NULL, &found) == HAFT_OK);
  EXPECT(haft_table_value(table, handle, &kSame, &found) == HAFT_OK);
  found = NULL;
  EXPECT(haft_table_value(table, handle, &kLarger, &found) == HAFT_WRONG_TYPE);
  EXPECT(haft_table_value(table, handle, &kOther, &found) == HAFT_WRONG_TYPE);
  EXPECT(found == NULL);
  EXPECT(haft_table_delete(table, handle, &kOther) == HAFT_WRONG_TYPE);
  EXPECT(destroyed == 0);
  EXPECT(haft_from_pointer(haft_to_pointer(handle)) == handle);
  EXPECT(haft_table_delete(table, handle, &kCounted) == HAFT_OK);
  EXPECT(destroyed == 1);
  EXPECT(haft_table_delete(table, handle, &kCounted) == HAFT_STALE);
  EXPECT(haft_table_check(table, handle) == HAFT_STALE);
  EXPECT(haft_table_value(table, 0, NULL, &found) == HAFT_NULL);
  EXPECT(haft_table_value(table, 2, NULL, &found) == HAFT_MALFORMED);
  EXPECT(destroyed == 1);
  destroyed = 0;
}

static int sum_of(haft_table *table, const haft_handle *handles, size_t count) {
  haft_view view;
  int sum = 0;
  size_t i;
  if (haft_table_view(table, HAFT_VIEW_ABI, &view) != HAFT_OK) return -1;
  for (i = 0; i < count; ++i) {
    void *object;
    if (haft_value_inline(&view, handles[i], &kOther, &object) == HAFT_OK)
      sum += *(const int *)object;
  }
  return sum;
}

static haft_status make_and_end(haft_table *table, int *object,
                                unsigned times) {
  haft_view view;
  haft_loan *loan;
  haft_status status = haft_table_view(table, HAFT_VIEW_ABI, &view);
  if (status != HAFT_OK) return status; /* the library has another layout */
  status = haft_lend(table, &kCounted, 0, &loan);
  if (status != HAFT_OK) return status; /* 240 loans: make calls instead */
  while (status == HAFT_OK && times-- > 0) {
    haft_handle handle;
    status = haft_new_inline(&view, loan, object, &handle);
    if (status == HAFT_OK)
      status = haft_delete_inline(&view, loan, handle, &kCounted);
  }
  haft_return(loan);
  return status;
}

static void views(haft_table *table) {
  int object = 42;
  void *found = NULL;
  haft_handle handle = 0;
  haft_status status;
  haft_view view;
  EXPECT(haft_table_view(table, HAFT_VIEW_ABI + 1, &view) == HAFT_INVALID);
  EXPECT(haft_table_view(table, HAFT_VIEW_ABI, &view) == HAFT_OK);
  EXPECT(haft_table_new(table, &object, &kOther, &handle) == HAFT_OK);
  EXPECT(haft_value_inline(&view, handle, &kOther, &found) == HAFT_OK);
  EXPECT(found == &object);
  EXPECT(haft_value_inline(&view, handle, &kOtherToo, &found) ==
         HAFT_WRONG_TYPE);
  EXPECT(sum_of(table, &handle, 1) == 42);
  EXPECT(haft_table_delete(table, handle, NULL) == HAFT_OK);
  EXPECT(haft_value_inline(&view, handle, NULL, &found) == HAFT_STALE);
  EXPECT(sum_of(table, &handle, 1) == 0);
  status = make_and_end(table, &object, 300);
  /* Where words have 32 bits, the process's table has no room for loans. */
  EXPECT(status == HAFT_OK ||
         (status == HAFT_FULL && table == NULL && sizeof(haft_handle) == 4));
  EXPECT(destroyed == (status == HAFT_OK ? 300 : 0));
  destroyed = 0;
}

static void interned(haft_table *table) {
  int object = 42;
  void *found = NULL;
  haft_handle handle = 7, again = 7, other = 0;
  EXPECT(haft_table_intern(table, NULL, &kCounted, &handle) == HAFT_INVALID);
  EXPECT(haft_table_intern(table, &object, NULL, &handle) == HAFT_INVALID);
  EXPECT(haft_table_intern(table, &object, &kCounted, NULL) == HAFT_INVALID);
  EXPECT(handle == 7 && destroyed == 0);
  EXPECT(haft_table_intern(table, &object, &kCounted, &handle) == HAFT_OK);
  EXPECT(haft_table_intern(table, &object, &kSame, &again) == HAFT_OK);
  EXPECT(again == handle);
  EXPECT(haft_table_intern_with(table, &object, &kOther, NULL, NULL, &other) ==
         HAFT_OK);
  EXPECT(other != handle);
  EXPECT(haft_table_release(table, other) == HAFT_OK);
  EXPECT(haft_table_release(table, handle) == HAFT_OK);
  EXPECT(haft_table_value(table, handle, &kCounted, &found) == HAFT_OK);
  EXPECT(found == &object && destroyed == 0);
  EXPECT(haft_table_release(table, handle) == HAFT_OK);
  EXPECT(destroyed == 1);
  EXPECT(haft_table_release(table, handle) == HAFT_STALE);
  EXPECT(haft_table_release(table, 0) == HAFT_NULL);

  EXPECT(haft_table_new(table, &object, &kCounted, &other) == HAFT_OK);
  EXPECT(haft_table_release(table, other) == HAFT_INVALID);
  EXPECT(haft_table_delete(table, other, NULL) == HAFT_OK);
  EXPECT(destroyed == 2);

  EXPECT(haft_table_intern(table, &object, &kCounted, &handle) == HAFT_OK);
  EXPECT(haft_table_take(table, handle, NULL, &found) == HAFT_OK);
  EXPECT(haft_table_intern(table, &object, &kCounted, &again) == HAFT_OK);
  EXPECT(again != handle && destroyed == 2);
  EXPECT(haft_table_release(table, handle) == HAFT_STALE);
  EXPECT(haft_table_release(table, again) == HAFT_OK);
  EXPECT(destroyed == 3);
  destroyed = 0;
}

static void identities(haft_table *table) {
  haft_handle handle = 0;
  EXPECT(haft_table_new(table, NULL, &kOther, &handle) == HAFT_OK);
  void *found = &failures;
  EXPECT(haft_table_value(table, handle, &kOtherToo, &found) ==
         HAFT_WRONG_TYPE);
  EXPECT(haft_table_value(table, handle, &kOther, &found) == HAFT_OK);
  EXPECT(found == NULL);
  EXPECT(haft_table_delete(table, handle, &kOther) == HAFT_OK);
}

static void pins(haft_table *table) {
  int object = 1;
  haft_handle handle = 0;
  haft_pin pin, other;
  void *found = NULL;
  EXPECT(haft_table_new(table, &object, &kCounted, &handle) == HAFT_OK);
  EXPECT(haft_table_pin_object(table, handle, &kOther, &pin, &found) ==
         HAFT_WRONG_TYPE);
  EXPECT(haft_table_pin_object(table, handle, &kCounted, &pin, &found) ==
         HAFT_OK);
  EXPECT(haft_table_pin_object(table, handle, NULL, &other, &found) == HAFT_OK);
  EXPECT(found == &object);
  EXPECT(haft_table_delete_unless_pinned(table, handle, NULL) == HAFT_PINNED);
  EXPECT(haft_table_take(table, handle, NULL, &found) == HAFT_PINNED);
  EXPECT(haft_table_delete_and_wait(table, handle, NULL, 0) == HAFT_TIMED_OUT);
  EXPECT(haft_table_delete(table, handle, NULL) == HAFT_STALE);
  haft_unpin(&pin);
  haft_unpin(&pin);
  EXPECT(destroyed == 0);
  haft_unpin(&other);
  EXPECT(destroyed == 1);
  EXPECT(haft_table_new(table, &object, &kCounted, &handle) == HAFT_OK);
  found = NULL;
  EXPECT(haft_table_take(table, handle, &kCounted, &found) == HAFT_OK);
  EXPECT(found == &object);
  EXPECT(destroyed == 1);
  EXPECT(haft_table_check(table, handle) == HAFT_STALE);
  destroyed = 0;
}

static void take_with(haft_table *table) {
  int object = 1;
  haft_handle made = 0, made_with = 0, interned = 0, borrowed = 0;
  void (*how)(void *) = NULL;
  void *found = NULL, *context = NULL;
  EXPECT(haft_table_new(table, &object, &kCounted, &made) == HAFT_OK);
  EXPECT(haft_table_take_owned(table, made, &kOther, &found, &how, &context) ==
         HAFT_WRONG_TYPE);
  EXPECT(found == NULL && how == NULL && context == NULL);
  EXPECT(haft_table_take_owned(table, made, &kCounted, &found, &how,
                               &context) == HAFT_OK);
  EXPECT(found == &object && how == kCounted.destroy && context == &object);

  EXPECT(haft_table_new_with(table, &object, &kOther, kCounted.destroy, &found,
                             &made_with) == HAFT_OK);
  EXPECT(haft_table_take_owned(table, made_with, NULL, &found, &how,
                               &context) == HAFT_OK);
  EXPECT(found == &object && how == kCounted.destroy && context == &found);

  EXPECT(haft_table_intern_with(table, &object, &kOther, kCounted.destroy,
                                &found, &interned) == HAFT_OK);
  EXPECT(haft_table_take_owned(table, interned, NULL, &found, &how, &context) ==
         HAFT_OK);
  EXPECT(found == &object && how == kCounted.destroy && context == &found);

  EXPECT(haft_table_new_with(table, &object, &kCounted, NULL, NULL,
                             &borrowed) == HAFT_OK);
  EXPECT(haft_table_take_owned(table, borrowed, NULL, &found, &how, &context) ==
         HAFT_OK);
  EXPECT(found == &object && how == NULL);
  EXPECT(haft_table_take_owned(table, borrowed, NULL, &found, &how, &context) ==
         HAFT_STALE);
  EXPECT(destroyed == 0);
}

static int visit(void *context, haft_handle handle, const haft_type *type,
                 void *object) {
  (void)handle;
  EXPECT(type == &kCounted);
  *(int *)context += *(int *)object;
  return *(int *)context == 0;
}

static void take_line(void *context, const char *text) {
  if (strstr(text, "3 live of type counted") != NULL) *(int *)context = 1;
}

static void many(haft_table *table) {
  int one = 1;
  void *objects[3] = {&one, &one, &one};
  haft_handle handles[3] = {0, 0, 0};
  haft_status statuses[3];
  haft_stats stats;
  size_t made = 0;
  int sum = 0, reported = 0;
  EXPECT(haft_table_new_batch(table, objects, 3, &kCounted, handles, &made) ==
         HAFT_OK);
  EXPECT(made == 3);
  EXPECT(haft_table_for_each(table, visit, &sum) == 0);
  EXPECT(sum == 3);
  sum = -1;
  EXPECT(haft_table_for_each(table, visit, &sum) == 1);
  EXPECT(sum == 0);
  EXPECT(haft_table_stats(table, &stats) == HAFT_OK);
  EXPECT(stats.live == 3 && stats.retired_objects == 0);
  EXPECT(stats.high_water >= 3 && stats.capacity >= 3);
  EXPECT(haft_table_prepare(table, stats.capacity) == HAFT_OK);
  EXPECT(haft_table_prepare(table, stats.capacity + 1) == HAFT_FULL);
  EXPECT(haft_prepare(1) == HAFT_OK);
  EXPECT(haft_table_report(table, 1, take_line, &reported) == 3);
  EXPECT(reported);
  handles[1] = 0;
  EXPECT(haft_table_delete_batch(table, handles, 3, &kCounted, statuses) == 2);
  EXPECT(statuses[0] == HAFT_OK && statuses[1] == HAFT_NULL);
  EXPECT(destroyed == 2);
  destroyed = 0;
  EXPECT(haft_table_trim(table) == 0); /* all slots are in the first pages */
  EXPECT(haft_trim() == 0);
}

static void scopes(haft_table *table) {
  haft_scope *outer = NULL, *inner = NULL;
  haft_handle a = 0, b = 0;
  EXPECT(haft_scope_open(table, &outer) == HAFT_OK);
  EXPECT(haft_scope_open(table, &inner) == HAFT_OK);
  EXPECT(haft_table_new(table, NULL, &kCounted, &a) == HAFT_OK);
  EXPECT(haft_table_new(table, NULL, &kCounted, &b) == HAFT_OK);
  EXPECT(haft_scope_reserve(inner) == HAFT_OK);
  EXPECT(haft_scope_add(inner, a) == HAFT_OK);
  EXPECT(haft_scope_add(inner, b) == HAFT_OK);
  EXPECT(haft_scope_escape(inner, a, outer) == HAFT_OK);
  EXPECT(haft_scope_escape(inner, a, NULL) == HAFT_NEVER_ISSUED);
  EXPECT(haft_scope_close(inner) == 1);
  EXPECT(haft_table_check(table, a) == HAFT_OK);
  EXPECT(haft_table_check(table, b) == HAFT_STALE);
  EXPECT(haft_scope_close(outer) == 1);
  EXPECT(haft_scope_close(NULL) == 0);
  EXPECT(destroyed == 2);
  destroyed = 0;
}

static void escape_to_another_table(haft_table *table) {
  haft_scope *inner = NULL, *outer = NULL;
  haft_handle handle = 0;
  EXPECT(haft_scope_open(table, &inner) == HAFT_OK);
  EXPECT(haft_scope_open(NULL, &outer) == HAFT_OK);
  EXPECT(haft_table_new(table, NULL, &kCounted, &handle) == HAFT_OK);
  EXPECT(haft_scope_add(inner, handle) == HAFT_OK);
  EXPECT(haft_scope_escape(inner, handle, outer) == HAFT_INVALID);
  EXPECT(haft_scope_close(outer) == 0);
  EXPECT(haft_scope_close(inner) == 1);
  EXPECT(destroyed == 1);
  destroyed = 0;
}

/* It stays in the scope, at each size, and so also at those where the scope
 * would have to grow. */
static void escape_into_itself(haft_table *table) {
  haft_scope *scope = NULL;
  haft_handle handles[40];
  size_t i;
  EXPECT(haft_scope_open(table, &scope) == HAFT_OK);
  for (i = 0; i < 40; ++i) {
    EXPECT(haft_table_new(table, NULL, &kCounted, &handles[i]) == HAFT_OK);
    EXPECT(haft_scope_add(scope, handles[i]) == HAFT_OK);
    EXPECT(haft_scope_escape(scope, handles[0], scope) == HAFT_OK);
  }
  EXPECT(haft_scope_close(scope) == 40);
  EXPECT(destroyed == 40);
  destroyed = 0;
}

static void invalid(void) {
  haft_table *table = NULL;
  haft_handle handle = 0;
  void *found = NULL;
  void (*how)(void *) = NULL;
  haft_pin pin;
  size_t made = 1;
  EXPECT(haft_table_create(0, &table) == HAFT_INVALID);
  EXPECT(haft_table_create(10, NULL) == HAFT_INVALID);
  EXPECT(haft_table_create((size_t)-1, &table) == HAFT_FULL);
  EXPECT(table == NULL);
  EXPECT(haft_new(NULL, NULL, &handle) == HAFT_INVALID);
  EXPECT(haft_intern(&handle, NULL, &handle) == HAFT_INVALID);
  EXPECT(haft_new(NULL, &kOther, NULL) == HAFT_INVALID);
  EXPECT(haft_value(1, NULL, NULL) == HAFT_INVALID);
  EXPECT(haft_pin_object(1, NULL, NULL, &found) == HAFT_INVALID);
  EXPECT(haft_pin_object(1, NULL, &pin, NULL) == HAFT_INVALID);
  EXPECT(haft_take(1, NULL, NULL) == HAFT_INVALID);
  EXPECT(haft_take_owned(1, NULL, NULL, &how, &found) == HAFT_INVALID);
  EXPECT(haft_take_owned(1, NULL, &found, NULL, &found) == HAFT_INVALID);
  EXPECT(haft_take_owned(1, NULL, &found, &how, NULL) == HAFT_INVALID);
  EXPECT(haft_scope_open(NULL, NULL) == HAFT_INVALID);
  EXPECT(haft_scope_reserve(NULL) == HAFT_INVALID);
  EXPECT(haft_scope_add(NULL, 1) == HAFT_INVALID);
  EXPECT(haft_scope_escape(NULL, 1, NULL) == HAFT_INVALID);
  EXPECT(haft_table_new_batch(NULL, NULL, 1, &kOther, &handle, &made) ==
         HAFT_INVALID);
  EXPECT(made == 0);
  EXPECT(haft_table_new_batch(NULL, &found, 1, &kOther, NULL, &made) ==
         HAFT_INVALID);
  EXPECT(haft_table_new_batch(NULL, NULL, 0, &kOther, NULL, &made) == HAFT_OK);
  EXPECT(haft_table_new_batch(NULL, &found, 1, &kOther, &handle, NULL) ==
         HAFT_INVALID);
  EXPECT(haft_table_delete_batch(NULL, NULL, 1, NULL, NULL) == 0);
  EXPECT(haft_table_stats(NULL, NULL) == HAFT_INVALID);
  haft_unpin(NULL);
  haft_table_destroy(NULL);
}

static void full(void) {
  haft_table *table = NULL;
  haft_handle handles[3] = {0, 0, 0};
  void *objects[3] = {NULL, NULL, NULL};
  size_t made = 0, count = 0;
  EXPECT(haft_table_create(2, &table) == HAFT_OK);
  while (haft_table_new(table, NULL, &kCounted, &handles[0]) == HAFT_OK)
    ++count;
  EXPECT(count >= 2);
  EXPECT(haft_table_new(table, NULL, &kCounted, &handles[1]) == HAFT_FULL);
  EXPECT(handles[1] == 0);
  EXPECT(haft_table_delete(table, handles[0], NULL) == HAFT_OK);
  EXPECT(haft_table_new_batch(table, objects, 3, &kCounted, handles, &made) ==
         HAFT_FULL);
  EXPECT(made == 1);
  haft_table_destroy(table);
  EXPECT((size_t)destroyed == count + 1);
  destroyed = 0;
}

static void statuses(void) {
  static const int kNone[] = {-1, HAFT_DEFERRED + 1, 99, INT_MIN, INT_MAX};
  size_t i;
  int status, other;
  for (i = 0; i < sizeof(kNone) / sizeof(*kNone); ++i) {
    EXPECT(strcmp(haft_status_name(kNone[i]), "HAFT_UNKNOWN") == 0);
    EXPECT(strcmp(haft_strerror(kNone[i]), "unknown status") == 0);
  }
  for (status = HAFT_OK; status <= HAFT_DEFERRED; ++status) {
    for (other = status + 1; other <= HAFT_INVALID + 1; ++other) {
      EXPECT(strcmp(haft_status_name(status), haft_status_name(other)) != 0);
      EXPECT(strcmp(haft_strerror(status), haft_strerror(other)) != 0);
    }
  }
  EXPECT(strcmp(haft_status_name(HAFT_STALE), "HAFT_STALE") == 0);
  EXPECT(strstr(haft_strerror(HAFT_WRONG_TYPE), "type") != NULL);
}

static void words(void) {
  char text[200];
  haft_handle handle = 0;
  EXPECT(haft_version() == HAFT_VERSION);
  EXPECT(haft_new(NULL, &kOther, &handle) == HAFT_OK);
  EXPECT(haft_table_describe(NULL, handle, text, sizeof(text)) == strlen(text));
  EXPECT(strstr(text, "live") != NULL && strstr(text, "other") != NULL);
  EXPECT(haft_table_describe(NULL, handle, NULL, 0) == strlen(text));
  EXPECT(haft_describe(handle, NULL, 0) == strlen(text));
  haft_must_delete(handle, &kOther);
  (void)haft_table_describe(NULL, handle, text, sizeof(text));
  EXPECT(strstr(text, "stale") != NULL);
}

int main(void) {
  haft_table *table = NULL;
  haft_handle foreign = 0;
  EXPECT(haft_table_create(100, &table) == HAFT_OK);
  values(NULL);
  values(table);
  interned(NULL);
  interned(table);
  identities(table);
  pins(NULL);
  pins(table);
  take_with(table);
  many(table);
  scopes(NULL);
  scopes(table);
  escape_into_itself(table);
  escape_to_another_table(table);
  destroyed = 0;
  views(NULL);
  views(table);
  destroyed = 0;
  EXPECT(haft_new(NULL, &kOther, &foreign) == HAFT_OK);
  EXPECT(haft_table_check(table, foreign) == HAFT_NEVER_ISSUED);
  EXPECT(haft_delete(foreign, NULL) == HAFT_OK);
  haft_table_destroy(table);
  EXPECT(destroyed == 1); /* the handle that many() has left */
  destroyed = 0;
  invalid();
  full();
  statuses();
  words();
  if (failures == 0) printf("smoke.c: passed\n");
  return failures != 0;
}

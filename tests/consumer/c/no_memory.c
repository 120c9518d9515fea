/* A program in which the allocator fails from the start, and works later. Every
 * function of haft.h must say so, and none may end the process. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "haft/haft.h"

/* --- The allocator ---------------------------------------------------------*/

static int has_memory = 0;
static _Alignas(128) char arena[1 << 20];
static size_t used = 0;

/* Each block stands behind its size, on a line of its own. */
void *aligned_alloc(size_t alignment, size_t size) {
  char *block;
  const size_t room = (size + 255) / 128 * 128;
  (void)alignment; /* 128 at most */
  if (!has_memory || size > sizeof(arena) || room > sizeof(arena) - used) {
    errno = ENOMEM;
    return NULL;
  }
  block = arena + used + 128;
  used += room;
  memcpy(block - sizeof(size), &size, sizeof(size));
  return block;
}
int posix_memalign(void **memory, size_t alignment, size_t size) {
  *memory = aligned_alloc(alignment, size);
  return *memory == NULL ? ENOMEM : 0;
}
void *malloc(size_t size) { return aligned_alloc(16, size); }
void *calloc(size_t count, size_t size) {
  if (size != 0 && count > sizeof(arena) / size) return NULL;
  return aligned_alloc(16, count * size); /* never used before */
}
void *realloc(void *block, size_t size) {
  size_t before = 0;
  void *const moved = aligned_alloc(16, size);
  if (block == NULL || moved == NULL) return moved;
  memcpy(&before, (char *)block - sizeof(before), sizeof(before));
  memcpy(moved, block, before < size ? before : size);
  return moved;
}
void free(void *block) { (void)block; }

/* --- The test --------------------------------------------------------------*/

static int failures = 0;

static void expect(int holds, const char *what, int line) {
  if (holds) return;
  fprintf(stderr, "no_memory.c:%d: does not hold: %s\n", line, what);
  ++failures;
}
#define EXPECT(condition) expect((condition) != 0, #condition, __LINE__)
#define EXPECT_NO_MEMORY(call) EXPECT((call) == HAFT_OUT_OF_MEMORY)

static const haft_type kType = {.name = "type"};

static int visit(void *context, haft_handle handle, const haft_type *type,
                 void *object) {
  (void)context, (void)handle, (void)type, (void)object;
  return 1;
}
static void line(void *context, const char *text) {
  (void)context, (void)text;
  ++failures;
}
static void refused(void *context, haft_table *table, haft_handle handle,
                    haft_status status, const char *description) {
  (void)context, (void)table, (void)handle, (void)status, (void)description;
}

static void without_memory(void) {
  const haft_handle some = 0x123457;
  int object = 0;
  void *objects[1];
  void *found = NULL, *context = NULL;
  void (*destroy)(void *) = NULL;
  haft_handle handle = 7;
  haft_status status = HAFT_OK;
  haft_pin pin = {{0, 0, 0, 0}};
  haft_table *table = NULL;
  haft_scope *scope = NULL;
  haft_stats stats;
  size_t made = 7;
  char text[100];
  objects[0] = &object;

  EXPECT_NO_MEMORY(haft_scope_open(NULL, &scope));
  EXPECT_NO_MEMORY(haft_set_refusal_callback(&refused, NULL, 0));
  EXPECT_NO_MEMORY(haft_table_create(100, &table));
  EXPECT_NO_MEMORY(haft_new(&object, &kType, &handle));
  EXPECT_NO_MEMORY(haft_new_with(&object, &kType, NULL, NULL, &handle));
  EXPECT_NO_MEMORY(haft_new_at(&object, &kType, &handle, "file", 1));
  EXPECT_NO_MEMORY(
      haft_table_new_batch(NULL, objects, 1, &kType, &handle, &made));
  EXPECT_NO_MEMORY(haft_value(some, NULL, &found));
  EXPECT_NO_MEMORY(haft_check(some));
  EXPECT_NO_MEMORY(haft_pin_object(some, NULL, &pin, &found));
  EXPECT_NO_MEMORY(haft_delete(some, NULL));
  EXPECT_NO_MEMORY(haft_delete_unless_pinned(some, NULL));
  EXPECT_NO_MEMORY(haft_delete_and_wait(some, NULL, 1));
  EXPECT_NO_MEMORY(haft_take(some, NULL, &found));
  EXPECT_NO_MEMORY(haft_take_owned(some, NULL, &found, &destroy, &context));
  EXPECT_NO_MEMORY(haft_table_stats(NULL, &stats));
  EXPECT_NO_MEMORY(haft_prepare(1));
  EXPECT_NO_MEMORY(haft_table_prepare(NULL, 1));
  EXPECT_NO_MEMORY(haft_intern(&object, &kType, &handle));
  EXPECT_NO_MEMORY(haft_release(some));
  EXPECT(haft_table_delete_batch(NULL, &some, 1, NULL, &status) == 0);
  EXPECT_NO_MEMORY(status);
  EXPECT(haft_table_for_each(NULL, &visit, NULL) == 0);
  EXPECT(haft_table_report(NULL, 1, &line, NULL) == 0);
  EXPECT(haft_describe(some, text, sizeof(text)) == 0);
  haft_unpin(&pin);
  haft_table_destroy(table);
  EXPECT(haft_scope_close(scope) == 0);
  EXPECT(handle == 7 && made == 0 && found == NULL && destroy == NULL);
}

static void with_memory(void) {
  int object = 0;
  void *found = NULL;
  haft_handle handle = 0, interned = 0;
  haft_scope *scope = NULL;
  haft_table *table = NULL;
  EXPECT(haft_set_refusal_callback(&refused, NULL, 0) == HAFT_OK);
  EXPECT(haft_new(&object, &kType, &handle) == HAFT_OK);
  EXPECT(haft_value(handle, &kType, &found) == HAFT_OK && found == &object);
  EXPECT(haft_intern(&object, &kType, &interned) == HAFT_OK);
  EXPECT(haft_release(interned) == HAFT_OK);
  EXPECT(haft_scope_open(NULL, &scope) == HAFT_OK);
  has_memory = 0;
  EXPECT_NO_MEMORY(haft_scope_add(scope, handle));
  EXPECT_NO_MEMORY(haft_scope_reserve(scope));
  EXPECT_NO_MEMORY(haft_intern(&object, &kType, &interned));
  EXPECT_NO_MEMORY(haft_table_create(100, &table));
  has_memory = 1;
  EXPECT(haft_scope_add(scope, handle) == HAFT_OK);
  EXPECT(haft_scope_close(scope) == 1);
  EXPECT(haft_table_create(100, &table) == HAFT_OK);
  haft_table_destroy(table);
}

int main(void) {
  without_memory();
  has_memory = 1;
  with_memory();
  return failures != 0;
}

#include "bench/arms/ck_free_lists.h"

/* The library hides from clang's analyser what is written in assembler. */
#if __has_include(<ck_stack.h>) && !defined(__clang_analyzer__)

#include <ck_ring.h>
#include <ck_stack.h>
#include <stdlib.h>

struct ck_free_stack {
  ck_stack_t stack;
  ck_stack_entry_t entries[];
};

ck_free_stack *ck_free_stack_create(size_t capacity) {
  ck_free_stack *stack;
  /* Two words are exchanged at once, which must be aligned. */
  if (posix_memalign((void **)&stack, 128,
                     sizeof(*stack) + capacity * sizeof(ck_stack_entry_t)) != 0)
    return NULL;
  ck_stack_init(&stack->stack);
  return stack;
}

void ck_free_stack_destroy(ck_free_stack *stack) { free(stack); }

void ck_free_stack_push(ck_free_stack *stack, uint32_t index) {
  ck_stack_push_mpmc(&stack->stack, &stack->entries[index]);
}

int ck_free_stack_pop(ck_free_stack *stack, uint32_t *index) {
  const ck_stack_entry_t *entry = ck_stack_pop_mpmc(&stack->stack);
  if (entry == NULL) return 0;
  *index = (uint32_t)(entry - stack->entries);
  return 1;
}

struct ck_free_ring {
  ck_ring_t ring;
  ck_ring_buffer_t buffer[];
};

ck_free_ring *ck_free_ring_create(size_t capacity) {
  size_t size = 4; /* a power of two, of which the ring uses one less */
  ck_free_ring *ring;
  while (size <= capacity) size *= 2;
  if (posix_memalign((void **)&ring, 128,
                     sizeof(*ring) + size * sizeof(ck_ring_buffer_t)) != 0)
    return NULL;
  ck_ring_init(&ring->ring, (unsigned)size);
  return ring;
}

void ck_free_ring_destroy(ck_free_ring *ring) { free(ring); }

void ck_free_ring_push(ck_free_ring *ring, uint32_t index) {
  /* There is room for all: it fails only while another thread is at work. */
  while (!ck_ring_enqueue_mpmc(&ring->ring, ring->buffer,
                               (void *)(uintptr_t)index)) {
  }
}

int ck_free_ring_pop(ck_free_ring *ring, uint32_t *index) {
  void *entry;
  if (!ck_ring_dequeue_mpmc(&ring->ring, ring->buffer, (void *)&entry))
    return 0;
  *index = (uint32_t)(uintptr_t)entry;
  return 1;
}

#endif

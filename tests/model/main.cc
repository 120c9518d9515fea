// The main program of every model. Relacy replaces new and delete by inline
// functions, so that it sees leaks; a program gets those that some file uses,
// and not the sized ones. All or none must be replaced.

#include <gtest/gtest.h>

#include <cstddef>

#include "haft/sync.h"

void operator delete(void* memory, std::size_t) noexcept {
  operator delete(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  operator delete[](memory);
}
[[gnu::used]] void* (*const kNew[])(
    std::size_t) = {operator new, operator new[] };
[[gnu::used]] void (*const kDelete[])(
    void*) = {operator delete, operator delete[] };

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

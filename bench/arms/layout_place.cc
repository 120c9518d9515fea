// The place of the arm's code: the linker puts this file in front of the table
// (layout.cc), which it moves by HAFT_LAYOUT bytes and changes in nothing else.

#include "bench/arms/layout.h"

#define HAFT_TEXT_(number) #number
#define HAFT_TEXT(number) HAFT_TEXT_(number)

namespace haft::study {

const char* LayoutName() {
  // It is called once, so that the bytes cost nothing.
  asm volatile(".skip 16 + " HAFT_TEXT(HAFT_LAYOUT) ", 0x90");
  return "layout/" HAFT_TEXT(HAFT_LAYOUT);
}

}  // namespace haft::study

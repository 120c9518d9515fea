// The difference between the arms layout/*.

#ifndef HAFT_BENCH_ARMS_LAYOUT_H_
#define HAFT_BENCH_ARMS_LAYOUT_H_

namespace haft::study {

// The name of the arm. The function has as many bytes more than in layout/0 as
// the name says, and is linked in front of the table.
const char* LayoutName();

}  // namespace haft::study

#endif  // HAFT_BENCH_ARMS_LAYOUT_H_

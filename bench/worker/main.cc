// A worker: answers the request on stdin.

#include <cstdio>
#include <exception>
#include <iostream>
#include <iterator>
#include <string>

#include "bench/worker/protocol.h"

int main() {
  const std::string request{std::istreambuf_iterator<char>(std::cin), {}};
  try {
    std::cout << haft::study::Answer(request) << '\n' << std::flush;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "worker: %s\n", error.what());
    return 2;
  }
  return std::cout.good() ? 0 : 2;
}

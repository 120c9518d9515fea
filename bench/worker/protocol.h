// The worker's protocol: docs/study_protocol.md.

#ifndef HAFT_BENCH_WORKER_PROTOCOL_H_
#define HAFT_BENCH_WORKER_PROTOCOL_H_

#include <string>

namespace haft::study {

// Returns the answer to a request, both as JSON.
//   Errors    throws std::runtime_error, with a sentence, if `request` is not a
//             JSON object
std::string Answer(const std::string& request);

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_PROTOCOL_H_

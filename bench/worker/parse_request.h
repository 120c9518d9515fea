// Requests from JSON.

#ifndef HAFT_BENCH_WORKER_PARSE_REQUEST_H_
#define HAFT_BENCH_WORKER_PARSE_REQUEST_H_

#include <nlohmann/json.hpp>

#include "bench/worker/request.h"

namespace haft::study {

// Returns a request to run an arm.
//   Errors    throws Refused for a key that is missing, unknown, of another
//             type or out of range
Request ParseRequest(const nlohmann::json& json);

}  // namespace haft::study

#endif  // HAFT_BENCH_WORKER_PARSE_REQUEST_H_

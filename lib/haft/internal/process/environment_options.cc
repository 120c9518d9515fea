#include "haft/internal/process/environment_options.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "haft/haft.h"

namespace haft::internal {
inline namespace HAFT_ABI {
namespace {

// Reads the words of HAFT_DIAGNOSE, which commas separate.
void ReadDiagnose(const char* word, EnvironmentOptions* options) noexcept {
  while (*word != '\0') {
    const std::size_t length = std::strcspn(word, ",");
    const auto is = [&](const char* name) {
      return length == std::strlen(name) &&
             std::strncmp(word, name, length) == 0;
    };
    constexpr char kRefusals[] = "refusals=";
    constexpr std::size_t kPrefix = sizeof(kRefusals) - 1;
    if (is("sites")) {
      options->diagnose_flags |= HAFT_DIAGNOSE_SITES;
    } else if (is("leaks")) {
      options->diagnose_flags |= HAFT_DIAGNOSE_LEAKS;
    } else if (std::strncmp(word, kRefusals, kPrefix) == 0) {
      char* end;
      const unsigned long long number = std::strtoull(word + kPrefix, &end, 10);
      options->refusals_per_second = static_cast<std::uint32_t>(
          std::min<unsigned long long>(number, UINT32_MAX));
      options->is_diagnose_valid &= end == word + length && number != 0;
    } else {
      options->is_diagnose_valid = false;
    }
    word += length + (word[length] == ',');
  }
}

std::size_t ReadCapacity(const char* text) noexcept {
  char* end;
  const unsigned long long capacity = std::strtoull(text, &end, 10);
  if (*end != '\0') return 0;
  return static_cast<std::size_t>(
      std::min<unsigned long long>(capacity, SIZE_MAX));
}

}  // namespace

EnvironmentOptions ReadEnvironment() noexcept {
  EnvironmentOptions options;
  if (const char* const words = std::getenv("HAFT_DIAGNOSE"))
    ReadDiagnose(words, &options);
  if (const char* const text = std::getenv("HAFT_CAPACITY"))
    options.capacity = ReadCapacity(text);
  return options;
}

}  // namespace HAFT_ABI
}  // namespace haft::internal

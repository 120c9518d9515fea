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

// Reads HAFT_CAPACITY. A number that is too large counts as the largest.
void ReadCapacity(const char* text, EnvironmentOptions* options) noexcept {
  const std::size_t length = std::strlen(text);
  // strtoull alone would take " 12", "+12" and "-1".
  const bool is_number =
      length != 0 && std::strspn(text, "0123456789") == length;
  const unsigned long long capacity =
      is_number ? std::strtoull(text, nullptr, 10) : 0;
  options->capacity = static_cast<std::size_t>(
      std::min<unsigned long long>(capacity, SIZE_MAX));
  options->is_capacity_valid = capacity != 0;
}

}  // namespace

EnvironmentOptions ReadEnvironment() noexcept {
  EnvironmentOptions options;
  // Not getenv: whoever starts a set-user-ID program must not choose its
  // capacity, nor see addresses of its objects.
  if (const char* const words = secure_getenv("HAFT_DIAGNOSE"))
    ReadDiagnose(words, &options);
  if (const char* const text = secure_getenv("HAFT_CAPACITY"))
    ReadCapacity(text, &options);
  return options;
}

}  // namespace HAFT_ABI
}  // namespace haft::internal

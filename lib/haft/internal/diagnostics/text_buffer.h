// Text that is put together in a buffer of fixed size.

#ifndef HAFT_INTERNAL_DIAGNOSTICS_TEXT_BUFFER_H_
#define HAFT_INTERNAL_DIAGNOSTICS_TEXT_BUFFER_H_

#include <cstdarg>
#include <cstddef>
#include <cstdio>

#include "haft/internal/base/abi.h"
#include "haft/internal/diagnostics/source_location.h"

namespace haft::internal {
inline namespace HAFT_ABI {

// Appends text to a buffer that may be too small. As with snprintf, the text is
// then cut off, ends with a zero all the same, and its full length is known.
class TextBuffer {
 public:
  TextBuffer(char* buffer, std::size_t size) noexcept
      : buffer_(buffer), size_(size) {
    if (size != 0) *buffer = '\0';
  }

  [[gnu::format(printf, 2, 3)]] void Add(const char* format, ...) noexcept {
    va_list arguments;
    va_start(arguments, format);
    Advance(std::vsnprintf(end(), room(), format, arguments));
    va_end(arguments);
  }
  void Add(SourceLocation location) noexcept {
    Advance(FormatLocation(end(), room(), location));
  }

  // Returns the length of the whole text, which may be more than fits.
  std::size_t length() const noexcept { return length_; }

 private:
  void Advance(int length) noexcept {
    if (length > 0) length_ += static_cast<std::size_t>(length);
  }
  char* end() const noexcept {
    return length_ < size_ ? buffer_ + length_ : nullptr;
  }
  std::size_t room() const noexcept {
    return length_ < size_ ? size_ - length_ : 0;
  }

  char* const buffer_;
  const std::size_t size_;
  std::size_t length_ = 0;
};

}  // namespace HAFT_ABI
}  // namespace haft::internal

#endif  // HAFT_INTERNAL_DIAGNOSTICS_TEXT_BUFFER_H_

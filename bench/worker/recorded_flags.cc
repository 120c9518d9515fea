#include "bench/worker/recorded_flags.h"

#include <link.h>

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <ios>
#include <vector>

namespace haft::study {
namespace {

constexpr char kSection[] = ".GCC.command.line";

// The sections of a program file.
class Program {
 public:
  explicit Program(const char* path) : file_(path, std::ios::binary) {
    ElfW(Ehdr) header{};
    Read(0, &header, sizeof(header));
    if (!file_) return;
    sections_.resize(header.e_shnum);
    Read(header.e_shoff, sections_.data(),
         sections_.size() * sizeof(sections_[0]));
    if (header.e_shstrndx < sections_.size())
      names_ = TextOf(sections_[header.e_shstrndx]);
  }

  // Returns the contents of a section; empty if there is none of that name.
  std::string Section(const std::string& name) {
    for (const ElfW(Shdr) & section : sections_) {
      if (section.sh_name < names_.size() &&
          names_.c_str() + section.sh_name == name)
        return TextOf(section);
    }
    return {};
  }

 private:
  void Read(std::uint64_t offset, void* to, std::size_t size) {
    file_.seekg(static_cast<std::streamoff>(offset));
    file_.read(static_cast<char*>(to), static_cast<std::streamsize>(size));
  }
  std::string TextOf(const ElfW(Shdr) & section) {
    std::string text(section.sh_size, '\0');
    Read(section.sh_offset, text.data(), text.size());
    return file_ ? text : std::string();
  }

  std::ifstream file_;
  std::vector<ElfW(Shdr)> sections_;
  std::string names_;
};

}  // namespace

std::string RecordedFlags() {
  // Strings that end with zeros.
  std::string flags;
  bool begins = true;
  for (const char c : Program("/proc/self/exe").Section(kSection)) {
    if (c == '\0') {
      begins = true;
      continue;
    }
    if (begins && !flags.empty()) flags += "; ";
    begins = false;
    flags += c;
  }
  return flags.empty() ? "unknown" : flags;
}

}  // namespace haft::study

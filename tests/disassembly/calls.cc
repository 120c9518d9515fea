// The calls that run.sh looks at, one a function. The handle is the second
// argument: x86-64 has it in rsi.

#include "haft/handle_table.h"
#include "haft/internal/process/any_table.h"
#include "haft/object_table.h"

using Table = haft::HandleTable<haft::Word>;
struct JavaScriptTraits : haft::DefaultTraits {
  using Layout = haft::Layout53<>;
};
struct ThreeWords {
  haft::Word first, second, third;
};
using Table53 = haft::HandleTable<ThreeWords, JavaScriptTraits>;
using CompactTable =
    haft::HandleTable<ThreeWords*, haft::CompactTraits<alignof(ThreeWords)>>;
struct Large {
  haft::Word words[5];
};
using Objects = haft::ObjectTable<Large>;

extern "C" {

bool Value(const Table& table, haft::Word word, haft::Word* out) {
  const auto value = table.Value(haft::Handle(word));
  if (value.has_value()) *out = *value;
  return value.has_value();
}
bool Value53(const Table53& table, haft::Word word, ThreeWords* out) {
  auto value = table.Value(haft::Handle(word));
  if (!value) return false;
  *out = *value;
  return true;
}
bool ValueCompact(const CompactTable& table, haft::Word word,
                  ThreeWords** out) {
  const auto value = table.Value(haft::Handle(word));
  if (value.has_value()) *out = *value;
  return value.has_value();
}
int CheckCompact(const CompactTable& table, haft::Word word) {
  return static_cast<int>(table.Check(haft::Handle(word)));
}
bool DeleteCompact(CompactTable& table, haft::Word word, ThreeWords** out) {
  const auto value = table.Delete(haft::Handle(word));
  if (value.has_value()) *out = *value;
  return value.has_value();
}
int Check(const Table& table, haft::Word word) {
  return static_cast<int>(table.Check(haft::Handle(word)));
}
haft::Word New(Table& table, haft::Word value) {
  return static_cast<haft::Word>(table.New(value));
}
bool Delete(Table& table, haft::Word word, haft::Word* out) {
  const auto value = table.Delete(haft::Handle(word));
  if (value.has_value()) *out = *value;
  return value.has_value();
}
haft::Word Pin(Objects& table, haft::Word word) {
  const auto pinned = table.Pin(haft::Handle(word));
  return pinned ? pinned->words[4] : 0;
}
bool PinThroughC(haft::internal::AnyTable& table, haft::Word word,
                 haft_pin* pin, void** object) {
  return AnyPin(table, haft::Handle(word), nullptr, pin, object) ==
         haft::Status::kOk;
}
haft::Word Find(const Objects::ReadScope& scope, haft::Word word) {
  const Large* const found = scope.Find(haft::Handle(word));
  return found != nullptr ? found->words[4] : 0;
}

}  // extern "C"

int main() {}

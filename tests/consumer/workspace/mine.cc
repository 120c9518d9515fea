#include "haft_study/arm.h"
#include "my_table.h"
struct Mine {
  explicit Mine(std::size_t) {}
  Key New(Value value) { return table.Add(value); }
  bool Find(Key key, Value* value) { return table.Get(key, value); }
  bool Delete(Key key) { return table.Remove(key); }
  MyTable table;
};
HAFT_STUDY_ARM("mine", Mine);

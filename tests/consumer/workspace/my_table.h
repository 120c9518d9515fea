// A table of a workspace that depends on Haft for its study only.

#ifndef MY_TABLE_H_
#define MY_TABLE_H_

#include <cstdint>
#include <map>
#include <mutex>

class MyTable {
 public:
  std::uintptr_t Add(std::uintptr_t value) {
    const std::lock_guard<std::mutex> lock(mutex_);
    values_[++last_] = value;
    return last_;
  }
  bool Get(std::uintptr_t key, std::uintptr_t* value) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = values_.find(key);
    if (found == values_.end()) return false;
    *value = found->second;
    return true;
  }
  bool Remove(std::uintptr_t key) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return values_.erase(key) != 0;
  }

 private:
  std::mutex mutex_;
  std::map<std::uintptr_t, std::uintptr_t> values_;
  std::uintptr_t last_ = 0;
};

#endif  // MY_TABLE_H_

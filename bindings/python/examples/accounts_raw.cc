// The same with pointers. It has the bug that accounts.cc does not have.

#include "accounts.h"

namespace {
struct Account {
  std::int64_t balance;
};
Account* ToAccount(std::uintptr_t word) {
  return reinterpret_cast<Account*>(word);
}
}  // namespace

std::uintptr_t account_open(std::int64_t balance) {
  return reinterpret_cast<std::uintptr_t>(new Account{balance});
}
int account_deposit(std::uintptr_t account, std::int64_t amount) {
  ToAccount(account)->balance += amount;  // use after free
  return 0;
}
int account_balance(std::uintptr_t account, std::int64_t* balance) {
  *balance = ToAccount(account)->balance;
  return 0;
}
int account_close(std::uintptr_t account) {
  delete ToAccount(account);
  return 0;
}
std::int64_t accounts_open() { return 0; }
const haft_type* account_type() { return nullptr; }

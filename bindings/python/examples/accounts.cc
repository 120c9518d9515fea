#include "accounts.h"

#include <atomic>
#include <memory>
#include <new>

#include "haft/process_table.h"

namespace {

std::atomic<std::int64_t> open_accounts{0};

struct Account {
  explicit Account(std::int64_t opening) : balance(opening) { ++open_accounts; }
  ~Account() { --open_accounts; }
  std::atomic<std::int64_t> balance;
};

}  // namespace

std::uintptr_t account_open(std::int64_t balance) {
  std::unique_ptr<Account> account(new (std::nothrow) Account(balance));
  if (account == nullptr) return 0;
  return static_cast<std::uintptr_t>(haft::New(std::move(account)));
}

int account_deposit(std::uintptr_t account, std::int64_t amount) {
  const auto pinned = haft::Pin<Account>(haft::Handle(account));
  if (pinned) pinned->balance += amount;
  return static_cast<int>(pinned.status());
}

int account_balance(std::uintptr_t account, std::int64_t* balance) {
  const auto pinned = haft::Pin<Account>(haft::Handle(account));
  if (pinned) *balance = pinned->balance;
  return static_cast<int>(pinned.status());
}

int account_close(std::uintptr_t account) {
  return static_cast<int>(haft::Delete<Account>(haft::Handle(account)));
}

std::int64_t accounts_open() { return open_accounts; }

const haft_type* account_type() { return haft::TypeOf<Account>(); }

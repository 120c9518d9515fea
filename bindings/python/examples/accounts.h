// A C++ library that gives its objects to other languages: as handles in
// accounts.cc, as pointers in accounts_raw.cc. Amounts are cents.

#ifndef HAFT_BINDINGS_PYTHON_EXAMPLES_ACCOUNTS_H_
#define HAFT_BINDINGS_PYTHON_EXAMPLES_ACCOUNTS_H_

#include <cstdint>

#include "haft/haft.h"

extern "C" {
// Returns 0 if there is no room.
std::uintptr_t account_open(std::int64_t balance);
// Returns a haft_status. An amount that is refused has not been paid in.
int account_deposit(std::uintptr_t account, std::int64_t amount);
int account_balance(std::uintptr_t account, std::int64_t* balance);
int account_close(std::uintptr_t account);
}

// Returns how many accounts there are.
extern "C" std::int64_t accounts_open();

// Returns the descriptor of accounts.
extern "C" const haft_type* account_type();

#endif  // HAFT_BINDINGS_PYTHON_EXAMPLES_ACCOUNTS_H_

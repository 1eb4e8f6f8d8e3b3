// `kindred load --check-ledger`: whether everything that was acknowledged is in the profiles, once.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "clients/cli/load_ledger.h"
#include "clients/cpp/call_retry.h"

namespace kindred {

// How many events a profile holds, by the API: of more, the oldest are gone by right.
inline constexpr size_t kHistoryEvents = 256;

struct LedgerEvent {
  std::string item;
  int64_t time_ms = 0;
};

// What the ledger says of one user: the updates by their id, each once however often it was acknowledged.
using LedgerUser = std::map<std::string, const LedgerEntry*>;
// By user id. The entries outlive it.
std::map<std::string, LedgerUser> ByUser(const std::vector<LedgerEntry>& entries);

struct LedgerCheck {
  uint64_t users = 0, updates = 0, found = 0;
  uint64_t beyond = 0;                        // older than all that a full history has kept: they cannot be told
  uint64_t unread = 0;                        // users whose profile could not be read, or only without the store
  std::vector<std::string> missing, doubled;  // "USER UPDATE_ID ITEM TIME"

  bool ok() const { return missing.empty() && doubled.empty() && unread == 0; }
};

// Compares what the ledger says of a user with the events of the user's profile. O(n log n).
void CheckUser(const LedgerUser& updates, const std::vector<LedgerEvent>& events, LedgerCheck* check);

// Reads the profiles from `server` and compares. Users that fall short are read again until `within_s` seconds have
// passed, for another server's updates take a while to arrive. An error when the server cannot be asked at all.
absl::StatusOr<LedgerCheck> CheckLedger(const std::vector<LedgerEntry>& entries, const std::string& server,
                                        const std::string& model, const ClientOptions& options, double within_s);

}  // namespace kindred

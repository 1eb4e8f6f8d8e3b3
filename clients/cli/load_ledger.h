// The ledger of `kindred load`: every update that a server has acknowledged, a line of JSON each, on its way to the
// disk before the next answer is looked at. What stands in it must be in the profiles later, whatever happened to the
// servers.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kindred {

struct LedgerEntry {
  std::string user, update_id, item;
  int64_t time_ms = 0;     // of the event
  uint64_t version = 0;    // profile_version of the acknowledgement
  std::string durability;  // as DurabilityWord has it
  bool duplicate = false;  // the server had it already
  std::string server;

  friend bool operator==(const LedgerEntry&, const LedgerEntry&) = default;
};

// Not thread-safe.
class LedgerWriter {
 public:
  // Appends to the file, which is made when missing.
  absl::Status Open(const std::string& path);
  // Writes a line and hands it to the operating system. Nothing when no file is open.
  absl::Status Append(const LedgerEntry& entry);

 private:
  std::string path_;
  std::ofstream file_;
};

// {"user","update_id","item","time_ms","version","durability","duplicate","server"}
std::string ToLine(const LedgerEntry& entry);

// INVALID_ARGUMENT naming the line that is none of the above. A last line without its end is left out: its writer was
// killed, and nobody has relied on it.
absl::StatusOr<std::vector<LedgerEntry>> ReadLedger(const std::string& path);

}  // namespace kindred

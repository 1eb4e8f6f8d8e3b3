// The Redis servers that have what this journal has, in a small file beside it: a start that meets one of them again
// need not write everything once more. Not thread-safe.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace kindred {

class KnownServers {
 public:
  // Reads `path`; what cannot be read is as if nothing was known. Empty: nothing is kept.
  explicit KnownServers(std::string path);

  bool empty() const { return run_ids_.empty(); }
  // Whether `node` was known, with this very run_id, before the process began, and is asked after for the first time.
  // Any later time something else is the matter: another master, a slot that moved.
  bool IsOld(std::string_view node, std::string_view run_id);
  void Remember(std::string_view node, std::string_view run_id);
  // Only this one has the last writes.
  void ForgetOthers(std::string_view node);
  // Writes the file anew, with those that this process met, by rename and synced. UNAVAILABLE, naming it, when that
  // fails.
  absl::Status Save() const;

 private:
  struct Known {
    std::string run_id;
    bool old = false;  // from the file
  };

  const std::string path_;
  std::map<std::string, Known, std::less<>> run_ids_;  // by node
};

}  // namespace kindred

#include "server/profiles/known_servers.h"

#include <cstdio>
#include <fstream>
#include <utility>

#include "absl/strings/str_format.h"

namespace kindred {

KnownServers::KnownServers(std::string path) : path_(std::move(path)) {
  std::ifstream file(path_);
  std::string node, run_id;
  while (file >> node >> run_id) run_ids_[node] = {run_id, true};
}

bool KnownServers::IsOld(std::string_view node, std::string_view run_id) {
  const auto at = run_ids_.find(node);
  if (at == run_ids_.end()) return false;
  return std::exchange(at->second.old, false) && at->second.run_id == run_id;
}

void KnownServers::Remember(std::string_view node, std::string_view run_id) {
  run_ids_[std::string(node)] = {std::string(run_id), false};
}

absl::Status KnownServers::Save() const {
  if (path_.empty()) return absl::OkStatus();
  const std::string temporary = path_ + ".new";
  {
    std::ofstream file(temporary, std::ios::trunc);
    for (const auto& [node, known] : run_ids_) file << node << ' ' << known.run_id << '\n';
    file.flush();
    if (!file) return absl::UnavailableError(absl::StrFormat("'%s' cannot be written", temporary));
  }
  if (std::rename(temporary.c_str(), path_.c_str()) != 0) {
    return absl::UnavailableError(absl::StrFormat("'%s' cannot be put in place of '%s'", temporary, path_));
  }
  return absl::OkStatus();
}

}  // namespace kindred

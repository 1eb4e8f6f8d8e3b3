#include "server/profiles/known_servers.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/str_format.h"

namespace kindred {

namespace {

// Whether what `path` names, a file or a directory, is on the disk.
bool Sync(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool synced = fsync(fd) == 0;
  close(fd);
  return synced;
}

}  // namespace

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

void KnownServers::ForgetOthers(std::string_view node) {
  std::erase_if(run_ids_, [node](const auto& known) { return known.first != node; });
}

absl::Status KnownServers::Save() const {
  if (path_.empty()) return absl::OkStatus();
  const std::string temporary = path_ + ".new";
  {
    std::ofstream file(temporary, std::ios::trunc);
    for (const auto& [node, known] : run_ids_) {
      if (!known.old) file << node << ' ' << known.run_id << '\n';
    }
    file.flush();
    if (!file || !Sync(temporary)) return absl::UnavailableError(absl::StrFormat("'%s' cannot be written", temporary));
  }
  if (std::rename(temporary.c_str(), path_.c_str()) != 0) {
    return absl::UnavailableError(absl::StrFormat("'%s' cannot be put in place of '%s'", temporary, path_));
  }
  // Where the directory cannot be synced, a crash may bring back the last file: see to it that this is noticed.
  const std::string directory = std::filesystem::path(path_).parent_path().string();
  if (!Sync(directory.empty() ? "." : directory)) {
    return absl::UnavailableError(absl::StrFormat("the directory of '%s' cannot be synced", path_));
  }
  return absl::OkStatus();
}

}  // namespace kindred

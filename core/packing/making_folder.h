// A folder of its own for what is being made. It is locked while somebody works in it, so that another process, also
// one in another container, can tell what a run that died has left. Internal to this room.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace kindred {

class MakingFolder {
 public:
  // Makes and locks a folder in `parent`. Errors carry the system's reason.
  static absl::StatusOr<std::unique_ptr<MakingFolder>> Create(const std::string& parent);
  // Removes it with all that is in it.
  ~MakingFolder();
  MakingFolder(const MakingFolder&) = delete;
  MakingFolder& operator=(const MakingFolder&) = delete;

  const std::string& path() const { return path_; }

  // Removes those in `parent` that nobody works in.
  static void RemoveDead(const std::string& parent);

 private:
  MakingFolder(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  std::string path_;
  int fd_;
};

}  // namespace kindred

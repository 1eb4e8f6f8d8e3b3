// Tells at once, where the kernel does, and within a second where it does not (NFS and others), that something changed
// in a model store or in a file that serves.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/lifecycle/watched_file.h"

namespace kindred {

class StoreWatcher {
 public:
  // Watches <store_dir>, its model folders and their version folders; those that come later are taken in. Folders whose
  // names begin with a dot are not (a version that is being published). A store that is not there yet is no error.
  // RESOURCE_EXHAUSTED when the process may open no more files. Without `ask_kernel` it works by looking alone, as
  // where the kernel has no inotify left.
  static absl::StatusOr<std::unique_ptr<StoreWatcher>> Open(const std::string& store_dir, bool ask_kernel = true);
  ~StoreWatcher();
  StoreWatcher(const StoreWatcher&) = delete;
  StoreWatcher& operator=(const StoreWatcher&) = delete;

  struct Events {
    bool store_changed = false;
    struct File {
      std::string path;
      // "modified": written to, or of another size. "deleted": gone from its path, or another file is there; its map
      // lives on. "unreadable". "touched": its times changed and whether its content did must be read.
      std::string kind;
    };
    std::vector<File> files;  // each file once, with the worst that happened to it

    bool empty() const { return !store_changed && files.empty(); }
  };
  // Waits at most `timeout` for something to happen; what happened since the last call. Looks at files every 250 ms and
  // at folders every second whatever the kernel tells. One thread at a time.
  Events Wait(std::chrono::milliseconds timeout);
  // Ends a Wait, the one now or the next. From any thread.
  void Wake();

  // A file that is in use: its present state is as it should be, so this comes before its content is checked. Again:
  // from now on. From any thread.
  void WatchFile(const std::string& path);
  void UnwatchFile(const std::string& path);

  // Why changes are noticed by looking alone; empty where the kernel tells them. Thread-safe.
  std::string note() const;

 private:
  struct File {
    std::unique_ptr<WatchedFile> watched;
    int watch = -1;  // of inotify
    bool written = false;
  };

  StoreWatcher(std::string store_dir, int wake_fd, int inotify_fd);

  void Sleep(std::chrono::steady_clock::time_point until);
  void ReadKernel(Events* events);
  void LookAtFiles(Events* events);
  void LookAtFolders(Events* events);
  void AddFolder(const std::string& folder, std::string* state);
  int AddWatch(const std::string& path, uint32_t mask);
  void RemoveWatch(int watch);

  const std::string store_dir_;
  const int wake_fd_;
  const int inotify_fd_;  // -1: none
  std::chrono::steady_clock::time_point next_folders_{};
  std::string state_;                   // of all folders
  std::map<int, std::string> folders_;  // by their watch
  mutable std::mutex mutex_;
  bool woken_ = false;                              // guarded by mutex_, as the rest
  std::map<std::string, File, std::less<>> files_;  // by path
  std::string note_;
};

}  // namespace kindred

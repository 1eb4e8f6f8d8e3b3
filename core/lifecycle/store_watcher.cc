#include "core/lifecycle/store_watcher.h"

#include <dirent.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"

namespace kindred {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kFileInterval = std::chrono::milliseconds(250);
constexpr auto kFolderInterval = std::chrono::seconds(1);
constexpr uint32_t kFolderMask = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | IN_ATTRIB |
                                 IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
constexpr uint32_t kFileMask = IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF;

// Names in a folder, ascending, without those that begin with a dot; none when it cannot be read.
std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> found;
  DIR* directory = opendir(folder.c_str());
  if (directory == nullptr) return found;
  const absl::Cleanup close_directory = [directory] { closedir(directory); };
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_name[0] != '.') found.emplace_back(entry->d_name);
  }
  std::sort(found.begin(), found.end());
  return found;
}

// One line that changes with what is at `path`.
void AppendState(const std::string& path, const struct stat& info, std::string* state) {
  absl::StrAppend(state, path, " ", info.st_dev, " ", info.st_ino, " ", info.st_mode, " ", info.st_size, " ",
                  info.st_mtim.tv_sec, ".", info.st_mtim.tv_nsec, "\n");
}

}  // namespace

absl::StatusOr<std::unique_ptr<StoreWatcher>> StoreWatcher::Open(const std::string& store_dir, bool ask_kernel) {
  const int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd < 0) return absl::ErrnoToStatus(errno, "cannot watch the model store: eventfd");
  const int inotify_fd = ask_kernel ? inotify_init1(IN_CLOEXEC | IN_NONBLOCK) : -1;
  const int error = errno;
  std::unique_ptr<StoreWatcher> watcher(new StoreWatcher(store_dir, wake_fd, inotify_fd));
  if (ask_kernel && inotify_fd < 0) {
    watcher->note_ =
        absl::StrCat("changes of the model store are noticed by looking, every second: inotify: ", strerror(error),
                     " (fs.inotify.max_user_instances)");
  }
  Events first;
  watcher->LookAtFolders(&first);
  return watcher;
}

StoreWatcher::StoreWatcher(std::string store_dir, int wake_fd, int inotify_fd)
    : store_dir_(std::move(store_dir)), wake_fd_(wake_fd), inotify_fd_(inotify_fd) {}

StoreWatcher::~StoreWatcher() {
  close(wake_fd_);
  if (inotify_fd_ >= 0) close(inotify_fd_);
}

StoreWatcher::Events StoreWatcher::Wait(std::chrono::milliseconds timeout) {
  const auto end = Clock::now() + timeout;
  Events events;
  while (true) {
    ReadKernel(&events);
    LookAtFiles(&events);
    if (events.store_changed || Clock::now() >= next_folders_) LookAtFolders(&events);
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(woken_, false)) return events;
    }
    if (!events.empty() || Clock::now() >= end) return events;
    Sleep(std::min(end, Clock::now() + kFileInterval));
  }
}

void StoreWatcher::Wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  const uint64_t one = 1;
  // It fails only when it is full, and then it wakes all the same.
  [[maybe_unused]] const ssize_t written = write(wake_fd_, &one, sizeof(one));
}

std::string StoreWatcher::note() const {
  const std::lock_guard lock(mutex_);
  return note_;
}

void StoreWatcher::Sleep(Clock::time_point until) {
  pollfd fds[] = {{wake_fd_, POLLIN, 0}, {inotify_fd_, POLLIN, 0}};
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
  poll(fds, inotify_fd_ >= 0 ? 2 : 1, static_cast<int>(std::max<int64_t>(left, 0)));
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t taken = read(wake_fd_, &count, sizeof(count));
}

void StoreWatcher::ReadKernel(Events* events) {
  if (inotify_fd_ < 0) return;
  alignas(inotify_event) char buffer[16 * 1024];
  while (true) {
    const ssize_t size = read(inotify_fd_, buffer, sizeof(buffer));
    if (size <= 0) return;
    for (ssize_t at = 0; at < size;) {
      inotify_event event;
      std::memcpy(&event, buffer + at, sizeof(event));
      const char* name = buffer + at + sizeof(event);
      at += static_cast<ssize_t>(sizeof(event) + event.len);
      // More happened than the queue holds; what, the looks below find out.
      if ((event.mask & IN_Q_OVERFLOW) != 0) events->store_changed = true;
      const auto folder = folders_.find(event.wd);
      if (folder != folders_.end() && (event.len == 0 || name[0] != '.')) events->store_changed = true;
      if ((event.mask & IN_IGNORED) != 0 && folder != folders_.end()) folders_.erase(folder);
      if ((event.mask & IN_MODIFY) == 0) continue;
      const std::lock_guard lock(mutex_);
      for (auto& [path, file] : files_) file.written = file.written || file.watch == event.wd;
    }
  }
}

void StoreWatcher::LookAtFiles(Events* events) {
  const std::lock_guard lock(mutex_);
  for (auto& [path, file] : files_) {
    FileChange change = file.watched->Look();
    if (std::exchange(file.written, false)) change = FileChange::kModified;
    if (change != FileChange::kNone) events->files.push_back({path, std::string(FileChangeName(change))});
  }
}

void StoreWatcher::LookAtFolders(Events* events) {
  next_folders_ = Clock::now() + kFolderInterval;
  // A folder that comes while others are read is not watched yet: once more, until nothing is new.
  size_t watched = 0;
  std::string state;
  do {
    watched = folders_.size();
    state.clear();
    AddFolder(store_dir_, &state);
    for (const std::string& model : NamesIn(store_dir_)) {
      const std::string folder = absl::StrCat(store_dir_, "/", model);
      AddFolder(folder, &state);
      for (const std::string& version : NamesIn(folder)) {
        const std::string inner = absl::StrCat(folder, "/", version);
        AddFolder(inner, &state);
        for (const std::string& file : NamesIn(inner)) {
          struct stat info;
          const std::string path = absl::StrCat(inner, "/", file);
          if (stat(path.c_str(), &info) == 0) AppendState(path, info, &state);
        }
      }
    }
  } while (folders_.size() > watched);
  if (state != state_) events->store_changed = true;
  state_ = std::move(state);
}

void StoreWatcher::AddFolder(const std::string& folder, std::string* state) {
  struct stat info;
  if (stat(folder.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) return;
  // Before its content is read: what comes after that is told.
  if (const int watch = AddWatch(folder, kFolderMask); watch >= 0) folders_.insert_or_assign(watch, folder);
  // Its own times change with names that begin with a dot too; names are told by their own lines.
  absl::StrAppend(state, folder, " ", info.st_ino, " ", info.st_mode, "\n");
}

int StoreWatcher::AddWatch(const std::string& path, uint32_t mask) {
  if (inotify_fd_ < 0) return -1;
  const int watch = inotify_add_watch(inotify_fd_, path.c_str(), mask);
  if (watch < 0 && errno == ENOSPC) {
    const std::lock_guard lock(mutex_);
    note_ =
        "some changes of the model store are noticed by looking, every second: inotify has no watches left "
        "(fs.inotify.max_user_watches)";
  }
  return watch;
}

void StoreWatcher::RemoveWatch(int watch) {
  if (watch < 0) return;
  // Another path may lead to the same file, and has the same watch.
  const bool shared =
      std::any_of(files_.begin(), files_.end(), [watch](const auto& entry) { return entry.second.watch == watch; });
  if (!shared) inotify_rm_watch(inotify_fd_, watch);
}

void StoreWatcher::WatchFile(const std::string& path) {
  // First the watch: what happens between the two is told twice rather than not at all.
  const int watch = AddWatch(path, kFileMask);
  auto watched = std::make_unique<WatchedFile>(path);
  const std::lock_guard lock(mutex_);
  File& file = files_[path];
  const int before = std::exchange(file.watch, watch);
  file.watched = std::move(watched);
  file.written = false;
  if (before != watch) RemoveWatch(before);
}

void StoreWatcher::UnwatchFile(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto file = files_.find(path);
  if (file == files_.end()) return;
  const int watch = file->second.watch;
  files_.erase(file);
  RemoveWatch(watch);
}

}  // namespace kindred

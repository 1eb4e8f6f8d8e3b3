#include "server/availability_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/bundle/atomic_file.h"
#include "server/availability_file.h"
#include "server/grpc_status.h"
#include "server/limits.h"

namespace kindred {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFileName = "availability";

absl::Status CannotUse(const std::string& dir, std::string_view what) {
  return absl::UnavailableError(
      StrCat("items folder '", dir, "': ", what,
             ". One server at a time may use it, and must be able to write there; name another with --items or "
             "items.dir"));
}

// Makes `dir` and what is missing above it, and syncs every folder that has a new name in it: a file in a folder that a
// crash takes away is not durable.
absl::Status MakeFolder(const std::string& dir) {
  std::error_code error;
  const fs::path absolute = fs::absolute(dir, error).lexically_normal();
  std::vector<fs::path> grown;
  for (fs::path at = absolute; !error && !fs::exists(at, error) && at.has_relative_path(); at = at.parent_path()) {
    grown.push_back(at.parent_path());
  }
  if (!error) fs::create_directories(absolute, error);
  if (error) return CannotUse(dir, StrCat("cannot be made: ", error.message()));
  for (const fs::path& folder : grown) {
    const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) continue;  // one that may be passed through but not read was not made here
    fsync(fd);
    close(fd);
  }
  return absl::OkStatus();
}

// What a write that was killed left behind.
void RemoveLeftOvers(const std::string& dir) {
  std::error_code error;
  for (fs::directory_iterator at(dir, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    std::error_code ignored;
    if (name.starts_with(StrCat(".", kFileName, ".")) && name.ends_with(".tmp")) fs::remove(at->path(), ignored);
  }
}

void SortUnique(std::vector<std::string_view>* ids) {
  std::sort(ids->begin(), ids->end());
  ids->erase(std::unique(ids->begin(), ids->end()), ids->end());
}

}  // namespace

absl::StatusOr<std::unique_ptr<AvailabilityStore>> AvailabilityStore::Open(const std::string& dir,
                                                                           AvailabilityRegistry* registry) {
  if (dir.empty()) return std::unique_ptr<AvailabilityStore>(new AvailabilityStore("", registry));
  RETURN_IF_ERROR(MakeFolder(dir));
  std::unique_ptr<AvailabilityStore> store(new AvailabilityStore(StrCat(dir, "/", kFileName), registry));
  RETURN_IF_ERROR(store->Lock(dir));
  RemoveLeftOvers(dir);
  ASSIGN_OR_RETURN(UnavailableItems items, ReadAvailabilityFile(store->path_));
  registry->Publish(std::make_shared<const UnavailableItems>(std::move(items)));
  return store;
}

AvailabilityStore::~AvailabilityStore() {
  if (lock_fd_ >= 0) close(lock_fd_);
}

absl::Status AvailabilityStore::Lock(const std::string& dir) {
  lock_fd_ = open(StrCat(dir, "/LOCK").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_fd_ >= 0 && flock(lock_fd_, LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  return CannotUse(dir, errno == EWOULDBLOCK ? std::string("another process uses it")
                                             : StrCat("cannot be locked: ", std::generic_category().message(errno)));
}

absl::StatusOr<AvailabilityStore::Change> AvailabilityStore::Set(std::span<const std::string_view> out,
                                                                 std::span<const std::string_view> back) {
  const std::lock_guard lock(changing_);
  absl::StatusOr<Change> change = Apply(out, back);
  (!change.ok()           ? counts_.failed
   : change->changed == 0 ? counts_.unchanged
                          : counts_.applied)
      .fetch_add(1, std::memory_order_relaxed);
  return change;
}

absl::StatusOr<AvailabilityStore::Change> AvailabilityStore::Apply(std::span<const std::string_view> out,
                                                                   std::span<const std::string_view> back) {
  out_.assign(out.begin(), out.end());
  back_.assign(back.begin(), back.end());
  SortUnique(&out_);
  SortUnique(&back_);
  const auto before = items();
  Change change;
  auto after = std::make_shared<UnavailableItems>(before->With(out_, back_, &change.changed));
  if (change.changed == 0) {
    change.unavailable = before->size();
    change.version = before->version();
    return change;
  }
  if (after->size() > limits::kMaxUnavailableItems && after->size() > before->size()) {
    return WithReason(absl::FailedPreconditionError(
                          absl::StrFormat("%d items would be out, expected at most %d; %d are now: put some back first",
                                          after->size(), limits::kMaxUnavailableItems, before->size())),
                      "TOO_MANY_UNAVAILABLE_ITEMS");
  }
  if (!path_.empty()) {
    const std::string bytes = EncodeAvailability(*after);
    const std::array parts = {std::as_bytes(std::span(bytes.data(), bytes.size()))};
    const absl::Status written = WriteFileAtomically(path_, parts);
    if (!written.ok()) {
      return WithReason(absl::UnavailableError(StrCat("the change is not in force, since it could not be stored: ",
                                                      written.message(), "; try again once the disk takes writes")),
                        "AVAILABILITY_NOT_STORED");
    }
  }
  change.unavailable = after->size();
  change.version = after->version();
  registry_->Publish(std::move(after));
  return change;
}

}  // namespace kindred

#include "core/lifecycle/memory_room.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <optional>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace kindred {
namespace {

constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

// A decimal number at the beginning of `text`; nullopt for "max" and anything else.
std::optional<uint64_t> Number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

std::optional<uint64_t> NumberIn(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  return Number(line);
}

// The number behind `key` in a file of lines "<key> <number>", with or without a colon and spaces between.
std::optional<uint64_t> NumberOf(const std::string& path, std::string_view key) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    std::string_view rest = line;
    if (!rest.starts_with(key)) continue;
    rest.remove_prefix(key.size());
    const size_t begin = rest.find_first_not_of(": \t");
    if (begin == 0 || begin == std::string_view::npos) continue;
    return Number(rest.substr(begin));
  }
  return std::nullopt;
}

// The number behind `key` in kB, in bytes.
std::optional<uint64_t> KilobytesOf(const std::string& path, std::string_view key) {
  const auto kilobytes = NumberOf(path, key);
  if (!kilobytes.has_value() || *kilobytes > kNoLimit / 1024) return std::nullopt;
  return *kilobytes * 1024;
}

void Narrow(uint64_t available, std::string bound, MemoryRoom* room) {
  if (available >= room->available) return;
  room->available = available;
  room->bound = std::move(bound);
}

// The files of one version of cgroups.
struct CgroupFiles {
  std::string_view limits[2];
  std::string_view use;
  std::string_view reclaimable[3];  // keys of memory.stat
};
constexpr CgroupFiles kVersion2 = {
    {"memory.max", "memory.high"}, "memory.current", {"inactive_file", "active_file", "slab_reclaimable"}};
constexpr CgroupFiles kVersion1 = {
    {"memory.limit_in_bytes", ""}, "memory.usage_in_bytes", {"total_inactive_file", "total_active_file", ""}};

void NarrowByFolder(const CgroupFiles& files, const std::string& folder, const std::string& name, MemoryRoom* room) {
  uint64_t limit = kNoLimit;
  for (std::string_view file : files.limits) {
    if (file.empty()) continue;
    limit = std::min(limit, NumberIn(absl::StrCat(folder, "/", std::string(file))).value_or(kNoLimit));
  }
  const auto use = NumberIn(absl::StrCat(folder, "/", std::string(files.use)));
  if (limit == kNoLimit || !use.has_value()) return;
  uint64_t reclaimable = 0;
  for (std::string_view key : files.reclaimable) {
    if (!key.empty()) reclaimable += NumberOf(absl::StrCat(folder, "/memory.stat"), key).value_or(0);
  }
  const uint64_t held = *use - std::min(*use, reclaimable);
  Narrow(limit - std::min(limit, held), absl::StrCat("cgroup limit ", name), room);
}

// The cgroup at `path` and each above it, below `mount`. Folders that are not there say nothing: a container sees its
// own cgroup at the mount, whatever /proc calls it.
void NarrowByCgroup(const CgroupFiles& files, const std::string& mount, std::string path, MemoryRoom* room) {
  if (path.find("..") != std::string::npos) path = "/";  // outside of the namespace
  while (!path.empty() && path.back() == '/') path.pop_back();
  while (true) {
    NarrowByFolder(files, absl::StrCat(mount, path), path.empty() ? "/" : path, room);
    if (path.empty()) return;
    path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
}

// /proc/self/cgroup: "0::/path" is version 2, "4:cpu,memory:/path" version 1.
void NarrowByCgroups(const std::string& root, MemoryRoom* room) {
  std::ifstream file(absl::StrCat(root, "/proc/self/cgroup"));
  const std::string mount = absl::StrCat(root, "/sys/fs/cgroup");
  std::string line;
  while (std::getline(file, line)) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = absl::StrCat(",", line.substr(first + 1, second - first - 1), ",");
    const std::string path = line.substr(second + 1);
    if (controllers == ",,") {
      NarrowByCgroup(kVersion2, mount, path, room);
      NarrowByCgroup(kVersion2, absl::StrCat(mount, "/unified"), path, room);
    } else if (controllers.find(",memory,") != std::string::npos) {
      NarrowByCgroup(kVersion1, absl::StrCat(mount, "/memory"), path, room);
    }
  }
}

}  // namespace

MemoryRoom ReadMemoryRoom(const std::string& root) {
  MemoryRoom room{kNoLimit, 0, 0, "nothing"};
  const std::string status = absl::StrCat(root, "/proc/self/status");
  room.resident = KilobytesOf(status, "RssAnon").value_or(0) + KilobytesOf(status, "RssShmem").value_or(0);
  room.mapped = KilobytesOf(status, "RssFile").value_or(0);
  if (const auto machine = KilobytesOf(absl::StrCat(root, "/proc/meminfo"), "MemAvailable"); machine.has_value()) {
    Narrow(*machine, "machine", &room);
  }
  NarrowByCgroups(root, &room);
  return room;
}

}  // namespace kindred

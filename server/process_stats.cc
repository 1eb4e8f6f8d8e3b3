#include "server/process_stats.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace kindred {
namespace {

// The fields of /proc/self/stat after the command, which is in parentheses and may hold anything. Field n of proc(5)
// is element n − 3.
std::vector<std::string> StatFields() {
  std::ifstream file("/proc/self/stat");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const size_t end = text.rfind(')');
  if (end == std::string::npos) return {};
  return absl::StrSplit(text.substr(end + 1), ' ', absl::SkipWhitespace());
}

uint64_t Field(const std::vector<std::string>& fields, size_t number) {
  uint64_t value = 0;
  return fields.size() > number - 3 && absl::SimpleAtoi(fields[number - 3], &value) ? value : 0;
}

double BootSeconds() {
  std::ifstream file("/proc/stat");
  std::string word;
  double seconds = 0;
  while (file >> word) {
    if (word == "btime" && file >> seconds) return seconds;
  }
  return 0;
}

uint64_t CountOpenFds() {
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  uint64_t count = 0;
  while (const dirent* entry = readdir(directory)) count += entry->d_name[0] != '.';
  closedir(directory);
  return count > 0 ? count - 1 : 0;  // without the one that reads the directory
}

}  // namespace

ProcessStats ReadProcessStats() {
  ProcessStats stats;
  const auto fields = StatFields();
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  stats.cpu_seconds = static_cast<double>(Field(fields, 14) + Field(fields, 15)) / ticks;
  stats.threads = Field(fields, 20);
  stats.start_seconds = BootSeconds() + static_cast<double>(Field(fields, 22)) / ticks;
  stats.virtual_bytes = Field(fields, 23);
  stats.resident_bytes = Field(fields, 24) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  stats.open_fds = CountOpenFds();
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) stats.max_fds = limit.rlim_cur;
  return stats;
}

}  // namespace kindred

// Files of tests: whole reads and writes, and a folder that goes away. A failure fails the test.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kindred::testing {

std::string ReadFile(const std::string& path);
void WriteFile(const std::string& path, std::string_view bytes);

// Overwrites the bytes at `offset` in place, as a careless tool would.
void PatchFile(const std::string& path, size_t offset, std::string_view bytes);

// Names in a directory, sorted, "." and ".." left out.
std::vector<std::string> ListDirectory(const std::string& path);

// A new empty folder, removed with everything in it at the end of the scope.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }
  std::string File(std::string_view name) const;

 private:
  std::string path_;
};

}  // namespace kindred::testing

// Writes a CSV file (RFC 4180, LF line ends; gzip when its name ends with .gz) beside its name and gives it the name in
// one step. Not thread-safe.
#pragma once

#include <zlib.h>

#include <cstdio>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kindred {

class CsvWriter {
 public:
  // INVALID_ARGUMENT with the system's reason when a file cannot be made beside `path`.
  static absl::StatusOr<std::unique_ptr<CsvWriter>> Create(const std::string& path);
  ~CsvWriter();  // what is not published is removed
  CsvWriter(const CsvWriter&) = delete;
  CsvWriter& operator=(const CsvWriter&) = delete;

  // Appends a record; fields with delimiters, quotes, line breaks or outer blanks are quoted. An error is kept for
  // Close.
  void Row(std::initializer_list<std::string_view> fields) { Row(std::span(fields.begin(), fields.size())); }
  void Row(std::span<const std::string_view> fields);

  // Everything to the disk, still under another name; UNAVAILABLE with the reason when that failed (a full disk).
  absl::Status Close();
  // Gives the closed file its name, replacing an older one.
  absl::Status Publish();
  absl::Status Finish();  // both

 private:
  CsvWriter() = default;
  void Flush();
  absl::Status Failed(std::string_view what) const;

  std::string path_, temporary_;
  std::string buffer_;
  std::FILE* plain_ = nullptr;
  gzFile compressed_ = nullptr;
  int error_ = 0;
};

}  // namespace kindred

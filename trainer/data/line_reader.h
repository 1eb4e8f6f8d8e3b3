// Streams a text file line by line, plain or gzip. Memory is one line. Not thread-safe.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace kindred {

class LineReader {
 public:
  static constexpr size_t kMaxLineBytes = size_t{64} << 20;

  // Errors of InputFileSize; INVALID_ARGUMENT for an empty file. A byte order mark is skipped.
  static absl::StatusOr<std::unique_ptr<LineReader>> Open(const std::string& path);
  ~LineReader();

  // The next line without its end; false at the end of the file. DATA_LOSS for damaged or truncated gzip data,
  // INVALID_ARGUMENT for a line longer than kMaxLineBytes.
  absl::StatusOr<bool> Next();
  std::string_view line() const { return line_; }  // until the next call
  uint64_t number() const { return number_; }      // of the current line; the first is 1
  uint64_t bytes_read() const;
  uint64_t bytes_total() const { return bytes_total_; }

 private:
  LineReader() = default;
  absl::Status Fill();

  std::string path_;
  gzFile file_ = nullptr;
  std::string buffer_;
  size_t at_ = 0;
  bool end_ = false;
  std::string_view line_;
  uint64_t number_ = 0, bytes_total_ = 0;
};

}  // namespace kindred

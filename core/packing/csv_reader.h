// Streams a CSV file (RFC 4180; plain or gzip, told by its first bytes) record by record. Memory is one record. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace kindred {

class CsvReader {
 public:
  // Longest accepted field and most fields of a record: guards against a stray quote that swallows the file.
  static constexpr size_t kMaxFieldBytes = 1 << 20;
  static constexpr size_t kMaxFields = 10'000;

  // Opens `path` and reads its header record; a UTF-8 byte order mark before it is skipped. `delimiter` is one byte.
  // NOT_FOUND when there is no such file; INVALID_ARGUMENT when it is empty, its header is malformed, has an empty or a
  // repeated column name, or the file is a compressed format other than gzip. Messages name the file.
  static absl::StatusOr<std::unique_ptr<CsvReader>> Open(const std::string& path, char delimiter = ',');
  ~CsvReader();

  const std::vector<std::string>& header() const { return header_; }
  // The index of a column, or INVALID_ARGUMENT naming the columns there are.
  absl::StatusOr<size_t> Column(std::string_view name) const;
  std::optional<size_t> FindColumn(std::string_view name) const;

  // Reads the next record; false at the end. Blank lines are skipped. Quotes may hold delimiters, line breaks and
  // doubled quotes; lines end with LF, CRLF or CR. INVALID_ARGUMENT, naming file and line, for a record whose number of
  // fields is not the header's, a quote that does not close, text behind a closing quote, or a NUL byte; DATA_LOSS for
  // damaged or truncated gzip data.
  absl::StatusOr<bool> Next();
  // Fields of the current record; views until the next call to Next.
  std::string_view Field(size_t column) const { return fields_[column]; }
  // Line on which the current record begins (the header is on line 1) and how many records were read.
  uint64_t line() const { return record_line_; }
  uint64_t records() const { return records_; }
  const std::string& path() const { return path_; }

  // Bytes of the file read so far and in all, for progress.
  uint64_t bytes_read() const;
  uint64_t bytes_total() const { return bytes_total_; }

  // "FILE, line 12, column 'rating': <what>".
  absl::Status ErrorAt(size_t column, std::string_view what) const;

 private:
  struct Input;
  CsvReader();
  absl::StatusOr<bool> ReadRecord();
  absl::StatusOr<bool> ReadPlainLine();
  absl::Status ReadQuoted();
  absl::StatusOr<int> Get();  // next byte or −1 at the end
  absl::StatusOr<int> Peek();
  absl::Status EndField();
  absl::Status Malformed(uint64_t line, std::string_view what) const;

  std::string path_;
  char delimiter_ = ',';
  uint64_t bytes_total_ = 0;
  std::unique_ptr<Input> input_;
  std::vector<std::string> header_;
  std::string record_;        // the fields' bytes, one after another
  std::vector<size_t> ends_;  // end of each field in record_
  std::vector<std::string_view> fields_;
  size_t field_begin_ = 0;
  uint64_t line_ = 1, record_line_ = 0, records_ = 0;
};

}  // namespace kindred

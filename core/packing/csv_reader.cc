#include "core/packing/csv_reader.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "absl/strings/str_format.h"
#include "core/base/input_file_size.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "core/packing/gzip_problem.h"

namespace kindred {
namespace {

constexpr size_t kChunkBytes = 1 << 18;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// The name of a compressed or binary format that people mistake for CSV, by its first bytes.
std::string_view ForeignFormat(std::string_view begin) {
  if (begin.starts_with("\x28\xB5\x2F\xFD")) return "zstd";
  if (begin.starts_with("BZh")) return "bzip2";
  if (begin.starts_with("\xFD"
                        "7zXZ"))
    return "xz";
  if (begin.starts_with("PK\x03\x04")) return "zip";
  if (begin.starts_with("PAR1")) return "Parquet";
  if (begin.starts_with("\xFF\xFE") || begin.starts_with("\xFE\xFF")) return "UTF-16 text";
  return "";
}

}  // namespace

// gzread hands plain files through unchanged.
struct CsvReader::Input {
  gzFile file = nullptr;
  std::string chunk = std::string(kChunkBytes, '\0');
  size_t at = 0, size = 0;
  bool end = false;
  ~Input() {
    if (file != nullptr) gzclose(file);
  }
};

CsvReader::CsvReader() : input_(std::make_unique<Input>()) {}
CsvReader::~CsvReader() = default;

absl::StatusOr<std::unique_ptr<CsvReader>> CsvReader::Open(const std::string& path, char delimiter) {
  ASSIGN_OR_RETURN(const uint64_t size, InputFileSize(path));
  std::unique_ptr<CsvReader> reader(new CsvReader());
  reader->path_ = path;
  reader->delimiter_ = delimiter;
  reader->bytes_total_ = size;
  reader->input_->file = gzopen(path.c_str(), "rb");
  if (reader->input_->file == nullptr) {
    return absl::InvalidArgumentError(absl::StrFormat("%s: %s", path, std::strerror(errno)));
  }
  gzbuffer(reader->input_->file, kChunkBytes);

  RETURN_IF_ERROR(reader->Peek().status());
  const std::string_view begin(reader->input_->chunk.data(), reader->input_->size);
  if (begin.empty()) {
    return absl::InvalidArgumentError(StrCat(path, ": is empty, expected a CSV header line with column names"));
  }
  if (const std::string_view format = ForeignFormat(begin); !format.empty()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: is %s, expected CSV as UTF-8 text, plain or gzip", path, format));
  }
  if (begin.starts_with(kByteOrderMark)) reader->input_->at = kByteOrderMark.size();

  ASSIGN_OR_RETURN(const bool found, reader->ReadRecord());
  if (!found) {
    return absl::InvalidArgumentError(
        StrCat(path, ": holds blank lines only, expected a CSV header line with column names"));
  }
  std::set<std::string_view> seen;
  for (std::string_view name : reader->fields_) {
    if (name.empty()) {
      return reader->Malformed(reader->record_line_,
                               absl::StrFormat("column %d of the header has no name", seen.size() + 1));
    }
    if (!seen.insert(name).second) {
      return reader->Malformed(reader->record_line_, StrCat("column ", Shown(name), " stands twice in the header"));
    }
  }
  reader->header_.assign(reader->fields_.begin(), reader->fields_.end());
  return reader;
}

std::optional<size_t> CsvReader::FindColumn(std::string_view name) const {
  const auto found = std::find(header_.begin(), header_.end(), name);
  if (found == header_.end()) return std::nullopt;
  return static_cast<size_t>(found - header_.begin());
}

absl::StatusOr<size_t> CsvReader::Column(std::string_view name) const {
  if (const std::optional<size_t> column = FindColumn(name)) return *column;
  return absl::InvalidArgumentError(
      absl::StrFormat("%s: has no column %s; its columns are %s", path_, Shown(name), StrJoin(header_, ", ")));
}

absl::StatusOr<bool> CsvReader::Next() {
  ASSIGN_OR_RETURN(const bool found, ReadRecord());
  if (!found) return false;
  ++records_;
  if (fields_.size() != header_.size()) {
    return Malformed(record_line_, absl::StrFormat("has %d fields, the header has %d (%s)", fields_.size(),
                                                   header_.size(), StrJoin(header_, ", ")));
  }
  return true;
}

uint64_t CsvReader::bytes_read() const { return static_cast<uint64_t>(std::max<z_off_t>(0, gzoffset(input_->file))); }

absl::Status CsvReader::ErrorAt(size_t column, std::string_view what) const {
  return absl::InvalidArgumentError(
      absl::StrFormat("%s, line %d, column '%s': %s", path_, record_line_, header_[column], what));
}

absl::Status CsvReader::Malformed(uint64_t line, std::string_view what) const {
  return absl::InvalidArgumentError(absl::StrFormat("%s, line %d: %s", path_, line, what));
}

absl::StatusOr<int> CsvReader::Peek() {
  Input& in = *input_;
  if (in.at == in.size && !in.end) {
    const int got = gzread(in.file, in.chunk.data(), static_cast<unsigned>(in.chunk.size()));
    int code = Z_OK;
    const char* reason = gzerror(in.file, &code);
    // A gzip stream that ends early is reported only here, with the bytes so far handed out.
    if (got < 0 || (code != Z_OK && code != Z_STREAM_END)) {
      return absl::DataLossError(absl::StrFormat("%s, near line %d: %s", path_, line_, GzipProblem(code, reason)));
    }
    in.at = 0;
    in.size = static_cast<size_t>(got);
    in.end = got == 0;
  }
  return in.at < in.size ? static_cast<unsigned char>(in.chunk[in.at]) : -1;
}

absl::StatusOr<int> CsvReader::Get() {
  ASSIGN_OR_RETURN(const int c, Peek());
  if (c >= 0) ++input_->at;
  if (c == '\n') ++line_;
  if (c == 0) return Malformed(line_, "holds a NUL byte, expected text");
  return c;
}

absl::Status CsvReader::EndField() {
  ends_.push_back(record_.size());
  field_begin_ = record_.size();
  if (ends_.size() > kMaxFields) {
    return Malformed(record_line_, absl::StrFormat("has more than %d fields", kMaxFields));
  }
  return absl::OkStatus();
}

// Behind an opening quote: appends up to the closing one.
absl::Status CsvReader::ReadQuoted() {
  const uint64_t opened = line_;
  while (true) {
    ASSIGN_OR_RETURN(const int c, Get());
    if (c < 0) return Malformed(opened, "a quote opens here and does not close before the end of the file");
    if (c == '"') {
      ASSIGN_OR_RETURN(const int next, Peek());
      if (next != '"') return absl::OkStatus();
      RETURN_IF_ERROR(Get().status());
    }
    record_.push_back(static_cast<char>(c));
    if (record_.size() - field_begin_ > kMaxFieldBytes) {
      return Malformed(
          opened, absl::StrFormat("a quote opens here and holds more than %d bytes; is it closed?", kMaxFieldBytes));
    }
  }
}

// A line that lies whole in the chunk and has nothing to unquote: its fields are views of the chunk. False, with
// nothing read, for any other. What makes it fast: four scans by memchr instead of a decision at every byte.
absl::StatusOr<bool> CsvReader::ReadPlainLine() {
  Input& in = *input_;
  const char* begin = in.chunk.data() + in.at;
  const auto* newline = static_cast<const char*>(std::memchr(begin, '\n', in.size - in.at));
  if (newline == nullptr) return false;
  const char* end = newline;
  if (end > begin && end[-1] == '\r') --end;
  const auto length = static_cast<size_t>(end - begin);
  for (const char special : {'"', '\0', '\r'}) {
    if (std::memchr(begin, special, length) != nullptr) return false;
  }
  while (const auto* at = static_cast<const char*>(std::memchr(begin, delimiter_, static_cast<size_t>(end - begin)))) {
    fields_.emplace_back(begin, static_cast<size_t>(at - begin));
    begin = at + 1;
  }
  fields_.emplace_back(begin, static_cast<size_t>(end - begin));
  if (fields_.size() > kMaxFields) {
    return Malformed(record_line_, absl::StrFormat("has more than %d fields", kMaxFields));
  }
  in.at = static_cast<size_t>(newline + 1 - in.chunk.data());
  ++line_;
  return true;
}

absl::StatusOr<bool> CsvReader::ReadRecord() {
  record_.clear();
  ends_.clear();
  fields_.clear();
  field_begin_ = 0;
  int c = 0;
  while (true) {  // blank lines
    ASSIGN_OR_RETURN(c, Peek());
    if (c != '\n' && c != '\r') break;
    RETURN_IF_ERROR(Get().status());
  }
  if (c < 0) return false;
  record_line_ = line_;
  ASSIGN_OR_RETURN(const bool plain, ReadPlainLine());
  if (plain) return true;

  bool at_start = true, was_quoted = false;
  while (true) {
    ASSIGN_OR_RETURN(c, Get());
    if (c < 0 || c == '\n' || c == '\r') break;
    if (c == delimiter_) {
      RETURN_IF_ERROR(EndField());
      at_start = true;
      was_quoted = false;
      continue;
    }
    if (c == '"' && at_start) {
      RETURN_IF_ERROR(ReadQuoted());
      at_start = false;
      was_quoted = true;
      continue;
    }
    if (was_quoted) {
      return Malformed(line_, absl::StrFormat("field %d has text behind its closing quote; a quote inside a quoted "
                                              "field is written twice",
                                              ends_.size() + 1));
    }
    at_start = false;
    record_.push_back(static_cast<char>(c));
    if (record_.size() - field_begin_ > kMaxFieldBytes) {
      return Malformed(record_line_,
                       absl::StrFormat("field %d is longer than %d bytes", ends_.size() + 1, kMaxFieldBytes));
    }
  }
  if (c == '\r') {
    ASSIGN_OR_RETURN(c, Peek());
    if (c == '\n') {
      RETURN_IF_ERROR(Get().status());
    } else {
      ++line_;
    }
  }
  RETURN_IF_ERROR(EndField());
  size_t begin = 0;
  for (size_t end : ends_) {
    fields_.push_back(std::string_view(record_).substr(begin, end - begin));
    begin = end;
  }
  return true;
}

}  // namespace kindred

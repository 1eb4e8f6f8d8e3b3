#include "trainer/data/line_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_format.h"
#include "core/base/input_file_size.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/packing/gzip_problem.h"

namespace kindred {
namespace {

constexpr size_t kChunkBytes = 1 << 18;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

absl::StatusOr<std::unique_ptr<LineReader>> LineReader::Open(const std::string& path) {
  std::unique_ptr<LineReader> reader(new LineReader());
  reader->path_ = path;
  ASSIGN_OR_RETURN(reader->bytes_total_, InputFileSize(path));
  reader->file_ = gzopen(path.c_str(), "rb");
  if (reader->file_ == nullptr) {
    return absl::InvalidArgumentError(absl::StrFormat("%s: %s", path, std::strerror(errno)));
  }
  gzbuffer(reader->file_, kChunkBytes);
  RETURN_IF_ERROR(reader->Fill());
  if (reader->buffer_.empty()) return absl::InvalidArgumentError(StrCat(path, ": is empty"));
  if (std::string_view(reader->buffer_).starts_with(kByteOrderMark)) reader->at_ = kByteOrderMark.size();
  return reader;
}

LineReader::~LineReader() {
  if (file_ != nullptr) gzclose(file_);
}

uint64_t LineReader::bytes_read() const { return static_cast<uint64_t>(std::max<z_off_t>(0, gzoffset(file_))); }

absl::Status LineReader::Fill() {
  buffer_.erase(0, at_);
  at_ = 0;
  const size_t kept = buffer_.size();
  if (kept > kMaxLineBytes) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s, line %d: is longer than %d bytes", path_, number_ + 1, kMaxLineBytes));
  }
  buffer_.resize(kept + kChunkBytes);
  const int got = gzread(file_, buffer_.data() + kept, kChunkBytes);
  int code = Z_OK;
  const char* reason = gzerror(file_, &code);
  // A gzip stream that ends early is reported only here, with the bytes so far handed out.
  if (got < 0 || (code != Z_OK && code != Z_STREAM_END)) {
    return absl::DataLossError(absl::StrFormat("%s, near line %d: %s", path_, number_ + 1, GzipProblem(code, reason)));
  }
  buffer_.resize(kept + static_cast<size_t>(got));
  end_ = got == 0;
  return absl::OkStatus();
}

absl::StatusOr<bool> LineReader::Next() {
  size_t searched = at_;
  while (true) {
    const size_t found = buffer_.find('\n', searched);
    if (found != buffer_.npos) {
      line_ = std::string_view(buffer_).substr(at_, found - at_);
      at_ = found + 1;
      break;
    }
    if (end_) {
      if (at_ >= buffer_.size()) return false;
      line_ = std::string_view(buffer_).substr(at_);
      at_ = buffer_.size();
      break;
    }
    const size_t pending = buffer_.size() - at_;
    RETURN_IF_ERROR(Fill());
    searched = pending;
  }
  ++number_;
  if (line_.ends_with('\r')) line_.remove_suffix(1);
  return true;
}

}  // namespace kindred

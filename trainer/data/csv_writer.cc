#include "trainer/data/csv_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"

namespace kindred {
namespace {

constexpr size_t kBufferBytes = 1 << 18;
constexpr int kCompression = 6;

}  // namespace

absl::StatusOr<std::unique_ptr<CsvWriter>> CsvWriter::Create(const std::string& path) {
  static std::atomic<uint64_t> count{0};
  std::unique_ptr<CsvWriter> writer(new CsvWriter());
  writer->path_ = path;
  writer->temporary_ = StrCat(path, ".", getpid(), ".", count.fetch_add(1), ".tmp");
  const int file = open(writer->temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file < 0) {
    writer->temporary_.clear();
    return absl::InvalidArgumentError(absl::StrFormat("%s: cannot be written: %s", path, std::strerror(errno)));
  }
  if (path.ends_with(".gz")) {
    writer->compressed_ = gzdopen(file, StrCat("wb", kCompression).c_str());
  } else {
    writer->plain_ = fdopen(file, "wb");
  }
  if (writer->compressed_ == nullptr && writer->plain_ == nullptr) {
    close(file);
    return absl::ResourceExhaustedError(absl::StrFormat("%s: cannot be written: out of memory", path));
  }
  return writer;
}

CsvWriter::~CsvWriter() {
  if (plain_ != nullptr) std::fclose(plain_);
  if (compressed_ != nullptr) gzclose(compressed_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void CsvWriter::Row(std::span<const std::string_view> fields) {
  bool first = true;
  for (std::string_view field : fields) {
    if (!first) buffer_ += ',';
    first = false;
    const bool blanks = !field.empty() && (field.front() == ' ' || field.back() == ' ');
    if (!blanks && field.find_first_of(",\"\r\n\t") == field.npos && !field.starts_with("\xEF\xBB\xBF")) {
      buffer_ += field;
      continue;
    }
    buffer_ += '"';
    for (char c : field) {
      if (c == '"') buffer_ += '"';
      buffer_ += c;
    }
    buffer_ += '"';
  }
  buffer_ += '\n';
  if (buffer_.size() >= kBufferBytes) Flush();
}

void CsvWriter::Flush() {
  if (buffer_.empty() || error_ != 0) return;
  errno = 0;
  const size_t written = plain_ != nullptr ? std::fwrite(buffer_.data(), 1, buffer_.size(), plain_)
                                           : gzfwrite(buffer_.data(), 1, buffer_.size(), compressed_);
  if (written != buffer_.size()) error_ = errno != 0 ? errno : EIO;
  buffer_.clear();
}

absl::Status CsvWriter::Failed(std::string_view what) const {
  return absl::UnavailableError(absl::StrFormat("%s: %s: %s", path_, what, std::strerror(error_)));
}

absl::Status CsvWriter::Close() {
  Flush();
  errno = 0;
  if (plain_ != nullptr) {
    if (std::fflush(plain_) != 0 || fsync(fileno(plain_)) != 0) error_ = errno;
    if (std::fclose(plain_) != 0 && error_ == 0) error_ = errno;
    plain_ = nullptr;
  }
  if (compressed_ != nullptr) {
    if (gzclose(compressed_) != Z_OK && error_ == 0) error_ = errno != 0 ? errno : EIO;
    compressed_ = nullptr;
  }
  return error_ == 0 ? absl::OkStatus() : Failed("cannot be written");
}

absl::Status CsvWriter::Publish() {
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    return absl::UnavailableError(absl::StrFormat("%s: cannot be replaced: %s", path_, std::strerror(errno)));
  }
  temporary_.clear();
  return absl::OkStatus();
}

absl::Status CsvWriter::Finish() {
  RETURN_IF_ERROR(Close());
  return Publish();
}

}  // namespace kindred

// Reads the one zstd frame (RFC 8878) that a file is, piece by piece. Memory is the frame's window, at most 128 MiB.
// Internal to this room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace kindred {

inline constexpr std::string_view kZstdMagic = "\x28\xB5\x2F\xFD";
inline constexpr int kZstdWindowLog = 27;  // the largest that is read: log2 of bytes

class ZstdFrameReader {
 public:
  // NOT_FOUND, PERMISSION_DENIED, or INVALID_ARGUMENT when `path` is not a regular file that begins with a frame which
  // says the size of its content and has a checksum.
  static absl::StatusOr<std::unique_ptr<ZstdFrameReader>> Open(const std::string& path);
  ~ZstdFrameReader();
  ZstdFrameReader(const ZstdFrameReader&) = delete;
  ZstdFrameReader& operator=(const ZstdFrameReader&) = delete;

  uint64_t content_size() const { return content_size_; }  // as the frame says; checked when the end is reached
  uint64_t file_size() const { return file_size_; }

  // Fills `out` and returns its size, or less at the end of the frame; then all of the content has come and its
  // checksum fits. INVALID_ARGUMENT naming file and byte.
  absl::StatusOr<size_t> Read(std::span<std::byte> out);

 private:
  struct Stream;
  ZstdFrameReader();
  absl::Status ReadFrameHeader();
  absl::Status Fill();
  absl::Status CheckEnd();
  absl::Status Bad(std::string_view what) const;

  std::string path_;
  uint64_t content_size_ = 0, file_size_ = 0, unpacked_ = 0;
  bool ended_ = false;
  std::unique_ptr<Stream> stream_;
};

}  // namespace kindred

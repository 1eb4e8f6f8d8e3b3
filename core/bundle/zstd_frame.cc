#include "core/bundle/zstd_frame.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/bundle/strict_json.h"

namespace kindred {
namespace {

constexpr size_t kChunkBytes = 1 << 18;
constexpr size_t kLongestFrameHeader = 18;
constexpr unsigned kChecksumFlag = 1u << 2;  // of the frame header descriptor, the byte behind the magic

}  // namespace

struct ZstdFrameReader::Stream {
  int fd = -1;
  ZSTD_DCtx* context = ZSTD_createDCtx();
  std::vector<std::byte> chunk = std::vector<std::byte>(kChunkBytes);
  ZSTD_inBuffer in{nullptr, 0, 0};  // of `chunk`
  uint64_t read = 0;                // bytes of the file so far
  ~Stream() {
    ZSTD_freeDCtx(context);
    if (fd >= 0) close(fd);
  }
};

ZstdFrameReader::ZstdFrameReader() : stream_(std::make_unique<Stream>()) {}
ZstdFrameReader::~ZstdFrameReader() = default;

absl::Status ZstdFrameReader::Bad(std::string_view what) const {
  const uint64_t at = stream_->read - (stream_->in.size - stream_->in.pos);
  return absl::InvalidArgumentError(absl::StrFormat("%s, byte %d: %s", path_, at, what));
}

absl::StatusOr<std::unique_ptr<ZstdFrameReader>> ZstdFrameReader::Open(const std::string& path) {
  std::unique_ptr<ZstdFrameReader> reader(new ZstdFrameReader());
  Stream& stream = *reader->stream_;
  reader->path_ = path;
  // O_NONBLOCK: a FIFO that nobody writes to must not hang before fstat can say what it is.
  stream.fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (stream.fd < 0) return absl::ErrnoToStatus(errno, StrCat("cannot open ", path));
  struct stat info;
  if (fstat(stream.fd, &info) != 0) return absl::ErrnoToStatus(errno, StrCat("cannot stat ", path));
  if (!S_ISREG(info.st_mode)) return absl::InvalidArgumentError(StrCat(path, ": is not a regular file"));
  reader->file_size_ = static_cast<uint64_t>(info.st_size);
  if (stream.context == nullptr) return absl::ResourceExhaustedError(StrCat(path, ": no memory to unpack it"));
  ZSTD_DCtx_setParameter(stream.context, ZSTD_d_windowLogMax, kZstdWindowLog);
  RETURN_IF_ERROR(reader->ReadFrameHeader());
  return reader;
}

absl::Status ZstdFrameReader::ReadFrameHeader() {
  RETURN_IF_ERROR(Fill());
  const Stream& stream = *stream_;
  const std::string_view begin(reinterpret_cast<const char*>(stream.chunk.data()),
                               std::min(stream.in.size, kLongestFrameHeader));
  if (!begin.starts_with(kZstdMagic)) {
    return Bad(StrCat("found ", Quoted(begin.substr(0, kZstdMagic.size())),
                      ", expected the magic of a zstd frame, 28 B5 2F FD: it is not a compressed bundle"));
  }
  const unsigned long long size = ZSTD_getFrameContentSize(begin.data(), begin.size());
  if (size == ZSTD_CONTENTSIZE_ERROR) return Bad("the header of the zstd frame is truncated or malformed");
  if (size == ZSTD_CONTENTSIZE_UNKNOWN) {
    return Bad("the frame does not say how large its content is; compress the bundle with kindred compress");
  }
  if ((static_cast<unsigned char>(begin[kZstdMagic.size()]) & kChecksumFlag) == 0) {
    return Bad("the frame has no checksum of its content; compress the bundle with kindred compress");
  }
  content_size_ = size;
  return absl::OkStatus();
}

// The next chunk; an empty one at the end of the file.
absl::Status ZstdFrameReader::Fill() {
  Stream& stream = *stream_;
  ssize_t got = -1;
  do {
    got = read(stream.fd, stream.chunk.data(), stream.chunk.size());
  } while (got < 0 && errno == EINTR);
  if (got < 0) return absl::ErrnoToStatus(errno, StrCat("cannot read ", path_));
  stream.in = {stream.chunk.data(), static_cast<size_t>(got), 0};
  stream.read += static_cast<uint64_t>(got);
  return absl::OkStatus();
}

absl::Status ZstdFrameReader::CheckEnd() {
  if (unpacked_ != content_size_) {
    return Bad(absl::StrFormat("the content came to %d bytes, expected %d", unpacked_, content_size_));
  }
  if (stream_->in.pos == stream_->in.size) RETURN_IF_ERROR(Fill());
  if (stream_->in.pos < stream_->in.size) return Bad("something follows the frame, expected the end of the file");
  return absl::OkStatus();
}

absl::StatusOr<size_t> ZstdFrameReader::Read(std::span<std::byte> out) {
  Stream& stream = *stream_;
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  while (to.pos < to.size && !ended_) {
    const size_t before = to.pos;
    const size_t left = ZSTD_decompressStream(stream.context, &to, &stream.in);
    if (ZSTD_isError(left)) {
      return Bad(StrCat("the compressed data is damaged or not for this reader (", ZSTD_getErrorName(left),
                        "); copy the file again"));
    }
    unpacked_ += to.pos - before;
    if (left == 0) {
      ended_ = true;
      RETURN_IF_ERROR(CheckEnd());
    } else if (to.pos == before && stream.in.pos == stream.in.size) {
      RETURN_IF_ERROR(Fill());
      if (stream.in.size == 0) return Bad("the file ends inside of the frame; it is truncated: copy it again");
    }
    if (unpacked_ > content_size_)
      return Bad(absl::StrFormat("the content is more than the %d bytes said", content_size_));
  }
  return to.pos;
}

}  // namespace kindred

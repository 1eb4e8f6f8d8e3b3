#include "core/bundle/compression.h"

#include <sys/statvfs.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <memory>
#include <vector>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/bundle/atomic_file.h"
#include "core/bundle/header.h"
#include "core/bundle/mapped_file.h"
#include "core/bundle/zstd_frame.h"

namespace kindred {
namespace {

constexpr size_t kChunkBytes = 1 << 20;
constexpr size_t kLengthBytes = 8;
// Factors are noise to a compressor: higher levels take many times as long for a few per cent.
constexpr int kLevel = 3;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

// The beginning of the bundle in a frame, up to the end of its header.
absl::StatusOr<std::vector<std::byte>> ReadHead(const std::string& path, ZstdFrameReader* reader) {
  std::vector<std::byte> head(kLengthBytes);
  ASSIGN_OR_RETURN(const size_t length_read, reader->Read(head));
  uint64_t length = 0;
  std::memcpy(&length, head.data(), kLengthBytes);
  if (length_read < kLengthBytes || length > reader->content_size() - kLengthBytes || length > kMaxHeaderBytes) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s: the %d bytes in it do not begin as a bundle does, expected the length of a header that fits into them",
        path, reader->content_size()));
  }
  // By what has come, not by what was said: a small file cannot claim much memory.
  while (head.size() < kLengthBytes + length) {
    const size_t have = head.size();
    head.resize(std::min<uint64_t>(kLengthBytes + length, have + kChunkBytes));
    ASSIGN_OR_RETURN(const size_t got, reader->Read(std::span(head).subspan(have)));
    if (have + got < head.size())
      return absl::InvalidArgumentError(StrCat(path, ": ends inside of the bundle's header"));
  }
  return head;
}

absl::Status CheckRoom(const std::string& out, uint64_t bytes) {
  const size_t slash = out.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : out.substr(0, std::max<size_t>(slash, 1));
  struct statvfs disk;
  if (statvfs(folder.c_str(), &disk) != 0) return absl::ErrnoToStatus(errno, StrCat("cannot write ", out));
  const uint64_t free = uint64_t{disk.f_bavail} * disk.f_frsize;
  const uint64_t reserve = DiskReserve(uint64_t{disk.f_blocks} * disk.f_frsize);
  if (free >= reserve && free - reserve >= bytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrFormat(
      "cannot write %s: it takes %d bytes, and the disk of %s has %d free, %d of which are left for others; make room "
      "there or unpack to another disk",
      out, bytes, folder, free, reserve));
}

}  // namespace

uint64_t DiskReserve(uint64_t disk_bytes) {
  return std::min(std::max(kLeastDiskReserve, disk_bytes / 20), disk_bytes / 4);
}

bool IsCompressed(const std::string& path) {
  char begin[kZstdMagic.size()] = {};
  std::ifstream(path, std::ios::binary).read(begin, sizeof(begin));
  return std::string_view(begin, sizeof(begin)) == kZstdMagic;
}

absl::StatusOr<CompressionReport> CompressBundle(const std::string& in, const std::string& out) {
  RETURN_IF_ERROR(InspectBundle(in).status());
  ASSIGN_OR_RETURN(const auto file, MappedFile::Open(in));
  const std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
  if (context == nullptr) return absl::ResourceExhaustedError(StrCat(in, ": no memory to compress it"));
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  ZSTD_CCtx_setPledgedSrcSize(context.get(), file->bytes().size());
  ASSIGN_OR_RETURN(AtomicFile target, AtomicFile::Create(out));
  CompressionReport report{.bundle_bytes = file->bytes().size()};
  std::vector<std::byte> chunk(kChunkBytes);
  ZSTD_inBuffer from{file->bytes().data(), file->bytes().size(), 0};
  size_t left = 1;
  while (left > 0) {
    ZSTD_outBuffer to{chunk.data(), chunk.size(), 0};
    left = ZSTD_compressStream2(context.get(), &to, &from, ZSTD_e_end);
    if (ZSTD_isError(left)) {
      return absl::InternalError(absl::StrFormat("cannot compress %s: %s", in, ZSTD_getErrorName(left)));
    }
    RETURN_IF_ERROR(target.Write(std::span(chunk).first(to.pos)));
    report.compressed_bytes += to.pos;
  }
  RETURN_IF_ERROR(target.Publish());
  return report;
}

absl::StatusOr<CompressionReport> UnpackBundle(const std::string& in, const std::string& out, uint64_t max_bytes,
                                               const std::function<bool()>& go_on) {
  ASSIGN_OR_RETURN(const auto reader, ZstdFrameReader::Open(in));
  const CompressionReport report{reader->content_size(), reader->file_size()};
  if (report.bundle_bytes > max_bytes) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: unpacks to %d bytes, expected at most %d", in, report.bundle_bytes, max_bytes));
  }
  ASSIGN_OR_RETURN(const std::vector<std::byte> head, ReadHead(in, reader.get()));
  RETURN_IF_ERROR(InspectBundleHead(in, head, report.bundle_bytes).status());
  RETURN_IF_ERROR(CheckRoom(out, report.bundle_bytes));
  ASSIGN_OR_RETURN(AtomicFile target, AtomicFile::Create(out));
  RETURN_IF_ERROR(target.Write(head));
  std::vector<std::byte> chunk(kChunkBytes);
  while (true) {
    if (go_on && !go_on()) return absl::CancelledError(StrCat(in, ": unpacking was stopped"));
    ASSIGN_OR_RETURN(const size_t got, reader->Read(chunk));
    if (got == 0) break;
    RETURN_IF_ERROR(target.Write(std::span(chunk).first(got)));
  }
  RETURN_IF_ERROR(target.Publish());
  return report;
}

absl::StatusOr<BundleInfo> InspectCompressedBundle(const std::string& path) {
  ASSIGN_OR_RETURN(const auto reader, ZstdFrameReader::Open(path));
  ASSIGN_OR_RETURN(const std::vector<std::byte> head, ReadHead(path, reader.get()));
  return InspectBundleHead(path, head, reader->content_size());
}

}  // namespace kindred

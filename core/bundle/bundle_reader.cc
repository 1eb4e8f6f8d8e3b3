#include "core/bundle/bundle_reader.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <new>
#include <utility>
#include <vector>

#include "core/base/checksum.h"
#include "core/base/pace.h"
#include "core/base/parallel_checks.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/bundle/metadata.h"
#include "core/bundle/schema.h"
#include "core/bundle/seal.h"
#include "core/bundle/strict_json.h"
#include "core/bundle/tensor_names.h"
#include "core/bundle/zstd_frame.h"

namespace kindred {
namespace {

absl::Status InFile(const std::string& path, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(), StrCat(path, ": ", status.message()));
}

bool StartsWith(std::span<const std::byte> bytes, std::string_view begin) {
  return bytes.size() >= begin.size() && std::memcmp(bytes.data(), begin.data(), begin.size()) == 0;
}

// The bytes before the tensors, as far as the file has them: a copy, which is what it was when it was parsed.
std::vector<std::byte> CopyHeader(std::span<const std::byte> bytes) {
  uint64_t length = 0;
  if (bytes.size() < sizeof(length)) return {bytes.begin(), bytes.end()};
  std::memcpy(&length, bytes.data(), sizeof(length));
  const auto end = std::min<uint64_t>(bytes.size(), sizeof(length) + std::min(length, kMaxHeaderBytes));
  std::vector<std::byte> copy(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(end));
  std::memcpy(copy.data(), &length, sizeof(length));
  return copy;
}

// Everything that the header says and that can be checked without reading a tensor.
absl::StatusOr<BundleInfo> ReadInfo(const std::string& path, std::span<const std::byte> head, uint64_t file_size) {
  BundleInfo info;
  info.path = path;
  info.file_size = file_size;
  if (StartsWith(head, kZstdMagic)) {
    return absl::InvalidArgumentError("is compressed; kindred unpack makes the bundle of it");
  }
  ASSIGN_OR_RETURN(info.header, ParseHeader(head, file_size));
  RETURN_IF_ERROR(ReadMetadata(&info));
  if (info.sealed) {
    RETURN_IF_ERROR(CheckHeaderSeal(info.header, head.first(info.header.data_begin)));
  }
  RETURN_IF_ERROR(CheckStructure(&info));
  return info;
}

}  // namespace

absl::StatusOr<BundleInfo> InspectBundle(const std::string& path) {
  ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  return InspectBundleHead(path, file->bytes(), file->bytes().size());
}

absl::StatusOr<BundleInfo> InspectBundleHead(const std::string& path, std::span<const std::byte> head,
                                             uint64_t file_size) {
  absl::StatusOr<BundleInfo> info = ReadInfo(path, CopyHeader(head), file_size);
  if (!info.ok()) return InFile(path, info.status());
  return info;
}

absl::StatusOr<std::shared_ptr<const BundleReader>> BundleReader::Open(const std::string& path,
                                                                       const OpenOptions& options) {
  const GoOn go_on(options.go_on);
  std::shared_ptr<BundleReader> reader(new BundleReader());
  ASSIGN_OR_RETURN(reader->file_, MappedFile::Open(path, options.mode, go_on));
  const std::span<const std::byte> bytes = reader->file_->bytes();
  absl::StatusOr<BundleInfo> info = InspectBundleHead(path, bytes, bytes.size());
  if (!info.ok()) return info.status();
  reader->info_ = *std::move(info);

  for (const TensorEntry& entry : reader->info_.header.tensors) {
    TensorView view{entry.dtype, entry.shape, bytes.subspan(entry.begin, entry.end - entry.begin), entry.begin};
    if (entry.begin % DTypeSize(entry.dtype) != 0) {
      try {
        OwnedTensor copy{entry.name, entry.dtype, entry.shape, AlignedBuffer<std::byte>(view.bytes.size())};
        std::copy(view.bytes.begin(), view.bytes.end(), copy.bytes.begin());
        view.bytes = copy.bytes.span();
        reader->realigned_.push_back(std::move(copy));
      } catch (const std::bad_alloc&) {
        return absl::ResourceExhaustedError(StrCat(path, ": tensor ", Quoted(entry.name), ", bytes ", entry.begin, "..",
                                                   entry.end, ": no memory for an aligned copy"));
      }
    }
    reader->tensors_.emplace(entry.name, std::move(view));
  }

  if (const absl::Status checked = reader->Check(options.level, go_on); !checked.ok()) return InFile(path, checked);
  if (reader->faulted()) {
    return absl::InvalidArgumentError(
        StrCat(path, ": bytes at the end of the file, or on its disk, went away while it was read"));
  }
  return reader;
}

absl::Status BundleReader::Check(VerifyLevel level, const GoOn& go_on) {
  const std::span<const std::byte> bytes = file_->bytes();
  const Header& header = info_.header;
  header_checksum_ = Xxh3(bytes.first(header.data_begin));
  if (info_.sealed) {
    ASSIGN_OR_RETURN(checksums_, ParseStringObject(header.metadata.find(names::kChecksums)->second));
  }
  if (level == VerifyLevel::kHeader) return absl::OkStatus();
  if (info_.sealed) {
    RETURN_IF_ERROR(CheckTensorSeals(header, bytes, go_on));
  } else {
    std::vector<std::function<absl::Status()>> sums;
    for (const TensorEntry& tensor : header.tensors) {
      std::string& sum = checksums_[tensor.name];
      sums.emplace_back(
          [&sum, &go_on, part = bytes.subspan(tensor.begin, tensor.end - tensor.begin)]() -> absl::Status {
            ASSIGN_OR_RETURN(sum, TensorChecksum(part, go_on));
            return absl::OkStatus();
          });
    }
    RETURN_IF_ERROR(RunChecks(sums, CheckThreads(), go_on));
  }
  RETURN_IF_ERROR(CheckContents(info_, tensors_, go_on));
  file_->ReleasePages();
  return absl::OkStatus();
}

absl::Status BundleReader::VerifyAgain(double max_bytes_per_second, const std::function<bool()>& go_on) const {
  constexpr uint64_t kChunk = uint64_t{1} << 20;
  if (absl::Status size = file_->CheckUnchanged(); absl::IsDataLoss(size)) return size;
  Pace pace(max_bytes_per_second, go_on);
  std::vector<std::byte> chunk(std::min<uint64_t>(kChunk, info_.file_size));
  bool stopped = false;
  // The checksum of [begin, end), unless it is stopped before.
  const auto sum = [&](uint64_t begin, uint64_t end) -> absl::StatusOr<uint64_t> {
    Xxh3Stream stream;
    for (uint64_t at = begin; at < end && !stopped; at += chunk.size()) {
      const std::span<std::byte> part = std::span(chunk).first(std::min<uint64_t>(chunk.size(), end - at));
      RETURN_IF_ERROR(file_->Read(at, part));
      stream.Update(part);
      stopped = !pace.Spend(part.size());
    }
    return stream.Finish();
  };
  const Header& header = info_.header;
  ASSIGN_OR_RETURN(const uint64_t of_header, sum(0, header.data_begin));
  if (!stopped && of_header != header_checksum_) {
    return absl::DataLossError(StrCat(info_.path, ": header, bytes 0..", header.data_begin,
                                      ": has changed since it was loaded; never edit a published file"));
  }
  for (const TensorEntry& tensor : header.tensors) {
    const auto expected = checksums_.find(tensor.name);
    if (expected == checksums_.end()) continue;
    ASSIGN_OR_RETURN(const uint64_t found, sum(tensor.begin, tensor.end));
    if (stopped) break;
    const absl::Status same = CheckTensorSeal(tensor, TensorChecksum(found), expected->second);
    if (!same.ok()) return absl::DataLossError(StrCat(info_.path, ": ", same.message()));
  }
  return absl::OkStatus();
}

}  // namespace kindred

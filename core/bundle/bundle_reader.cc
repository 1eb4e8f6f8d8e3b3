#include "core/bundle/bundle_reader.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

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
  absl::StatusOr<BundleInfo> info = ReadInfo(path, head, file_size);
  if (!info.ok()) return InFile(path, info.status());
  return info;
}

absl::StatusOr<std::shared_ptr<const BundleReader>> BundleReader::Open(const std::string& path, VerifyLevel level) {
  std::shared_ptr<BundleReader> reader(new BundleReader());
  ASSIGN_OR_RETURN(reader->file_, MappedFile::Open(path));
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

  if (level == VerifyLevel::kChecksums) {
    if (reader->info_.sealed) {
      if (absl::Status status = CheckTensorSeals(reader->info_.header, bytes); !status.ok())
        return InFile(path, status);
    }
    if (absl::Status status = CheckContents(reader->info_, reader->tensors_); !status.ok()) {
      return InFile(path, status);
    }
  }
  return reader;
}

}  // namespace kindred

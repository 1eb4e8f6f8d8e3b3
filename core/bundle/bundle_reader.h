// Opens a bundle (docs/bundle_format.md): maps or copies it, checks it once, hands out views. Immutable and thread-safe
// after Open; views live as long as the reader. Of a map, what the views show is what the file holds now.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "core/base/go_on.h"
#include "core/bundle/header.h"
#include "core/bundle/mapped_file.h"
#include "core/bundle/space_spec.h"
#include "core/bundle/tensor.h"

namespace kindred {

// What the header alone says.
struct BundleInfo {
  std::string path;
  uint64_t file_size = 0;
  bool sealed = false;  // packed by Kindred: has checksums and a digest. Else raw.
  std::string format_version, model, version, source, created_at, digest;  // empty in a raw bundle
  uint64_t n_items = 0, n_users = 0, n_categories = 0;                     // from the shapes
  uint64_t n_tokens = 0, n_actions = 0;
  uint64_t n_interactions = 0;     // length of users.seen.values
  uint64_t n_recommendations = 0;  // length of users.recommendations.values
  SpaceSpecs spaces;
  std::string default_space;
  Header header;
};

enum class VerifyLevel : uint8_t {
  kHeader,     // header, digest, shapes and their agreement; reads no tensor
  kChecksums,  // and every tensor's checksum, index ranges, finite numbers: reads every byte. What a server uses.
};

struct OpenOptions {
  VerifyLevel level = VerifyLevel::kChecksums;
  LoadMode mode = LoadMode::kMap;
  // Asked before each check and each few MiB of a checksum or a copy, by one thread at a time but not always the same:
  // false gives up, with CANCELLED. Empty: never.
  std::function<bool()> go_on = {};
};

// Reads only the header of the file (C2). Errors as BundleReader::Open at kHeader.
absl::StatusOr<BundleInfo> InspectBundle(const std::string& path);
// The same of a file of `file_size` bytes that begins with `head`: at least its header. `path` is for messages.
absl::StatusOr<BundleInfo> InspectBundleHead(const std::string& path, std::span<const std::byte> head,
                                             uint64_t file_size);

class BundleReader {
 public:
  // NOT_FOUND when there is no such file; INVALID_ARGUMENT, naming file, tensor, offset, expected and found, when it is
  // not a valid bundle; CANCELLED where options.go_on said no; RESOURCE_EXHAUSTED where memory is short.
  // Pages of a map that the checks made resident are let go of again.
  static absl::StatusOr<std::shared_ptr<const BundleReader>> Open(const std::string& path, const OpenOptions& options);
  static absl::StatusOr<std::shared_ptr<const BundleReader>> Open(const std::string& path, VerifyLevel level) {
    return Open(path, OpenOptions{.level = level});
  }

  const BundleInfo& info() const { return info_; }
  const TensorMap& tensors() const { return tensors_; }
  const MappedFile& file() const { return *file_; }

  // Whether the map has lost pages and reads as zeros. One load.
  bool faulted() const { return file_->faulted(); }

  // Tensor → "xxh3:<16 hex>": of a sealed bundle what its header says, of a raw one what was found at kChecksums, and
  // nothing at kHeader.
  const std::map<std::string, std::string, std::less<>>& checksums() const { return checksums_; }

  // Reads the file once more, header and tensors, at most so many bytes a second (not above 0: as fast as it can), and
  // compares with `checksums`; of a copy, the copy. Touches no page of the map, so that it makes none resident.
  // DATA_LOSS naming tensor, bytes, expected and found; also where the file has another size than it had or its medium
  // cannot be read. UNAVAILABLE where a read failed for a reason that says nothing about the file: the pass ends.
  // `go_on` is asked many times a second: false ends the pass early, with OK if nothing was found until then.
  absl::Status VerifyAgain(double max_bytes_per_second, const std::function<bool()>& go_on) const;

 private:
  BundleReader() = default;
  absl::Status Check(VerifyLevel level, const GoOn& go_on);
  std::shared_ptr<const MappedFile> file_;
  std::vector<OwnedTensor> realigned_;  // copies of tensors that a foreign writer left misaligned
  BundleInfo info_;
  TensorMap tensors_;
  std::map<std::string, std::string, std::less<>> checksums_;
  uint64_t header_checksum_ = 0;  // of the bytes before the tensors
};

}  // namespace kindred

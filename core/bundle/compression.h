// Compressed bundles, for transport (docs/bundle_format.md): one zstd frame that says how large its content is and ends
// in a checksum of it. Bytes are streamed, so memory does not grow with the file. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "core/bundle/bundle_reader.h"

namespace kindred {

inline constexpr std::string_view kCompressedSuffix = ".zst";
// The largest bundle that is unpacked unless the caller says otherwise.
inline constexpr uint64_t kMaxUnpackedBytes = uint64_t{64} << 30;

// What unpacking leaves free on a disk of so many bytes, for whoever else writes to it: 1 GiB or, where that is more, a
// twentieth; but never more than a quarter.
inline constexpr uint64_t kLeastDiskReserve = uint64_t{1} << 30;
uint64_t DiskReserve(uint64_t disk_bytes);

struct CompressionReport {
  uint64_t bundle_bytes = 0;
  uint64_t compressed_bytes = 0;
};

// Whether the file at `path` begins as a zstd frame does. False when it cannot be read.
bool IsCompressed(const std::string& path);

// Compresses the bundle at `in` to `out`, atomically. The same bundle gives the same bytes. Errors of InspectBundle
// and AtomicFile.
absl::StatusOr<CompressionReport> CompressBundle(const std::string& in, const std::string& out);

// Unpacks `in` to `out`, atomically: the same bytes that were compressed. The header of the bundle is checked before
// anything is written, the checksum of all of it before it takes its name. `go_on` is asked now and then; CANCELLED
// when it says no (empty: it always says yes). NOT_FOUND; INVALID_ARGUMENT naming file and byte for a file that is no
// such frame, is truncated or damaged, holds no bundle, or one of more than `max_bytes` bytes; RESOURCE_EXHAUSTED when
// the disk of `out` has no room for it and DiskReserve. On error nothing is left at `out` that was not there before.
absl::StatusOr<CompressionReport> UnpackBundle(const std::string& in, const std::string& out, uint64_t max_bytes,
                                               const std::function<bool()>& go_on);

// What the header of a compressed bundle says; unpacks no more than that. file_size is that of the bundle. Errors as
// UnpackBundle.
absl::StatusOr<BundleInfo> InspectCompressedBundle(const std::string& path);

}  // namespace kindred

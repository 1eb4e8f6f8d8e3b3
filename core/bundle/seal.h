// The seal of a bundle: a checksum of every tensor in the header and a digest over the header, so the digest is a root
// over every byte of the file. docs/bundle_format.md says how to compute it elsewhere. Pure functions, thread-safe.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/go_on.h"
#include "core/bundle/header.h"
#include "core/bundle/tensor.h"

namespace kindred {

// "xxh3:<16 hex>", as in kindred.checksums.
std::string TensorChecksum(std::span<const std::byte> bytes);
std::string TensorChecksum(uint64_t xxh3);
// The same, asking `go_on` before every few MiB: CANCELLED when it says no.
absl::StatusOr<std::string> TensorChecksum(std::span<const std::byte> bytes, const GoOn& go_on);

// "xxh128:<32 hex>" of a header (its 8 length bytes and JSON), with the digits of kindred.digest, when it has one in
// the form that the writer gives it, taken as '0'. O(header).
std::string HeaderDigest(std::span<const std::byte> length_and_json);

// Writes its digest into a header that holds 32 zeros for the digits of kindred.digest. REQUIRES: exactly one such key.
void SealHeader(std::span<char> length_and_json);

// The value of kindred.digest in a header with no digest yet.
std::string UnsealedDigest();

// Checks kindred.digest of a sealed header, and that kindred.checksums lists exactly its tensors. INVALID_ARGUMENT
// naming "header, bytes 8..N", expected and found.
absl::Status CheckHeaderSeal(const Header& header, std::span<const std::byte> length_and_json);

// Checks every tensor of a sealed file against kindred.checksums. REQUIRES: CheckHeaderSeal passed. INVALID_ARGUMENT
// naming tensor, byte range, expected and found; CANCELLED when `go_on` says no. O(file), by several threads.
absl::Status CheckTensorSeals(const Header& header, std::span<const std::byte> file, const GoOn& go_on);

// The same of one tensor whose checksum was computed.
absl::Status CheckTensorSeal(const TensorEntry& tensor, std::string_view found, std::string_view expected);

}  // namespace kindred

#include "core/bundle/seal.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <vector>

#include "core/base/checksum.h"
#include "core/base/parallel_checks.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/bundle/strict_json.h"
#include "core/bundle/tensor_names.h"

namespace kindred {
namespace {

constexpr std::string_view kDigestPrefix = "xxh128:";
constexpr size_t kDigestDigits = 32;
constexpr size_t kChunkBytes = size_t{4} << 20;  // of a checksum between two questions: less than a millisecond

// Where the digits of kindred.digest are in a header; npos when they are not there exactly once in canonical form.
// Inside any other JSON string the quotes of this pattern would be escaped, so it cannot be found by accident.
size_t FindDigits(std::string_view header) {
  const std::string pattern = StrCat("\"", names::kDigest, "\":\"", kDigestPrefix);
  const size_t at = header.find(pattern);
  if (at == std::string_view::npos || header.find(pattern, at + 1) != std::string_view::npos) {
    return std::string_view::npos;
  }
  const size_t digits = at + pattern.size();
  return digits + kDigestDigits < header.size() && header[digits + kDigestDigits] == '"' ? digits
                                                                                         : std::string_view::npos;
}

std::string_view AsText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::string TensorChecksum(std::span<const std::byte> bytes) { return TensorChecksum(Xxh3(bytes)); }

std::string TensorChecksum(uint64_t xxh3) { return StrCat("xxh3:", Xxh3Hex(xxh3)); }

absl::StatusOr<std::string> TensorChecksum(std::span<const std::byte> bytes, const GoOn& go_on) {
  Xxh3Stream stream;
  while (!bytes.empty()) {
    if (!go_on()) return absl::CancelledError("taking checksums was given up");
    const std::span<const std::byte> chunk = bytes.first(std::min(kChunkBytes, bytes.size()));
    stream.Update(chunk);
    bytes = bytes.subspan(chunk.size());
  }
  return TensorChecksum(stream.Finish());
}

std::string UnsealedDigest() { return StrCat(kDigestPrefix, std::string(kDigestDigits, '0')); }

std::string HeaderDigest(std::span<const std::byte> length_and_json) {
  std::string copy(AsText(length_and_json));
  if (const size_t digits = FindDigits(copy); digits != std::string::npos) {
    std::fill_n(copy.begin() + digits, kDigestDigits, '0');
  }
  return StrCat(kDigestPrefix, Xxh128Hex(std::as_bytes(std::span(copy))));
}

void SealHeader(std::span<char> length_and_json) {
  const std::string digest = HeaderDigest(std::as_bytes(length_and_json));
  const size_t digits = FindDigits({length_and_json.data(), length_and_json.size()});
  std::memcpy(length_and_json.data() + digits, digest.data() + kDigestPrefix.size(), kDigestDigits);
}

absl::Status CheckHeaderSeal(const Header& header, std::span<const std::byte> length_and_json) {
  const std::string where = StrCat("header, bytes 8..", header.data_begin, ": ");
  const std::string& stated = header.metadata.find(names::kDigest)->second;
  if (FindDigits(AsText(length_and_json)) == std::string_view::npos) {
    return absl::InvalidArgumentError(StrCat(where, names::kDigest, " is ", Quoted(stated), ", expected \"",
                                             kDigestPrefix, "\" and ", kDigestDigits,
                                             " hexadecimal digits, written without spaces or escapes"));
  }
  const std::string computed = HeaderDigest(length_and_json);
  if (computed != stated) {
    return absl::InvalidArgumentError(StrCat(where, "the digest of the header is ", computed, ", expected ",
                                             Quoted(stated), " (", names::kDigest,
                                             "): the header has changed since the bundle was sealed; get a "
                                             "fresh copy"));
  }
  auto checksums = ParseStringObject(header.metadata.find(names::kChecksums)->second);
  if (!checksums.ok()) {
    return absl::InvalidArgumentError(StrCat(where, names::kChecksums, ", ", checksums.status().message()));
  }
  for (const TensorEntry& tensor : header.tensors) {
    if (!checksums->contains(tensor.name)) {
      return absl::InvalidArgumentError(
          StrCat(where, names::kChecksums, " has no entry for tensor ", Quoted(tensor.name)));
    }
  }
  if (checksums->size() != header.tensors.size()) {
    return absl::InvalidArgumentError(StrCat(where, names::kChecksums, " lists ", checksums->size(),
                                             " tensors, expected the ", header.tensors.size(), " of the file"));
  }
  return absl::OkStatus();
}

absl::Status CheckTensorSeals(const Header& header, std::span<const std::byte> file, const GoOn& go_on) {
  ASSIGN_OR_RETURN(const auto checksums, ParseStringObject(header.metadata.find(names::kChecksums)->second));
  std::vector<std::function<absl::Status()>> checks;
  for (const TensorEntry& tensor : header.tensors) {
    checks.emplace_back([&]() -> absl::Status {
      ASSIGN_OR_RETURN(const std::string found,
                       TensorChecksum(file.subspan(tensor.begin, tensor.end - tensor.begin), go_on));
      return CheckTensorSeal(tensor, found, checksums.find(tensor.name)->second);
    });
  }
  return RunChecks(checks, CheckThreads(), go_on);
}

absl::Status CheckTensorSeal(const TensorEntry& tensor, std::string_view found, std::string_view expected) {
  if (found == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(StrCat("tensor ", Quoted(tensor.name), ", bytes ", tensor.begin, "..", tensor.end,
                                           ": checksum is ", found, ", expected ", Quoted(expected),
                                           ": the file has changed since it was sealed; get a fresh copy"));
}

}  // namespace kindred

#include "server/item_page_token.h"

#include <cstdint>
#include <span>

#include "absl/strings/escaping.h"
#include "core/base/checksum.h"
#include "core/base/little_endian.h"
#include "server/limits.h"

namespace kindred {
namespace {

// Apart from the formats of other tokens.
constexpr char kFormat = 'I';
constexpr size_t kChecksumBytes = 8;

uint64_t Checksum(std::string_view bytes) { return Xxh3(std::as_bytes(std::span(bytes.data(), bytes.size()))); }

}  // namespace

std::string EncodeItemPageToken(std::string_view last_id) {
  std::string bytes(1, kFormat);
  bytes.append(last_id);
  AppendLittleEndian(Checksum(bytes), &bytes);
  std::string out;
  absl::WebSafeBase64Escape(bytes, &out);
  return out;
}

absl::StatusOr<std::string> DecodeItemPageToken(std::string_view text) {
  std::string bytes, again;
  const bool decoded = text.size() <= limits::kMaxItemPageTokenBytes &&
                       absl::WebSafeBase64Unescape(absl::string_view(text.data(), text.size()), &bytes);
  // What decodes to the same bytes may be written in more than one way; only ours is a token.
  if (decoded) absl::WebSafeBase64Escape(bytes, &again);
  const bool well_formed = decoded && again == text && bytes.size() > 1 + kChecksumBytes && bytes[0] == kFormat &&
                           bytes.size() <= 1 + limits::kMaxIdBytes + kChecksumBytes;
  if (!well_formed) {
    return absl::InvalidArgumentError("is no page token, expected next_page_token of an earlier answer");
  }
  const std::string_view summed = std::string_view(bytes).substr(0, bytes.size() - kChecksumBytes);
  if (ReadLittleEndian<uint64_t>(std::string_view(bytes).substr(summed.size())) != Checksum(summed)) {
    return absl::InvalidArgumentError("is damaged, expected next_page_token of an earlier answer as it was");
  }
  return std::string(summed.substr(1));
}

}  // namespace kindred

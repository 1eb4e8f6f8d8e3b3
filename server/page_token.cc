#include "server/page_token.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <span>

#include "absl/strings/escaping.h"
#include "core/base/checksum.h"

namespace kindred {
namespace {

constexpr uint8_t kFormat = 1;
constexpr size_t kFieldBytes = 1 + 8 + 8 + 8 + 4 + 1 + 4 + 4;
constexpr size_t kTokenBytes = kFieldBytes + 8;

class Writer {
 public:
  template <typename T>
  void Put(T value) {
    for (size_t i = 0; i < sizeof(T); ++i) bytes_[at_++] = static_cast<char>(static_cast<uint64_t>(value) >> (8 * i));
  }
  std::array<char, kTokenBytes> bytes_{};
  size_t at_ = 0;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  template <typename T>
  T Get() {
    uint64_t value = 0;
    for (size_t i = 0; i < sizeof(T); ++i) value |= uint64_t{static_cast<uint8_t>(bytes_[at_++])} << (8 * i);
    return static_cast<T>(value);
  }

 private:
  std::string_view bytes_;
  size_t at_ = 0;
};

uint64_t Checksum(std::string_view fields) { return Xxh3(std::as_bytes(std::span(fields.data(), fields.size()))); }

}  // namespace

std::string EncodePageToken(const PageToken& token) {
  Writer writer;
  writer.Put(kFormat);
  writer.Put(token.generation);
  writer.Put(token.request);
  writer.Put(token.profile_version);
  writer.Put(token.offset);
  writer.Put(static_cast<uint8_t>(token.by_score));
  writer.Put(std::bit_cast<uint32_t>(token.last.score));
  writer.Put(token.last.item);
  writer.Put(Checksum({writer.bytes_.data(), kFieldBytes}));
  std::string out;
  absl::WebSafeBase64Escape(absl::string_view(writer.bytes_.data(), kTokenBytes), &out);
  return out;
}

absl::StatusOr<PageToken> DecodePageToken(std::string_view text) {
  std::string bytes;
  const bool decoded = absl::WebSafeBase64Unescape(absl::string_view(text.data(), text.size()), &bytes);
  PageToken token;
  // What decodes to the same bytes may be written in more than one way; only ours is a token.
  std::string again;
  if (decoded) absl::WebSafeBase64Escape(bytes, &again);
  if (!decoded || bytes.size() != kTokenBytes || again != text) {
    return absl::InvalidArgumentError("is no page token, expected next_page_token of an earlier answer");
  }
  Reader reader(bytes);
  const auto format = reader.Get<uint8_t>();
  token.generation = reader.Get<uint64_t>();
  token.request = reader.Get<uint64_t>();
  token.profile_version = reader.Get<uint64_t>();
  token.offset = reader.Get<uint32_t>();
  const auto by_score = reader.Get<uint8_t>();
  token.last.score = std::bit_cast<float>(reader.Get<uint32_t>());
  token.last.item = reader.Get<uint32_t>();
  if (reader.Get<uint64_t>() != Checksum(std::string_view(bytes).substr(0, kFieldBytes))) {
    return absl::InvalidArgumentError("is damaged, expected next_page_token of an earlier answer as it was");
  }
  if (format != kFormat || by_score > 1) {
    return absl::InvalidArgumentError("is of another version of the server; begin again without it");
  }
  token.by_score = by_score == 1;
  return token;
}

}  // namespace kindred

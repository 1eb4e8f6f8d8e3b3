#include "server/availability_file.h"

#include <cstdint>
#include <filesystem>
#include <span>
#include <system_error>
#include <vector>

#include "absl/strings/str_format.h"
#include "core/base/checksum.h"
#include "core/base/little_endian.h"
#include "core/base/str_cat.h"
#include "core/bundle/mapped_file.h"
#include "server/limits.h"

namespace kindred {
namespace {

constexpr std::string_view kMagic = "KDAVAIL";
constexpr uint8_t kFormat = 1;
constexpr size_t kHeaderBytes = 8 + 8 + 8;
constexpr size_t kChecksumBytes = 8;

uint64_t Checksum(std::string_view bytes) { return Xxh3(std::as_bytes(std::span(bytes.data(), bytes.size()))); }

}  // namespace

std::string EncodeAvailability(const UnavailableItems& items) {
  std::string out;
  size_t bytes = kHeaderBytes + kChecksumBytes;
  for (size_t i = 0; i < items.size(); ++i) bytes += sizeof(uint16_t) + items.Id(i).size();
  out.reserve(bytes);
  out.append(kMagic);
  out.push_back(static_cast<char>(kFormat));
  AppendLittleEndian(items.version(), &out);
  AppendLittleEndian(uint64_t{items.size()}, &out);
  for (size_t i = 0; i < items.size(); ++i) {
    AppendLittleEndian(static_cast<uint16_t>(items.Id(i).size()), &out);
    out.append(items.Id(i));
  }
  AppendLittleEndian(Checksum(out), &out);
  return out;
}

absl::StatusOr<UnavailableItems> DecodeAvailability(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes + kChecksumBytes) {
    return absl::DataLossError(absl::StrFormat("it has %d bytes, expected %d or more: it was cut", bytes.size(),
                                               kHeaderBytes + kChecksumBytes));
  }
  if (!bytes.starts_with(kMagic)) return absl::DataLossError("it does not begin with 'KDAVAIL': it is another file");
  const auto format = static_cast<uint8_t>(bytes[kMagic.size()]);
  if (format != kFormat) {
    return absl::DataLossError(absl::StrFormat("it has format %d, this server knows %d", format, kFormat));
  }
  const std::string_view summed = bytes.substr(0, bytes.size() - kChecksumBytes);
  if (ReadLittleEndian<uint64_t>(bytes.substr(summed.size())) != Checksum(summed)) {
    return absl::DataLossError("its checksum is wrong: it was cut or changed");
  }
  // From here on a fault would be one of the writer.
  const auto version = ReadLittleEndian<uint64_t>(summed.substr(8));
  const auto count = ReadLittleEndian<uint64_t>(summed.substr(16));
  std::string_view rest = summed.substr(kHeaderBytes);
  if (count > limits::kMaxUnavailableItems || count * sizeof(uint16_t) > rest.size()) {
    return absl::DataLossError(absl::StrFormat("it says that it has %d ids, expected at most %d and %d bytes of them",
                                               count, limits::kMaxUnavailableItems, rest.size()));
  }
  std::vector<std::string_view> ids;
  ids.reserve(count);
  while (ids.size() < count) {
    const size_t size = rest.size() < sizeof(uint16_t) ? 0 : ReadLittleEndian<uint16_t>(rest);
    if (size == 0 || size > limits::kMaxIdBytes || size > rest.size() - sizeof(uint16_t)) {
      return absl::DataLossError(
          absl::StrFormat("id %d has no length from 1 to %d within the file", ids.size(), limits::kMaxIdBytes));
    }
    const std::string_view id = rest.substr(sizeof(uint16_t), size);
    if (!ids.empty() && id <= ids.back()) {
      return absl::DataLossError(absl::StrFormat("id %d does not come after the one before it", ids.size()));
    }
    ids.push_back(id);
    rest.remove_prefix(sizeof(uint16_t) + size);
  }
  if (!rest.empty()) return absl::DataLossError(absl::StrFormat("%d bytes follow its last id", rest.size()));
  return UnavailableItems(ids, version);
}

absl::StatusOr<UnavailableItems> ReadAvailabilityFile(const std::string& path) {
  std::error_code error;
  const auto type = std::filesystem::status(path, error).type();
  if (type == std::filesystem::file_type::not_found) return UnavailableItems();
  absl::StatusOr<UnavailableItems> items;
  // A map of no bytes is none.
  if (type == std::filesystem::file_type::regular && std::filesystem::file_size(path, error) == 0 && !error) {
    items = DecodeAvailability("");
  } else {
    const auto file = MappedFile::Open(path);
    if (!file.ok()) return file.status();
    const auto bytes = (*file)->bytes();
    items = DecodeAvailability({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  if (items.ok()) return items;
  return absl::DataLossError(StrCat(
      "'", path, "', the list of unavailable items, is damaged: ", items.status().message(),
      ". Restore it from a backup; or move it away, which puts every item back into the answers, and take items out "
      "again with SetAvailability"));
}

}  // namespace kindred

// The whole reader on any bytes. A bundle that opens must be safe to use: every id, every look-up, every row.
//
// The first byte says how the rest is read: bit 0, the file gets a right header length; bit 1, a file with a digest is
// sealed anew, so that mutations reach what the seal would otherwise keep them from.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "core/base/checksum.h"
#include "core/base/str_cat.h"
#include "core/bundle/bundle_reader.h"
#include "core/bundle/id_table.h"
#include "core/bundle/seal.h"
#include "core/bundle/tensor_names.h"

namespace kindred {
namespace {

constexpr size_t kLengthBytes = 8;

void Require(bool condition) {
  if (!condition) std::abort();
}

// Sets the length so that the header ends after the last "}" that only spaces or a non-JSON byte follow.
void FixLength(std::string* file) {
  if (file->size() < kLengthBytes) return;
  const size_t mark = file->rfind("]}}");
  if (mark == std::string::npos || mark < kLengthBytes) return;
  size_t end = mark + 3;
  while (end % 8 != 0 && end < file->size() && (*file)[end] == ' ') ++end;
  const uint64_t length = end - kLengthBytes;
  std::memcpy(file->data(), &length, kLengthBytes);
}

// Makes checksums and digest right again where the text has their places.
void Reseal(std::string* file) {
  const absl::StatusOr<Header> header = ParseHeader(std::as_bytes(std::span(*file)), file->size());
  if (!header.ok() || !header->metadata.contains(names::kDigest)) return;
  for (const TensorEntry& tensor : header->tensors) {
    const std::string key = StrCat("\\\"", tensor.name, "\\\":\\\"xxh3:");
    const size_t at = file->find(key);
    if (at == std::string::npos || at + key.size() + 16 > header->data_begin) continue;
    const auto bytes = std::as_bytes(std::span(*file)).subspan(tensor.begin, tensor.end - tensor.begin);
    file->replace(at + key.size(), 16, Xxh3Hex(bytes));
  }
  const std::string key = StrCat("\"", names::kDigest, "\":\"xxh128:");
  const size_t at = file->find(key);
  if (at == std::string::npos || file->find(key, at + 1) != std::string::npos) return;
  if (at + key.size() + 32 >= header->data_begin || (*file)[at + key.size() + 32] != '"') return;
  SealHeader(std::span(*file).first(header->data_begin));
}

void Use(const BundleReader& reader) {
  const TensorMap& tensors = reader.tensors();
  for (std::string_view name : {names::kItemIds, names::kUserIds, names::kCategoryIds, names::kTokenIds,
                                names::kActionIds, names::kItemNames}) {
    const IdTable table = IdTableFrom(tensors, name);
    const bool indexed = FindTensor(tensors, names::Index(name)) != nullptr;
    for (uint32_t i = 0; i < table.size(); ++i) {
      const std::string_view id = table.Id(i);
      if (indexed) Require(table.Find(id) == i);
    }
    if (indexed) Require(table.Find(std::string(2000, 'x')) == std::nullopt);
  }
  const BundleInfo& info = reader.info();
  const auto use_rows = [&](const std::string& csr, uint64_t n, bool weighted) {
    const auto offsets = TensorOrEmpty<int64_t>(tensors, names::Offsets(csr));
    const auto values = TensorOrEmpty<uint32_t>(tensors, names::Values(csr));
    const auto weights = TensorOrEmpty<float>(tensors, names::Weights(csr));
    Require(weights.empty() || weights.size() == values.size());
    Require(!weighted || weights.size() == values.size());
    for (size_t row = 0; row + 1 < offsets.size(); ++row) {
      for (int64_t v = offsets[row]; v < offsets[row + 1]; ++v) Require(values[v] < n);
    }
  };
  use_rows(std::string(names::kSeen), info.n_items, false);
  use_rows(std::string(names::kItemCategories), info.n_categories, false);
  for (const auto& [name, spec] : info.spaces) {
    const auto items = TensorOrEmpty<float>(tensors, names::Space(name, names::kItems));
    // Sparse rows have none, and a blend's may be left to be derived.
    const bool may_lack = IsSparse(spec.fold_in) || spec.fold_in == FoldIn::kBlend;
    Require(items.size() == info.n_items * spec.dim || (may_lack && items.empty()));
    use_rows(names::Space(name, names::kRows), spec.dim, true);
    use_rows(names::Space(name, names::kColumns), info.n_items, true);
    for (const BlendPart& part : spec.parts) {
      Require(!TensorOrEmpty<float>(tensors, names::Space(part.space, names::kItems)).empty());
    }
    if (spec.fold_in == FoldIn::kTraits) {
      const auto tokens = TensorOrEmpty<float>(tensors, names::Space(name, names::kTokens));
      const auto basis = TensorOrEmpty<float>(tensors, names::Space(name, names::kBasis));
      Require(!basis.empty() && basis.size() % spec.dim == 0);
      Require(tokens.size() == info.n_tokens * (basis.size() / spec.dim));
    }
    for (float value : items) Require(value - value == 0);
    for (uint32_t item : TensorOrEmpty<uint32_t>(tensors, names::Space(name, names::kTraitItems))) {
      Require(item < info.n_items);
    }
  }
  Require(info.spaces.contains(info.default_space));
}

void Run(const std::string& file) {
  const int fd = memfd_create("bundle", MFD_CLOEXEC);
  Require(fd >= 0 && write(fd, file.data(), file.size()) == static_cast<ssize_t>(file.size()));
  const std::string path = StrCat("/proc/self/fd/", fd);
  const auto reader = BundleReader::Open(path, VerifyLevel::kChecksums);
  const auto info = InspectBundle(path);
  if (reader.ok()) {
    Require(info.ok());
    Use(**reader);
  }
  close(fd);
}

}  // namespace
}  // namespace kindred

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string file(reinterpret_cast<const char*>(data) + 1, size - 1);
  if ((data[0] & 1) != 0) kindred::FixLength(&file);
  if ((data[0] & 2) != 0) kindred::Reseal(&file);
  kindred::Run(file);
  return 0;
}

#include "core/bundle/header.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <set>
#include <tuple>

#include "core/base/checked_math.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/bundle/strict_json.h"

namespace kindred {
namespace {

static_assert(std::endian::native == std::endian::little, "bundles are little-endian and read in place");

constexpr uint64_t kLengthBytes = 8;
constexpr size_t kMaxTensors = 65'536;

class HeaderSax final : public StrictSax {
 public:
  explicit HeaderSax(Header* header) : header_(header) {}

  bool start_object(size_t elements) override {
    switch (at_) {
      case At::kStart:
        at_ = At::kTop;
        return true;
      case At::kMetadata:
        at_ = At::kMetadataKey;
        return true;
      case At::kTensor:
        at_ = At::kField;
        return true;
      default:
        return StrictSax::start_object(elements);
    }
  }

  bool key(std::string& name) override {
    switch (at_) {
      case At::kTop:
        return TopKey(name);
      case At::kMetadataKey:
        if (header_->metadata.contains(name)) {
          return Fail(StrCat("found metadata key ", Quoted(name), " a second time"));
        }
        metadata_key_ = name;
        at_ = At::kMetadataValue;
        return true;
      case At::kField:
        return FieldKey(name);
      default:
        return StrictSax::key(name);
    }
  }

  bool string(std::string& value) override {
    if (at_ == At::kMetadataValue) {
      header_->metadata.emplace(std::move(metadata_key_), std::move(value));
      at_ = At::kMetadataKey;
      return true;
    }
    if (at_ != At::kDType) return StrictSax::string(value);
    const std::optional<DType> dtype = DTypeFromName(value);
    if (!dtype.has_value()) return Fail(StrCat("found the dtype ", Quoted(value)));
    tensor().dtype = *dtype;
    at_ = At::kField;
    return true;
  }

  bool start_array(size_t elements) override {
    if (at_ == At::kShape || at_ == At::kOffsets) {
      at_ = at_ == At::kShape ? At::kExtent : At::kOffset;
      return true;
    }
    return StrictSax::start_array(elements);
  }

  bool number_unsigned(uint64_t value) override {
    if (at_ == At::kExtent) {
      if (tensor().shape.size() == kMaxRank) return Fail("found a further extent");
      tensor().shape.push_back(value);
      return true;
    }
    if (at_ == At::kOffset) {
      if (offsets_ == 2) return Fail("found a third offset");
      (offsets_++ == 0 ? tensor().begin : tensor().end) = value;
      return true;
    }
    return StrictSax::number_unsigned(value);
  }

  bool end_array() override {
    if (at_ == At::kOffset && offsets_ != 2) return Fail(StrCat("found ", offsets_, " offsets"));
    at_ = At::kField;
    return true;
  }

  bool end_object() override {
    if (at_ == At::kField && fields_ != kAllFields) {
      return Fail(StrCat("found no ", (fields_ & kDTypeField) == 0   ? "dtype"
                                      : (fields_ & kShapeField) == 0 ? "shape"
                                                                     : "data_offsets"));
    }
    at_ = at_ == At::kTop ? At::kEnd : At::kTop;
    return true;
  }

 private:
  enum class At : uint8_t {
    kStart,          // the outer object
    kTop,            // a tensor's name, "__metadata__", or the end
    kMetadata,       // the metadata object
    kMetadataKey,    //
    kMetadataValue,  //
    kTensor,         // a tensor's object
    kField,          // a field of it, or its end
    kDType,          // the value of a field
    kShape,
    kExtent,
    kOffsets,
    kOffset,
    kEnd,
  };
  enum Fields : uint8_t { kDTypeField = 1, kShapeField = 2, kOffsetsField = 4, kAllFields = 7 };

  TensorEntry& tensor() { return header_->tensors.back(); }

  bool TopKey(const std::string& name) {
    if (!names_.insert(name).second) return Fail(StrCat("found ", Quoted(name), " a second time"));
    if (name == "__metadata__") {
      at_ = At::kMetadata;
      return true;
    }
    if (name.empty() || name.size() > kMaxNameBytes) {
      return Fail(StrCat("found a tensor name of ", name.size(), " bytes"));
    }
    if (header_->tensors.size() == kMaxTensors) return Fail("found a further tensor");
    header_->tensors.emplace_back().name = name;
    fields_ = 0;
    offsets_ = 0;
    at_ = At::kTensor;
    return true;
  }

  bool FieldKey(const std::string& name) {
    const uint8_t field = name == "dtype"          ? kDTypeField
                          : name == "shape"        ? kShapeField
                          : name == "data_offsets" ? kOffsetsField
                                                   : 0;
    if (field == 0) return Fail(StrCat("found the key ", Quoted(name)));
    if ((fields_ & field) != 0) return Fail(StrCat("found the key ", Quoted(name), " a second time"));
    fields_ |= field;
    at_ = field == kDTypeField ? At::kDType : field == kShapeField ? At::kShape : At::kOffsets;
    return true;
  }

  std::string Expected() const override {
    const std::string of = header_->tensors.empty() ? "" : StrCat(" of tensor ", Quoted(header_->tensors.back().name));
    switch (at_) {
      case At::kStart:
        return "an object";
      case At::kTop:
        return StrCat("tensors with distinct names of 1 to ", kMaxNameBytes, " bytes, at most ", kMaxTensors);
      case At::kMetadata:
        return "__metadata__ to be an object";
      case At::kMetadataKey:
        return "distinct metadata keys";
      case At::kMetadataValue:
        return StrCat("a string for metadata key ", Quoted(metadata_key_));
      case At::kTensor:
        return StrCat("the object", of);
      case At::kField:
        return StrCat("dtype, shape and data_offsets", of, ", once each");
      case At::kDType:
        return StrCat("the dtype", of, ": U8, I8, U32, I64, U64, F32 or F64");
      case At::kShape:
      case At::kExtent:
        return StrCat("the shape", of, ": an array of at most ", kMaxRank, " unsigned integers");
      case At::kOffsets:
      case At::kOffset:
        return StrCat("the data_offsets", of, ": an array of two unsigned integers, begin and end");
      case At::kEnd:
        break;
    }
    return "the end of the header";
  }

  Header* header_;
  At at_ = At::kStart;
  uint8_t fields_ = 0;
  int offsets_ = 0;
  std::string metadata_key_;
  std::set<std::string> names_;
};

// Makes the offsets of `tensor` absolute.
absl::Status CheckTensor(uint64_t data_begin, uint64_t file_size, TensorEntry* tensor) {
  const auto error = [&](auto&&... parts) {
    return absl::InvalidArgumentError(StrCat("header, tensor ", Quoted(tensor->name), ": ", parts...));
  };
  const uint64_t data_size = file_size - data_begin;
  if (tensor->begin > tensor->end || tensor->end > data_size) {
    return error("data_offsets are [", tensor->begin, ", ", tensor->end, "], expected begin ≤ end ≤ ", data_size,
                 ", the bytes after the header (which ends at byte ", data_begin, " of ", file_size, ")");
  }
  uint64_t size = DTypeSize(tensor->dtype);
  for (uint64_t extent : tensor->shape) {
    if (!CheckedMul(size, extent, &size)) {
      return error("shape [", StrJoin(tensor->shape, ", "), "] overflows 64 bits");
    }
  }
  if (size != tensor->end - tensor->begin) {
    return error("data_offsets [", tensor->begin, ", ", tensor->end, "] span ", tensor->end - tensor->begin,
                 " bytes, expected ", size, " for ", DTypeName(tensor->dtype), " [", StrJoin(tensor->shape, ", "), "]");
  }
  tensor->begin += data_begin;
  tensor->end += data_begin;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Header> ParseHeader(std::span<const std::byte> prefix, uint64_t file_size) {
  if (file_size < kLengthBytes || prefix.size() < kLengthBytes) {
    return absl::InvalidArgumentError(StrCat("bytes 0..8: the file has ", std::min<uint64_t>(file_size, prefix.size()),
                                             " bytes, expected at least 8 for the header length: not a "
                                             "safetensors file, or truncated"));
  }
  uint64_t length = 0;
  std::memcpy(&length, prefix.data(), kLengthBytes);
  const uint64_t limit = std::min(file_size - kLengthBytes, kMaxHeaderBytes);
  if (length > limit) {
    return absl::InvalidArgumentError(StrCat("bytes 0..8: header length is ", length, ", expected at most ", limit,
                                             " (file size ", file_size, ", header limit ", kMaxHeaderBytes,
                                             "): not a safetensors file, or truncated"));
  }
  Header header;
  header.data_begin = kLengthBytes + length;
  if (prefix.size() < header.data_begin) {
    return absl::InvalidArgumentError(StrCat("header, bytes 8..", header.data_begin, ": only the first ", prefix.size(),
                                             " bytes of the file could be read"));
  }
  std::string_view text(reinterpret_cast<const char*>(prefix.data()) + kLengthBytes, length);
  if (!text.starts_with('{')) {
    return absl::InvalidArgumentError(StrCat("byte 8: found ",
                                             text.empty() ? "an empty header" : Quoted(text.substr(0, 1)),
                                             ", expected '{': not a safetensors file"));
  }
  // npos cannot happen, '{' is not a space.
  text = text.substr(0, text.find_last_not_of(' ') + 1);
  if (!text.ends_with('}')) {
    return absl::InvalidArgumentError(StrCat("byte ", kLengthBytes + text.size() - 1, ": found ",
                                             Quoted(text.substr(text.size() - 1)),
                                             ", expected '}' and then only spaces at the end of the header"));
  }

  HeaderSax sax(&header);
  if (absl::Status status = ParseStrictJson(text, kLengthBytes, &sax); !status.ok()) {
    return absl::InvalidArgumentError(StrCat("header, ", status.message()));
  }
  for (TensorEntry& tensor : header.tensors) {
    RETURN_IF_ERROR(CheckTensor(header.data_begin, file_size, &tensor));
  }
  std::sort(header.tensors.begin(), header.tensors.end(), [](const TensorEntry& a, const TensorEntry& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  uint64_t covered = header.data_begin;
  for (const TensorEntry& tensor : header.tensors) {
    if (tensor.begin != covered) {
      return absl::InvalidArgumentError(
          StrCat("header, tensor ", Quoted(tensor.name), ": begins at byte ", tensor.begin, " of the file, expected ",
                 covered, ": tensors must cover the data without ", tensor.begin > covered ? "gaps" : "overlaps"));
    }
    covered = tensor.end;
  }
  if (covered != file_size) {
    return absl::InvalidArgumentError(StrCat("byte ", covered,
                                             ": the last tensor ends here, expected the end of the "
                                             "file at ",
                                             file_size, ": tensors must cover the data without gaps"));
  }
  return header;
}

}  // namespace kindred

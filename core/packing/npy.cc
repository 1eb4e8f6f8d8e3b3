#include "core/packing/npy.h"

#include <cmath>
#include <cstring>
#include <memory>
#include <span>

#include "absl/strings/str_format.h"
#include "core/base/checked_math.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "core/bundle/mapped_file.h"
#include "core/packing/csv_reader.h"

namespace kindred {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
// The dictionary of a matrix is about 70 bytes; version 1 allows 65,535.
constexpr uint64_t kMaxHeaderText = 1 << 16;
constexpr uint64_t kRowsBetweenQuestions = 1024;

absl::Status Bad(const std::string& path, std::string_view what) {
  return absl::InvalidArgumentError(StrCat(path, ": ", what));
}

// Reads the Python literal {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), } and nothing else.
class DictReader {
 public:
  explicit DictReader(std::string_view text) : text_(text) {}

  // Empty when well formed, else what is wrong.
  std::string Read(std::string* descr, bool* fortran, std::vector<uint64_t>* shape) {
    if (!Take('{')) return "does not begin with {";
    bool has_descr = false, has_order = false, has_shape = false;
    while (!Take('}')) {
      std::string key;
      if (!TakeString(&key) || !Take(':')) return "has no quoted key";
      bool* seen = key == "descr"           ? &has_descr
                   : key == "fortran_order" ? &has_order
                   : key == "shape"         ? &has_shape
                                            : nullptr;
      if (seen == nullptr) return StrCat("has an unknown key ", Shown(key));
      if (*seen) return StrCat("has the key ", Shown(key), " twice");
      *seen = true;
      const bool read = key == "descr" ? TakeString(descr) : key == "shape" ? TakeShape(shape) : TakeBool(fortran);
      if (!read) return StrCat("has a malformed value of ", Shown(key));
      if (!Take(',') && !Peek('}')) return "has no comma between its entries";
    }
    Blanks();
    if (!text_.empty()) return "has text behind its closing }";
    return has_descr && has_order && has_shape ? "" : "lacks one of descr, fortran_order and shape";
  }

 private:
  void Blanks() {
    while (!text_.empty() && (text_[0] == ' ' || text_[0] == '\n')) text_.remove_prefix(1);
  }
  bool Peek(char c) {
    Blanks();
    return !text_.empty() && text_[0] == c;
  }
  bool Take(char c) {
    if (!Peek(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool TakeString(std::string* out) {
    Blanks();
    if (text_.empty() || (text_[0] != '\'' && text_[0] != '"')) return false;
    const size_t end = text_.find(text_[0], 1);
    if (end == text_.npos) return false;
    *out = std::string(text_.substr(1, end - 1));
    text_.remove_prefix(end + 1);
    return true;
  }
  bool TakeBool(bool* out) {
    Blanks();
    for (const auto& [word, value] : {std::pair<std::string_view, bool>("True", true), {"False", false}}) {
      if (!text_.starts_with(word)) continue;
      *out = value;
      text_.remove_prefix(word.size());
      return true;
    }
    return false;
  }
  bool TakeShape(std::vector<uint64_t>* out) {
    if (!Take('(')) return false;
    while (!Take(')')) {
      Blanks();
      const size_t digits = text_.find_first_not_of("0123456789");
      const std::optional<uint64_t> extent = ParseIndex(text_.substr(0, digits));
      if (digits == text_.npos || !extent) return false;
      text_.remove_prefix(digits);
      out->push_back(*extent);
      if (!Take(',') && !Peek(')')) return false;
    }
    return true;
  }

  std::string_view text_;
};

absl::StatusOr<NpyHeader> ParseHeader(const std::string& path, std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with(kMagic)) {
    return Bad(path, StrCat("begins with ", Shown(text.substr(0, kMagic.size())),
                            ", expected \\x93NUMPY: it is not a .npy file"));
  }
  if (text.size() < 12) return Bad(path, "ends inside its header");
  const auto major = static_cast<uint8_t>(text[6]);
  if (major < 1 || major > 3) return Bad(path, absl::StrFormat("is of .npy version %d, expected 1, 2 or 3", major));
  const size_t length_bytes = major == 1 ? 2 : 4;
  uint32_t length = 0;
  std::memcpy(&length, text.data() + 8, length_bytes);
  NpyHeader header;
  header.data_begin = 8 + length_bytes + length;
  if (length > kMaxHeaderText || header.data_begin > text.size()) {
    return Bad(path, absl::StrFormat("claims a header of %d bytes in a file of %d bytes", length, text.size()));
  }
  std::string descr;
  const std::string problem =
      DictReader(text.substr(8 + length_bytes, length)).Read(&descr, &header.fortran_order, &header.shape);
  if (!problem.empty()) return Bad(path, StrCat("the header ", problem));
  if (descr != "<f4" && descr != "<f8") {
    return Bad(path, StrCat("holds elements of type ", Shown(descr),
                            ", expected <f4 or <f8; in Python: np.save(path, matrix.astype('<f4'))"));
  }
  header.is_double = descr == "<f8";
  uint64_t size = header.is_double ? 8 : 4;
  bool fits = true;
  for (uint64_t extent : header.shape) fits = fits && CheckedMul(size, extent, &size);
  const uint64_t found = text.size() - header.data_begin;
  if (!fits || size != found) {
    return Bad(path, absl::StrFormat("holds %d bytes of elements, expected %s for shape (%s) of %s", found,
                                     fits ? StrCat(size) : "more than 2^64", StrJoin(header.shape, ", "), descr));
  }
  return header;
}

template <typename T>
absl::Status ReadValues(const std::string& path, const std::byte* data, bool fortran_order, const GoOn& go_on,
                        NpyMatrix* out) {
  const uint64_t rows = out->rows, cols = out->cols;
  for (uint64_t i = 0; i < rows; ++i) {
    if (i % kRowsBetweenQuestions == 0 && !go_on()) {
      return absl::CancelledError(StrCat(path, ": reading it was given up"));
    }
    for (uint64_t j = 0; j < cols; ++j) {
      T value;  // the file promises no alignment
      std::memcpy(&value, data + (fortran_order ? j * rows + i : i * cols + j) * sizeof(T), sizeof(T));
      const auto narrowed = static_cast<float>(value);
      if (!std::isfinite(narrowed)) {
        return Bad(path, absl::StrFormat("row %d, column %d is %g, expected a finite 32-bit float", i, j, value));
      }
      out->values[i * cols + j] = narrowed;
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<NpyHeader> ReadNpyHeader(const std::string& path) {
  ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  return ParseHeader(path, file->bytes());
}

absl::StatusOr<NpyMatrix> ReadNpyMatrix(const std::string& path, const GoOn& go_on) {
  ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  ASSIGN_OR_RETURN(const NpyHeader header, ParseHeader(path, file->bytes()));
  if (header.shape.size() != 2 || header.shape[0] == 0 || header.shape[1] == 0) {
    return Bad(path, absl::StrFormat("has shape (%s), expected a matrix of at least one row and one column",
                                     StrJoin(header.shape, ", ")));
  }
  NpyMatrix out{header.shape[0], header.shape[1], {}};
  out.values.resize(out.rows * out.cols);  // as many as the file holds
  const std::byte* data = file->bytes().data() + header.data_begin;
  RETURN_IF_ERROR(header.is_double ? ReadValues<double>(path, data, header.fortran_order, go_on, &out)
                                   : ReadValues<float>(path, data, header.fortran_order, go_on, &out));
  return out;
}

}  // namespace kindred

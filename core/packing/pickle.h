// Reads Python pickles of plain data: dicts, lists, tuples, integers and text, protocols 0 to 5
// (https://github.com/python/cpython/blob/main/Lib/pickletools.py describes the opcodes). Nothing of a file is
// executed: an opcode that would import, call or construct is an error that names what it asks for, but for OrderedDict
// and defaultdict, which are dicts here, and NumPy's integers, which are integers. Pure functions, thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/go_on.h"
#include "core/bundle/mapped_file.h"

namespace kindred {

enum class PickleKind : uint8_t {
  kNone,
  kBool,
  kInteger,
  kFloat,  // its value is not kept
  kText,   // str, or bytes
  kList,   // or tuple
  kDict,
  // Only while a file is read.
  kMark,
  kName,
  kNumberType,
};

// A value, 16 bytes; what it points to belongs to its PickleData.
struct PickleValue {
  PickleKind kind = PickleKind::kNone;
  uint32_t size = 0;  // bytes of a text
  union {
    int64_t number = 0;  // kBool, kInteger
    const char* text;    // kText
    uint64_t container;  // kList, kDict
  };

  std::string_view view() const { return {text, size}; }  // REQUIRES: kText
};

struct PickleData {
  PickleValue root;
  // A list's values; a dict's keys and values, one after the other, in the order of the file.
  std::vector<std::vector<PickleValue>> containers;
  std::deque<std::string> unescaped;  // texts that are not in the file as they are
  std::shared_ptr<const MappedFile> file;

  const std::vector<PickleValue>& Elements(const PickleValue& value) const { return containers[value.container]; }
};

// Bounds on one file: past them it is refused, so that a hostile one cannot exhaust the machine.
struct PickleLimits {
  uint64_t max_bytes = uint64_t{2} << 30;
  uint64_t max_operations = 50'000'000;              // a mapping of n ids takes about 4n; also values copied by calls
  uint64_t max_encoded_bytes = uint64_t{256} << 20;  // given to _codecs.encode; a NumPy integer takes eight
  uint64_t max_containers = 4'000'000;               // a NumPy integer takes one
};

// Errors of MappedFile::Open; INVALID_ARGUMENT naming file and byte for what is no pickle, damaged, truncated, too
// large or anything but plain data; then it says what to do. `go_on` is asked now and then: CANCELLED when it says no.
absl::StatusOr<PickleData> ReadPickle(const std::string& path, const PickleLimits& limits = {},
                                      const GoOn& go_on = GoOn());
// The same of bytes in memory, which must outlive what is read. `path` is for messages; no `file`.
absl::StatusOr<PickleData> ReadPickleBytes(const std::string& path, std::string_view bytes, const PickleLimits& limits,
                                           const GoOn& go_on);

}  // namespace kindred

// The safetensors header: 8 bytes little-endian length, then JSON. Parsing trusts nothing and allocates nothing on a
// size it has not checked. Pure functions, thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/bundle/tensor.h"

namespace kindred {

// Largest accepted header, as in the reference implementation of safetensors.
inline constexpr uint64_t kMaxHeaderBytes = 100'000'000;
inline constexpr size_t kMaxRank = 4;
inline constexpr size_t kMaxNameBytes = 256;  // of a tensor

struct TensorEntry {
  std::string name;
  DType dtype = DType::kU8;
  std::vector<uint64_t> shape;
  uint64_t begin = 0;  // offset in the file, absolute
  uint64_t end = 0;
};

struct Header {
  std::map<std::string, std::string, std::less<>> metadata;
  std::vector<TensorEntry> tensors;  // by begin offset
  uint64_t data_begin = 0;           // absolute offset of the first tensor byte = 8 + header length
};

// Parses and checks the header of a file of `file_size` bytes, of which `prefix` holds at least the first
// min(file_size, 8 + header length) bytes. Guarantees on success: every tensor lies inside the file, its byte range
// equals product(shape) × element size, and the tensors cover the data without gap or overlap. Errors are
// INVALID_ARGUMENT and name the byte offset or the tensor, what was found and what was expected.
absl::StatusOr<Header> ParseHeader(std::span<const std::byte> prefix, uint64_t file_size);

}  // namespace kindred

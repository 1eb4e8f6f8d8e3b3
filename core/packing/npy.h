// Reads NumPy's .npy files of floating-point matrices
// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html): versions 1 to 3, little-endian f4 and f8, C
// and Fortran order. Pure functions, thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/go_on.h"

namespace kindred {

struct NpyHeader {
  bool is_double = false;  // f8, else f4
  bool fortran_order = false;
  std::vector<uint64_t> shape;
  uint64_t data_begin = 0;  // offset of the first element in the file
};

// A matrix in row-major order.
struct NpyMatrix {
  uint64_t rows = 0;
  uint64_t cols = 0;
  std::vector<float> values;  // [rows × cols], finite
};

// Reads and checks the header alone: magic, version, dictionary, and that the file holds exactly the elements that the
// shape asks for. NOT_FOUND, or INVALID_ARGUMENT naming the file, what was found and what was expected.
absl::StatusOr<NpyHeader> ReadNpyHeader(const std::string& path);

// Reads a two-dimensional array. Errors as ReadNpyHeader; also for an array of another rank, an empty one, and a value
// that is not finite or does not fit a float, naming its row and column. `go_on` is asked now and then: CANCELLED when
// it says no.
absl::StatusOr<NpyMatrix> ReadNpyMatrix(const std::string& path, const GoOn& go_on = GoOn());

}  // namespace kindred

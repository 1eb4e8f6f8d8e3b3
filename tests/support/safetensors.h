// safetensors files as others write them: unsealed, or with any header at all.
#pragma once

#include <string>
#include <string_view>

#include "core/bundle/bundle_writer.h"
#include "core/bundle/tensor.h"

namespace kindred::testing {

// The bytes that the Python package `safetensors` writes: tensors by element size (descending), then name; header
// padded with spaces to a multiple of 8. No seal.
std::string SafetensorsBytes(const TensorMap& tensors, const Metadata& metadata);

// 8 length bytes, `json`, `data`: whatever they say.
std::string SafetensorsFile(std::string_view json, std::string_view data);

// The header JSON of a file, without the padding; and a file with that JSON put in its place, padded to 8 bytes.
std::string HeaderJson(std::string_view file);
std::string WithHeaderJson(std::string_view file, std::string_view json);

// A sealed file whose header was changed by hand, with its digest made right again.
std::string Resealed(std::string file);

}  // namespace kindred::testing

// Writes the seeds of the bundle fuzzer: small files of every kind that there is. Deterministic.
#include <cstdio>
#include <string>

#include "core/base/str_cat.h"
#include "tests/support/bundle_builder.h"
#include "tests/support/files.h"
#include "tests/support/safetensors.h"

namespace kindred::testing {
namespace {

size_t DataSize(const TensorMap& tensors) {
  size_t size = 0;
  for (const auto& [name, tensor] : tensors) size += tensor.bytes.size();
  return size;
}

void Run(const std::string& folder) {
  // The first byte is the mode (fuzz_bundle.cc).
  const auto seed = [&](std::string_view name, char mode, const std::string& file) {
    WriteFile(StrCat(folder, "/", name), std::string(1, mode) + file);
  };
  const BundleShape small{.n_items = 3, .n_users = 2, .n_categories = 1, .dim = 2};
  const std::string path = StrCat(folder, "/scratch");
  BundleBuilder full(small);
  full.AddEveryTensor();
  if (!full.WriteSealed(path).ok()) std::perror(path.c_str());
  const std::string sealed = ReadFile(path);
  std::remove(path.c_str());
  const std::string raw = SafetensorsBytes(full.tensors(), full.metadata());
  BundleBuilder least(small);
  least.KeepFactorsAndIds();
  const std::string python = SafetensorsBytes(least.tensors(), {});

  // The same with an odd header length and so no tensor where its type wants it.
  const std::string json = HeaderJson(python);
  const std::string data = python.substr(python.size() - DataSize(least.tensors()));

  seed("sealed", 0, sealed);
  seed("sealed_fixed", 3, sealed);
  seed("raw_full", 0, raw);
  seed("raw_full_fixed", 1, raw);
  seed("python", 0, python);
  seed("python_fixed", 1, python);
  seed("cut_header", 0, sealed.substr(0, 100));
  seed("cut_data", 0, python.substr(0, python.size() - 1));
  seed("misaligned", 0, SafetensorsFile(json + (json.size() % 2 == 0 ? " " : ""), data));
  seed("empty_object", 0, SafetensorsFile("{}", ""));
  seed("deep", 0, SafetensorsFile("{\"a\":" + std::string(64, '[') + "}", ""));
  seed("huge_length", 0, std::string(7, '\xff') + "\x7f{}");
  seed("huge_shape", 0,
       SafetensorsFile("{\"items.ids.bytes\":{\"dtype\":\"U8\",\"shape\":[9223372036854775808,2],"
                       "\"data_offsets\":[0,0]}}",
                       ""));
  seed("too_short", 0, "abc");
}

}  // namespace
}  // namespace kindred::testing

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_bundle_corpus FOLDER\n");
    return 2;
  }
  kindred::testing::Run(argv[1]);
  return 0;
}

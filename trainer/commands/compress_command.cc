// kindred compress and kindred unpack: a bundle for transport, and back.
#include <iostream>
#include <memory>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "core/bundle/compression.h"
#include "core/packing/pack.h"
#include "trainer/commands/commands.h"
#include "trainer/data/input_file.h"

namespace kindred {
namespace {

struct Flags {
  std::string in, out;
  uint64_t max_bytes = kMaxUnpackedBytes;
};

// Both commands, up to what they do.
template <typename Work>
int Run(const Flags& flags, const Work& work) {
  if (const absl::Status status = CheckOutputPath(flags.out); !status.ok()) return Fail(status);
  if (const absl::Status status = CheckIsNoInput(flags.out, {flags.in}); !status.ok()) return Fail(status);
  const absl::StatusOr<CompressionReport> report = work();
  if (!report.ok()) return Fail(report.status());
  std::cout << absl::StrFormat(
      "bundle      %s bytes\ncompressed  %s bytes, %.0f%%\nwritten     %s\n", WithThousands(report->bundle_bytes),
      WithThousands(report->compressed_bytes),
      100.0 * static_cast<double>(report->compressed_bytes) / static_cast<double>(report->bundle_bytes), flags.out);
  return kExitOk;
}

}  // namespace

void AddCompressCommand(CLI::App& app, int* exit_code) {
  CLI::App* compress = app.add_subcommand("compress", "Compress a bundle for transport; a server takes it as it is");
  const auto flags = std::make_shared<Flags>();
  compress->add_option("FILE", flags->in, "Bundle to compress")->required();
  compress->add_option("OUT", flags->out, "Compressed bundle to write (default: FILE with .zst behind it)");
  compress->footer(
      "Writes one zstd frame with a checksum. kindred unpack gives back the same bytes; kindred inspect and verify "
      "take\n"
      "the compressed file; a server unpacks <model>/<version>/bundle.safetensors.zst when it loads the version.\n\n"
      "Exit codes: 0 done, 1 failed (the message says where and why), 2 wrong usage or no such file.\n\n"
      "Example:\n  kindred compress bundle.safetensors");
  compress->callback([flags, exit_code] {
    if (flags->out.empty()) flags->out = StrCat(flags->in, kCompressedSuffix);
    *exit_code = Run(*flags, [&] { return CompressBundle(flags->in, flags->out); });
  });
}

void AddUnpackCommand(CLI::App& app, int* exit_code) {
  CLI::App* unpack = app.add_subcommand("unpack", "Make the bundle again that was compressed");
  const auto flags = std::make_shared<Flags>();
  unpack->add_option("FILE", flags->in, "Compressed bundle")->required();
  unpack->add_option("OUT", flags->out, "Bundle to write; an older one of that name is replaced in one step")
      ->required();
  unpack
      ->add_option("--max-bytes", flags->max_bytes,
                   "Largest bundle that is unpacked, so that no small file fills the disk")
      ->capture_default_str()
      ->type_name("BYTES");
  unpack->footer(
      "The bundle's header is checked before anything is written, and the checksum of all of it before it takes its\n"
      "name; nothing is left behind when anything fails.\n\n"
      "Exit codes: 0 done, 1 failed (the message says where and why), 2 wrong usage or no such file.\n\n"
      "Example:\n  kindred unpack bundle.safetensors.zst bundle.safetensors");
  unpack->callback([flags, exit_code] {
    *exit_code = Run(*flags, [&] { return UnpackBundle(flags->in, flags->out, flags->max_bytes, nullptr); });
  });
}

}  // namespace kindred

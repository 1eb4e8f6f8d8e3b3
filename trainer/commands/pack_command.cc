#include <unistd.h>

#include <iostream>
#include <memory>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "core/bundle/compression.h"
#include "core/bundle/tensor_names.h"
#include "core/packing/legacy.h"
#include "core/packing/pack.h"
#include "trainer/commands/commands.h"

namespace kindred {
namespace {

constexpr std::string_view kFooter = R"(--in takes a safetensors file with at least
  items.ids.bytes U8, items.ids.offsets I64 [items + 1]    ids as UTF-8, one after another
  space.NAME.items F32 [items, factors]                    the item matrix
and, beside others, users.ids.*, space.NAME.users and users.seen.* (docs/bundle_format.md).

--legacy takes a folder with user_latent_factors.npy, item_latent_factors.npy, customer_mapping and item_mapping (.csv,
.json or .pkl); recommendations.csv becomes the lists of users who have nothing else; article_text_embeddings.npy with
article_id_to_idx becomes the space "content". Similarities and text models are recognised and not needed. Pickles are
read as data: nothing in one is executed.

The bundle is read back and checked before it takes its name; nothing is left behind when anything fails.

--compress writes the bundle compressed, for transport, to --out with .zst behind it; kindred unpack makes it again.

Exit codes: 0 done, 1 failed (the message says where and why), 2 wrong usage or no such file.

Example:
  kindred pack --in raw.safetensors --out bundle.safetensors --model groceries --model-version 2026-01-31
  kindred pack --legacy ./models --out bundle.safetensors)";

struct Flags {
  std::string in, legacy, out, model, version, source;
  bool compress = false;
};

absl::StatusOr<PackReport> PackTo(const std::string& out, const Flags& flags) {
  if (!flags.in.empty()) {
    Metadata overrides;
    for (const auto& [key, value] :
         {std::pair(names::kModel, &flags.model), {names::kVersion, &flags.version}, {names::kSource, &flags.source}}) {
      if (!value->empty()) overrides.emplace(key, *value);
    }
    return PackFile(flags.in, out, overrides);
  }
  LegacyOptions options;
  if (!flags.model.empty()) options.model = flags.model;
  if (!flags.version.empty()) options.version = flags.version;
  options.source = flags.source;
  RETURN_IF_ERROR(CheckOutputPath(out));
  ASSIGN_OR_RETURN(const LegacyImport import, ReadLegacyFolder(flags.legacy, options));
  for (const std::string& note : import.notes) std::cout << note << "\n";
  return PackParts(import.parts, out);
}

// The file that is written.
std::string Target(const Flags& flags) {
  const bool named = !flags.compress || flags.out.ends_with(kCompressedSuffix);
  return named ? flags.out : StrCat(flags.out, kCompressedSuffix);
}

absl::StatusOr<PackReport> Pack(const Flags& flags) {
  const std::string target = Target(flags);
  if (!flags.compress) return PackTo(target, flags);
  RETURN_IF_ERROR(CheckOutputPath(target));
  const std::string bundle = StrCat(target, ".unpacked.", getpid());
  const absl::Cleanup remove = [&] { unlink(bundle.c_str()); };
  ASSIGN_OR_RETURN(PackReport report, PackTo(bundle, flags));
  ASSIGN_OR_RETURN(const CompressionReport compressed, CompressBundle(bundle, target));
  report.info.file_size = compressed.compressed_bytes;
  return report;
}

int Run(const CLI::App& command, const Flags& flags) {
  if (flags.in.empty() == flags.legacy.empty()) {
    return FailUsage(command, "exactly one of --in and --legacy is required");
  }
  for (const std::string* text : {&flags.model, &flags.version, &flags.source}) {
    if (text->size() > 256) return FailUsage(command, "--model, --model-version and --source take at most 256 bytes");
  }
  const absl::StatusOr<PackReport> report = Pack(flags);
  if (!report.ok()) return Fail(report.status());
  const BundleInfo& info = report->info;
  std::cout << absl::StrFormat("bundle   %s (%s bytes)\nmodel    %s, version %s\nusers    %s\nitems    %s\n",
                               Target(flags), WithThousands(info.file_size), info.model, info.version,
                               WithThousands(info.n_users), WithThousands(info.n_items));
  if (info.n_recommendations > 0) {
    std::cout << absl::StrFormat("lists    %s recommendations made before\n", WithThousands(info.n_recommendations));
  }
  for (const auto& [name, spec] : info.spaces) {
    std::cout << absl::StrFormat("space    %s: %s, %d factors\n", name, spec.family, spec.dim);
  }
  std::cout << absl::StrFormat(
      "derived  %s\ngolden   %d queries\n",
      report->derived.empty() ? "nothing, all parts were there" : StrJoin(report->derived, ", "),
      report->golden_queries);
  return kExitOk;
}

}  // namespace

void AddPackCommand(CLI::App& app, int* exit_code) {
  CLI::App* pack =
      app.add_subcommand("pack", "Make a serving bundle of raw factors: from safetensors or from legacy files");
  const auto flags = std::make_shared<Flags>();
  pack->add_option("--in", flags->in, "Bundle to pack, raw or packed before")->type_name("FILE");
  pack->add_option("--legacy", flags->legacy, "Folder with legacy files")->type_name("DIR");
  pack->add_option("--out", flags->out, "Bundle to write; an older one of that name is replaced in one step")
      ->required()
      ->type_name("FILE");
  pack->add_flag("--compress", flags->compress, "Write it compressed, for transport, with .zst behind the name");
  pack->add_option("--model", flags->model, "Model name (default: as the input says, else 'default')")
      ->type_name("NAME");
  pack->add_option("--model-version,--version", flags->version,
                   "Version of the model (default: as the input says, else '1')")
      ->type_name("TEXT");
  pack->add_option("--source", flags->source, "Where the factors came from")->type_name("TEXT");
  pack->footer(std::string(kFooter));
  pack->callback([pack, flags, exit_code] { *exit_code = Run(*pack, *flags); });
}

}  // namespace kindred

#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "core/bundle/bundle_reader.h"
#include "core/bundle/compression.h"
#include "core/bundle/tensor_names.h"
#include "trainer/commands/commands.h"

namespace kindred {
namespace {

using Json = nlohmann::ordered_json;

Json ToJson(const BundleInfo& info) {
  Json out = {{"path", info.path},
              {"size_bytes", info.file_size},
              {"sealed", info.sealed},
              {"format", info.format_version},
              {"model", info.model},
              {"version", info.version},
              {"created_at", info.created_at},
              {"source", info.source},
              {"digest", info.digest},
              {"users", info.n_users},
              {"items", info.n_items},
              {"categories", info.n_categories},
              {"interactions", info.n_interactions},
              {"recommendations", info.n_recommendations},
              {"tokens", info.n_tokens},
              {"actions", info.n_actions},
              {"default_space", info.default_space}};
  out["spaces"] = Json::parse(SpaceSpecsToJson(info.spaces));
  const auto training = info.header.metadata.find(names::kTraining);
  out["training"] = training == info.header.metadata.end()
                        ? Json()
                        : Json::parse(training->second, nullptr, /*allow_exceptions=*/false);
  out["tensors"] = Json::array();
  for (const TensorEntry& tensor : info.header.tensors) {
    out["tensors"].push_back({{"name", tensor.name},
                              {"dtype", DTypeName(tensor.dtype)},
                              {"shape", tensor.shape},
                              {"size_bytes", tensor.end - tensor.begin},
                              {"offset", tensor.begin}});
  }
  return out;
}

void PrintTensors(const BundleInfo& info) {
  size_t width = std::string_view("tensor").size(), shape_width = std::string_view("shape").size();
  const auto shape = [](const TensorEntry& tensor) { return StrCat("[", StrJoin(tensor.shape, ", "), "]"); };
  for (const TensorEntry& tensor : info.header.tensors) {
    width = std::max(width, tensor.name.size());
    shape_width = std::max(shape_width, shape(tensor).size());
  }
  std::cout << absl::StrFormat("\n%-*s  dtype  %-*s  %15s  %15s\n", width, "tensor", shape_width, "shape", "bytes",
                               "offset");
  for (const TensorEntry& tensor : info.header.tensors) {
    std::cout << absl::StrFormat("%-*s  %-5s  %-*s  %15s  %15s\n", width, tensor.name, DTypeName(tensor.dtype),
                                 shape_width, shape(tensor), WithThousands(tensor.end - tensor.begin),
                                 WithThousands(tensor.begin));
  }
}

// What a space is made of and how events count in it, where that is not plain.
std::string Remarks(const BundleInfo& info, const std::string& name, const SpaceSpec& spec) {
  std::vector<std::string> remarks;
  if (name == info.default_space) remarks.emplace_back("default");
  if (IsSparse(spec.fold_in)) {
    for (const TensorEntry& tensor : info.header.tensors) {
      if (tensor.name != names::Space(name, names::Values(names::kRows))) continue;
      remarks.push_back(StrCat(WithThousands(tensor.shape[0]), " non-zeros"));
    }
  }
  if (spec.fold_in == FoldIn::kImplicit) remarks.push_back(absl::StrFormat("alpha %g", spec.fold_in_alpha));
  for (const BlendPart& part : spec.parts) remarks.push_back(absl::StrFormat("%g * %s", part.weight, part.space));
  for (const auto& [action, weight] : spec.actions) {
    remarks.push_back(absl::StrFormat("%s counts %g", action.empty() ? "no action" : action, weight));
  }
  if (spec.half_life_days > 0) remarks.push_back(absl::StrFormat("half-life %g days", spec.half_life_days));
  return StrJoin(remarks, ", ");
}

void PrintSpaces(const BundleInfo& info) {
  size_t width = std::string_view("space").size(), family_width = std::string_view("family").size();
  for (const auto& [name, spec] : info.spaces) {
    width = std::max(width, name.size());
    family_width = std::max(family_width, spec.family.size());
  }
  std::cout << absl::StrFormat("\n%-*s  %-*s  %7s  fold-in    lambda  transform  metric  prior\n", width, "space",
                               family_width, "family", "dim");
  for (const auto& [name, spec] : info.spaces) {
    const std::string remarks = Remarks(info, name, spec);
    std::cout << absl::StrFormat("%-*s  %-*s  %7d  %-9s  %6g  %-9s  %-6s  %5g%s\n", width, name, family_width,
                                 spec.family, spec.dim, FoldInName(spec.fold_in), spec.fold_in_lambda,
                                 ValueTransformName(spec.transform), MetricName(spec.metric), spec.prior_weight,
                                 remarks.empty() ? "" : StrCat("  (", remarks, ")"));
  }
}

void Print(const BundleInfo& info, bool compressed) {
  const auto line = [](std::string_view key, std::string_view value) {
    if (!value.empty()) std::cout << absl::StrFormat("%-13s %s\n", key, value);
  };
  line("path", info.path);
  line("size", StrCat(WithThousands(info.file_size), " bytes", compressed ? ", compressed in this file" : ""));
  line("kind", info.sealed ? StrCat("sealed, format ", info.format_version)
                           : "raw: no checksums, serving parts are computed at load; kindred pack seals it");
  line("model", info.model);
  line("version", info.version);
  line("created", info.created_at);
  line("source", info.source);
  line("digest", info.digest);
  line("users", WithThousands(info.n_users));
  line("items", WithThousands(info.n_items));
  line("categories", WithThousands(info.n_categories));
  line("interactions", WithThousands(info.n_interactions));
  if (info.n_recommendations > 0) {
    line("lists", StrCat(WithThousands(info.n_recommendations), " recommendations made before"));
  }
  if (info.n_tokens > 0) line("tokens", WithThousands(info.n_tokens));
  if (info.n_actions > 0) line("actions", WithThousands(info.n_actions));
  PrintSpaces(info);
  PrintTensors(info);
  if (const auto training = info.header.metadata.find(names::kTraining); training != info.header.metadata.end()) {
    std::cout << "\ntraining      " << training->second << "\n";
  }
}

int Run(const std::string& path, bool json) {
  const bool compressed = IsCompressed(path);
  const absl::StatusOr<BundleInfo> info = compressed ? InspectCompressedBundle(path) : InspectBundle(path);
  if (absl::IsNotFound(info.status())) {
    std::cerr << "NOT FOUND: " << path << "\n";
    return kExitUsage;
  }
  if (!info.ok()) return Fail(info.status());
  if (json) {
    Json out = ToJson(*info);
    out["compressed"] = compressed;
    std::cout << out.dump(2) << "\n";
  } else {
    Print(*info, compressed);
  }
  return kExitOk;
}

}  // namespace

void AddInspectCommand(CLI::App& app, int* exit_code) {
  CLI::App* inspect = app.add_subcommand("inspect", "Say what a bundle holds; reads only its header");
  struct Flags {
    std::string path;
    bool json = false;
  };
  const auto flags = std::make_shared<Flags>();
  inspect->add_option("FILE", flags->path, "Bundle to look at, compressed or not")->required();
  inspect->add_flag("--json", flags->json, "Print JSON");
  inspect->footer(
      "Takes no longer for a large bundle than for a small one: no tensor is read. kindred verify checks them.\n"
      "Takes a compressed bundle (kindred compress) as well.\n\n"
      "Exit codes: 0 done, 1 not a valid bundle, 2 wrong usage or no such file.\n\n"
      "Example:\n  kindred inspect bundle.safetensors --json");
  inspect->callback([flags, exit_code] { *exit_code = Run(flags->path, flags->json); });
}

}  // namespace kindred

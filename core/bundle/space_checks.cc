#include "core/bundle/space_checks.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/bundle/schema_table.h"
#include "core/bundle/strict_json.h"
#include "core/bundle/tensor_names.h"

namespace kindred {
namespace {

// So that no item matrix of a blend overflows.
constexpr double kMaxPartWeight = 1e6;

template <typename... Parts>
absl::Status HeaderError(const Parts&... parts) {
  return absl::InvalidArgumentError(StrCat("header: ", parts...));
}

template <typename... Parts>
absl::Status TensorError(const TensorEntry& entry, const Parts&... parts) {
  return absl::InvalidArgumentError(
      StrCat("tensor ", Quoted(entry.name), ", bytes ", entry.begin, "..", entry.end, ": ", parts...));
}

template <typename... Parts>
absl::Status SpaceError(std::string_view space, const Parts&... parts) {
  return HeaderError("metadata key \"", names::kSpaces, "\", space \"", space, "\": ", parts...);
}

const TensorEntry* FindEntry(const Header& header, std::string_view name) {
  const auto it = std::find_if(header.tensors.begin(), header.tensors.end(),
                               [&](const TensorEntry& entry) { return entry.name == name; });
  return it == header.tensors.end() ? nullptr : &*it;
}

// Whether `entry` is the part `part` of a space, and of which.
bool IsPart(const TensorEntry& entry, std::string_view part, std::string_view* space) {
  const TensorRule* rule = FindTensorRule(entry.name, space);
  return rule != nullptr && !space->empty() && entry.name == names::Space(*space, part);
}

absl::Status CheckPart(const SpaceShapes& shapes, const SpaceSpecs& specs, std::string_view blend,
                       const BlendPart& part) {
  const auto spec = specs.find(part.space);
  if (spec == specs.end()) {
    return SpaceError(blend, "has the part \"", part.space, "\", expected the name of another space of the bundle");
  }
  if (spec->second.fold_in == FoldIn::kBlend) {
    return SpaceError(blend, "has the part \"", part.space,
                      "\", which is a blend itself, expected a space that is not");
  }
  const auto shape = shapes.find(part.space);
  if (shape == shapes.end() || !shape->second.has_items) {
    return SpaceError(blend, "has the part \"", part.space, "\", which has no item matrix, expected a tensor \"",
                      names::Space(part.space, names::kItems), "\"");
  }
  return absl::OkStatus();
}

// The dimension of a blend: that of its parts together.
absl::StatusOr<uint64_t> BlendDim(const SpaceShapes& shapes, const SpaceSpecs& specs, std::string_view blend) {
  const SpaceSpec& spec = specs.find(blend)->second;
  if (spec.parts.empty()) return SpaceError(blend, "is a blend without parts, expected at least one in \"parts\"");
  uint64_t dim = 0;
  bool some_weight = false;
  std::vector<std::string_view> met;
  for (const BlendPart& part : spec.parts) {
    RETURN_IF_ERROR(CheckPart(shapes, specs, blend, part));
    if (std::find(met.begin(), met.end(), part.space) != met.end()) {
      return SpaceError(blend, "has the part \"", part.space, "\" a second time, expected distinct spaces");
    }
    met.push_back(part.space);
    dim += shapes.find(part.space)->second.dim;
    some_weight = some_weight || part.weight > 0;
    if (part.weight > kMaxPartWeight) {
      return SpaceError(blend, "has the part \"", part.space, "\" with weight ", part.weight, ", expected at most ",
                        kMaxPartWeight);
    }
  }
  if (!some_weight) return SpaceError(blend, "has parts of weight 0 only, expected one above 0");
  if (dim > kMaxDim) return SpaceError(blend, "has ", dim, " dimensions in its parts, expected at most ", kMaxDim);
  return dim;
}

absl::Status CheckFoldIn(const BundleInfo& info, std::string_view name, const SpaceSpec& spec,
                         const SpaceShape& shape) {
  const std::string_view fold_in = FoldInName(spec.fold_in);
  const auto has = [&](std::string_view part) { return FindEntry(info.header, names::Space(name, part)) != nullptr; };
  if (IsSparse(spec.fold_in) != shape.has_rows) {
    return SpaceError(name, "fold_in is ", fold_in, ", expected ", shape.has_rows ? "sparse or neighbors" : "another",
                      ", since the space has ", shape.has_rows ? "sparse rows" : "no sparse rows");
  }
  if (spec.fold_in == FoldIn::kNeighbors && shape.dim != info.n_items) {
    return SpaceError(name, "dim is ", shape.dim, ", expected n_items = ", info.n_items,
                      ", since fold_in is neighbors");
  }
  if (spec.fold_in == FoldIn::kObserved && shape.dim < 2) {
    return SpaceError(name, "dim is 1, expected at least 2, since fold_in is observed and the last is the offset");
  }
  const bool dot_only =
      spec.fold_in == FoldIn::kTraits || spec.fold_in == FoldIn::kNeighbors || spec.fold_in == FoldIn::kBlend;
  if (dot_only && spec.metric != Metric::kDot) {
    return SpaceError(name, "metric is ", MetricName(spec.metric), ", expected dot, since fold_in is ", fold_in);
  }
  if (spec.fold_in != FoldIn::kBlend && !spec.parts.empty()) {
    return SpaceError(name, "has parts, expected fold_in blend with them, found ", fold_in);
  }
  const bool traits = spec.fold_in == FoldIn::kTraits;
  const bool takes_tokens = traits || spec.fold_in == FoldIn::kMean;
  for (std::string_view part : {names::kTokens, names::kBasis, names::kAverageProfile}) {
    if (traits && !has(part)) {
      return SpaceError(name, "fold_in is traits, expected a tensor \"", names::Space(name, part), "\"");
    }
    if (!traits && has(part) && part != names::kTokens) {
      return SpaceError(name, "fold_in is ", fold_in, ", expected traits with a tensor \"", names::Space(name, part),
                        "\"");
    }
  }
  if (has(names::kTokens) && !takes_tokens) {
    return SpaceError(name, "fold_in is ", fold_in, ", expected traits or mean with a tensor \"",
                      names::Space(name, names::kTokens), "\"");
  }
  if (has(names::kSources) && (spec.fold_in != FoldIn::kMean || has(names::kTokens))) {
    return SpaceError(name, "has a tensor \"", names::Space(name, names::kSources),
                      "\", expected fold_in mean and no tokens with it");
  }
  if (has(names::kTokens) && !traits && shape.embedding != shape.dim) {
    return SpaceError(name, "its tokens have ", shape.embedding, " columns, expected dim = ", shape.dim,
                      ", since fold_in is mean");
  }
  if (spec.fold_in == FoldIn::kBlend && has(names::kUsers)) {
    return SpaceError(name, "is a blend with a tensor \"", names::Space(name, names::kUsers),
                      "\", expected none: its users are those of its parts");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SpaceShapes> ReadSpaceShapes(BundleInfo* info) {
  const Header& header = info->header;
  if (const auto it = header.metadata.find(names::kSpaces); it != header.metadata.end()) {
    absl::StatusOr<SpaceSpecs> specs = SpaceSpecsFromJson(it->second);
    if (!specs.ok()) return HeaderError("metadata key \"", names::kSpaces, "\", ", specs.status().message());
    info->spaces = *std::move(specs);
  }
  SpaceShapes shapes;
  for (const TensorEntry& entry : header.tensors) {
    std::string_view space;
    if (IsPart(entry, names::kItems, &space)) {
      if (entry.shape.size() != 2 || entry.shape[1] == 0 || entry.shape[1] > kMaxDim) {
        return TensorError(entry, "shape is [", StrJoin(entry.shape, ", "),
                           "], expected [n_items, d] with d from 1 to ", kMaxDim);
      }
      SpaceShape& shape = shapes[std::string(space)];
      shape.has_items = true;
      shape.dim = entry.shape[1];
    } else if (IsPart(entry, names::Offsets(names::kRows), &space)) {
      shapes[std::string(space)].has_rows = true;
    } else if (IsPart(entry, names::kTokens, &space)) {
      if (entry.shape.size() != 2 || entry.shape[1] == 0 || entry.shape[1] > kMaxDim) {
        return TensorError(entry, "shape is [", StrJoin(entry.shape, ", "),
                           "], expected [n_tokens, d_e] with d_e from 1 to ", kMaxDim);
      }
      shapes[std::string(space)].embedding = entry.shape[1];
    }
  }
  if (shapes.empty()) {
    return HeaderError("there is no tensor \"", names::Space("<name>", names::kItems),
                       "\", expected at least one space");
  }
  for (const auto& [name, spec] : info->spaces) {
    const auto shape = shapes.find(name);
    if (shape != shapes.end() && shape->second.has_items && spec.dim != shape->second.dim) {
      return HeaderError("metadata key \"", names::kSpaces, "\" says dim ", spec.dim, " for space \"", name,
                         "\", expected ", shape->second.dim, ", the columns of \"", names::Space(name, names::kItems),
                         "\"");
    }
    if (shape != shapes.end() || spec.fold_in == FoldIn::kBlend) continue;
    return HeaderError(
        "metadata key \"", names::kSpaces, "\" describes space \"", name, "\", expected a tensor \"",
        names::Space(name, IsSparse(spec.fold_in) ? names::Offsets(names::kRows) : std::string(names::kItems)), "\"");
  }
  for (auto& [name, shape] : shapes) {
    const auto spec = info->spaces.find(name);
    if (spec == info->spaces.end() && (shape.has_rows || header.metadata.contains(names::kSpaces))) {
      return HeaderError("metadata key \"", names::kSpaces, "\" has no entry for space \"", name,
                         "\", expected one for each space of the file");
    }
    if (!shape.has_rows) continue;
    if (shape.has_items) {
      return TensorError(*FindEntry(header, names::Space(name, names::Offsets(names::kRows))), "stands beside \"",
                         names::Space(name, names::kItems), "\", expected one or the other");
    }
    shape.dim = spec->second.dim;
    if (shape.dim > kMaxSparseDim && shape.dim != info->n_items) {
      return SpaceError(name, "dim is ", shape.dim, ", expected at most ", kMaxSparseDim);
    }
  }
  for (const auto& [name, spec] : info->spaces) {
    if (spec.fold_in != FoldIn::kBlend) continue;
    ASSIGN_OR_RETURN(const uint64_t dim, BlendDim(shapes, info->spaces, name));
    SpaceShape& shape = shapes[name];
    if (!shape.has_items) shape.dim = dim;
    if (spec.dim != dim) {
      return SpaceError(name, "dim is ", spec.dim, ", expected ", dim, ", the dimensions of its parts together");
    }
  }
  return shapes;
}

absl::Status CheckSpaces(const SpaceShapes& shapes, BundleInfo* info) {
  const auto& metadata = info->header.metadata;
  for (const auto& [name, shape] : shapes) {
    if (info->spaces.contains(name)) continue;
    SpaceSpec external;
    external.family = "external";
    external.dim = static_cast<uint32_t>(shape.dim);
    info->spaces.emplace(name, external);
  }
  for (const auto& [name, spec] : info->spaces) {
    RETURN_IF_ERROR(CheckFoldIn(*info, name, spec, shapes.find(name)->second));
  }
  if (!metadata.contains(names::kDefaultSpace)) {
    info->default_space = shapes.contains("default") ? "default" : shapes.begin()->first;
  } else if (!shapes.contains(info->default_space)) {
    return HeaderError("metadata key \"", names::kDefaultSpace, "\" is ", Quoted(info->default_space),
                       ", expected the name of a space of the bundle");
  }
  return absl::OkStatus();
}

}  // namespace kindred

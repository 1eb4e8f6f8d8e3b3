#include "core/packing/pack.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/bundle/tensor_names.h"
#include "core/engine/derive.h"
#include "core/engine/golden.h"
#include "core/engine/model.h"

namespace kindred {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kDefaultModel = "default";
constexpr std::string_view kDefaultVersion = "1";

// A file of ours beside `out` that goes away again.
class Scratch {
 public:
  Scratch(const std::string& out, std::string_view part) : path_(StrCat(out, ".", part, ".", getpid())) {}
  ~Scratch() { unlink(path_.c_str()); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string Folder(const std::string& path) {
  const std::string folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

Metadata PackedMetadata(const Model& model, const Metadata& overrides) {
  const BundleInfo& info = model.info();
  Metadata metadata = info.header.metadata;
  const auto put = [&](std::string_view key, std::string value) {
    metadata.insert_or_assign(std::string(key), std::move(value));
  };
  put(names::kModel, info.model.empty() ? std::string(kDefaultModel) : info.model);
  put(names::kVersion, info.version.empty() ? std::string(kDefaultVersion) : info.version);
  put(names::kSpaces, SpaceSpecsToJson(info.spaces));
  put(names::kDefaultSpace, info.default_space);
  put(names::kCreatedAt, CreationTime());
  for (const auto& [key, value] : overrides) metadata.insert_or_assign(key, value);
  put(names::kCounts,
      nlohmann::json{{"users", info.n_users}, {"items", info.n_items}, {"interactions", info.n_interactions}}.dump());
  return metadata;
}

absl::Status CheckGoesOn(const std::string& out, const std::function<bool()>& go_on) {
  if (!go_on || go_on()) return absl::OkStatus();
  return absl::CancelledError(StrCat(out, ": packing was stopped"));
}

absl::Status Publish(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) != 0) {
    return absl::InternalError(absl::StrFormat("cannot rename %s to %s: %s", from, to, std::strerror(errno)));
  }
  const int folder = open(Folder(to).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = folder >= 0 && fsync(folder) == 0;
  const int error = errno;
  if (folder >= 0) close(folder);
  // Some file systems cannot sync a folder; the file itself is safe.
  if (synced || error == EINVAL) return absl::OkStatus();
  return absl::InternalError(absl::StrFormat("cannot sync the folder of %s: %s", to, std::strerror(error)));
}

}  // namespace

absl::Status CheckOutputPath(const std::string& out) {
  std::error_code error;
  if (out.empty()) return absl::InvalidArgumentError("the output path is empty");
  if (fs::is_directory(out, error)) {
    return absl::InvalidArgumentError(
        StrCat(out, ": is a folder, expected a file name such as ", out, "/bundle.safetensors"));
  }
  const std::string folder = Folder(out);
  if (!fs::is_directory(folder, error)) {
    return absl::InvalidArgumentError(StrCat(out, ": there is no folder ", folder, "; make it first"));
  }
  if (access(folder.c_str(), W_OK | X_OK) != 0) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: cannot write to folder %s: %s", out, folder, std::strerror(errno)));
  }
  return absl::OkStatus();
}

absl::StatusOr<PackReport> PackFile(const std::string& in, const std::string& out, const Metadata& overrides,
                                    const std::function<bool()>& go_on) {
  RETURN_IF_ERROR(CheckOutputPath(out));
  ASSIGN_OR_RETURN(const std::shared_ptr<const Model> model, Model::Load(in, ModelLoadOptions{.go_on = go_on}));
  RETURN_IF_ERROR(CheckGoesOn(out, go_on));
  RETURN_IF_ERROR(CheckDerived(model->info(), model->tensors()));

  const std::string golden = MakeGoldenQueries(*model);
  const auto golden_tensor =
      OwnedTensor::Copy<uint8_t>(std::string(names::kGoldenQueries), {golden.size()},
                                 std::span(reinterpret_cast<const uint8_t*>(golden.data()), golden.size()));
  TensorMap tensors = model->tensors();
  tensors.insert_or_assign(golden_tensor.name, golden_tensor.view());

  RETURN_IF_ERROR(CheckGoesOn(out, go_on));
  const Scratch partial(out, "partial");
  RETURN_IF_ERROR(WriteBundle(partial.path(), tensors, PackedMetadata(*model, overrides)));
  RETURN_IF_ERROR(CheckGoesOn(out, go_on));
  ASSIGN_OR_RETURN(const std::shared_ptr<const Model> packed,
                   Model::Load(partial.path(), ModelLoadOptions{.go_on = go_on}));
  PackReport report;
  ASSIGN_OR_RETURN(report.golden_queries, CheckGoldenQueries(*packed, go_on));
  RETURN_IF_ERROR(Publish(partial.path(), out));
  report.info = packed->info();
  report.info.path = out;
  report.derived = model->cost().derived;
  return report;
}

absl::StatusOr<PackReport> PackParts(const BundleParts& parts, const std::string& out, const Metadata& overrides,
                                     const std::function<bool()>& go_on) {
  RETURN_IF_ERROR(CheckOutputPath(out));
  const Scratch raw(out, "raw");
  RETURN_IF_ERROR(WriteBundle(raw.path(), parts.Map(), parts.metadata));
  return PackFile(raw.path(), out, overrides, go_on);
}

}  // namespace kindred

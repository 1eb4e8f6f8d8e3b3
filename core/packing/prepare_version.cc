#include "core/packing/prepare_version.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <span>

#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "core/base/checksum.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/bundle/bundle_reader.h"
#include "core/bundle/compression.h"
#include "core/bundle/store_layout.h"
#include "core/bundle/tensor_names.h"
#include "core/packing/legacy.h"
#include "core/packing/making_folder.h"
#include "core/packing/pack.h"

namespace kindred {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kExtension = ".safetensors";
constexpr size_t kDigestDigits = 16;
// Of the model and the version in a name: a file's name is at most 255 bytes.
constexpr size_t kLongestName = 100;

bool IsFile(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

std::string CompressedName() { return StrCat(kBundleFileName, kCompressedSuffix); }

// What a version is made from.
struct Inputs {
  std::string digest;
  int64_t newest_ns = 0;
};

// The files of the folder that `form` is made from: the compressed bundle, or all but the bundles.
absl::StatusOr<Inputs> LookAt(const std::string& version_dir, VersionForm form) {
  std::set<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(version_dir, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const bool compressed = name == CompressedName();
    const bool wanted = form == VersionForm::kCompressed
                            ? compressed
                            : !compressed && name != kBundleFileName && !name.starts_with('.') && IsFile(entry->path());
    if (wanted) names.insert(name);
  }
  if (error) return absl::UnavailableError(absl::StrFormat("cannot read %s: %s", version_dir, error.message()));
  Inputs inputs;
  std::string text;
  for (const std::string& name : names) {
    const std::string path = StrCat(version_dir, "/", name);
    struct stat info;
    if (stat(path.c_str(), &info) != 0) {
      return absl::UnavailableError(absl::StrFormat("cannot look at %s: %s", path, std::strerror(errno)));
    }
    const int64_t modified_ns = int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
    inputs.newest_ns = std::max(inputs.newest_ns, modified_ns);
    absl::StrAppendFormat(&text, "%d:%s %d %d\n", name.size(), name, info.st_size, modified_ns);
  }
  inputs.digest = Xxh3Hex(std::as_bytes(std::span(text)));
  return inputs;
}

// Of one model and version too: a legacy import carries them.
std::string PreparedName(const std::string& model, const std::string& version, const Inputs& inputs) {
  const std::string text =
      absl::StrFormat("%d:%s %d:%s %s", model.size(), model, version.size(), version, inputs.digest);
  return StrCat(model.substr(0, kLongestName), "-", version.substr(0, kLongestName), "-",
                Xxh3Hex(std::as_bytes(std::span(text))), kExtension);
}

bool IsPreparedName(std::string_view name) {
  if (!name.ends_with(kExtension)) return false;
  name.remove_suffix(kExtension.size());
  if (name.size() < kDigestDigits + 1 || name[name.size() - kDigestDigits - 1] != '-') return false;
  return name.substr(name.size() - kDigestDigits).find_first_not_of("0123456789abcdef") == name.npos;
}

absl::Status Stopped(const std::string& version_dir) {
  return absl::CancelledError(StrCat(version_dir, ": making a bundle of it was stopped"));
}

absl::Status Import(const std::string& version_dir, const std::string& model, const std::string& version,
                    const Inputs& inputs, const std::string& out, const std::function<bool()>& go_on) {
  const LegacyOptions options{.model = model, .version = version, .source = "legacy files", .go_on = go_on};
  ASSIGN_OR_RETURN(const LegacyImport import, ReadLegacyFolder(version_dir, options));
  // As old as its files, so that servers that import the same ones make the same bundle.
  const absl::Time created = absl::FromUnixSeconds(inputs.newest_ns / 1'000'000'000);
  const Metadata metadata{
      {std::string(names::kCreatedAt), absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", created, absl::UTCTimeZone())}};
  return PackParts(import.parts, out, metadata, go_on).status();
}

absl::StatusOr<std::string> Prepare(const std::string& version_dir, VersionForm form, const std::string& model,
                                    const std::string& version, const std::string& work_dir,
                                    const std::function<bool()>& go_on) {
  ASSIGN_OR_RETURN(const Inputs inputs, LookAt(version_dir, form));
  const std::string path = StrCat(work_dir, "/", PreparedName(model, version, inputs));
  if (IsFile(path) && BundleReader::Open(path, OpenOptions{.go_on = go_on}).ok()) return path;
  if (go_on && !go_on()) return Stopped(version_dir);

  std::error_code error;
  fs::create_directories(work_dir, error);
  if (error) return absl::UnavailableError(absl::StrFormat("cannot make folder %s: %s", work_dir, error.message()));
  ASSIGN_OR_RETURN(const auto folder, MakingFolder::Create(work_dir));
  const std::string made = StrCat(folder->path(), "/", kBundleFileName);
  if (form == VersionForm::kCompressed) {
    const std::string compressed = StrCat(version_dir, "/", CompressedName());
    RETURN_IF_ERROR(UnpackBundle(compressed, made, kMaxUnpackedBytes, go_on).status());
  } else {
    RETURN_IF_ERROR(Import(version_dir, model, version, inputs, made, go_on));
  }
  ASSIGN_OR_RETURN(const Inputs now, LookAt(version_dir, form));
  if (now.digest != inputs.digest) {
    return absl::UnavailableError(StrCat(version_dir, ": changed while it was read; it is to be read again"));
  }
  fs::rename(made, path, error);
  if (error) return absl::UnavailableError(absl::StrFormat("cannot rename %s to %s: %s", made, path, error.message()));
  return path;
}

}  // namespace

std::optional<VersionForm> FindVersionForm(const std::string& version_dir) {
  const fs::path folder(version_dir);
  if (IsFile(folder / kBundleFileName)) return VersionForm::kBundle;
  if (IsFile(folder / CompressedName())) return VersionForm::kCompressed;
  if (IsFile(folder / kUserFactorsFile) && IsFile(folder / kItemFactorsFile)) return VersionForm::kLegacy;
  return std::nullopt;
}

absl::StatusOr<std::string> PrepareVersion(const std::string& version_dir, const std::string& model,
                                           const std::string& version, const std::string& work_dir,
                                           const std::function<bool()>& go_on) {
  const std::optional<VersionForm> form = FindVersionForm(version_dir);
  if (!form) {
    return absl::NotFoundError(absl::StrFormat("%s: has no %s, no %s, and no %s with %s", version_dir, kBundleFileName,
                                               CompressedName(), kUserFactorsFile, kItemFactorsFile));
  }
  if (*form == VersionForm::kBundle) return (fs::path(version_dir) / kBundleFileName).string();
  return Prepare(version_dir, *form, model, version, work_dir, go_on);
}

absl::StatusOr<std::string> PrepareLegacy(const std::string& version_dir, const std::string& model,
                                          const std::string& version, const std::string& work_dir,
                                          const std::function<bool()>& go_on) {
  const fs::path folder(version_dir);
  if (!IsFile(folder / kUserFactorsFile) || !IsFile(folder / kItemFactorsFile)) {
    return absl::NotFoundError(
        absl::StrFormat("%s: has no %s with %s", version_dir, kUserFactorsFile, kItemFactorsFile));
  }
  return Prepare(version_dir, VersionForm::kLegacy, model, version, work_dir, go_on);
}

void CleanPrepared(const std::string& work_dir, const std::vector<std::string>& keep) {
  std::set<std::string> kept;
  for (const std::string& path : keep) kept.insert(fs::path(path).filename().string());
  std::vector<fs::path> gone;
  std::error_code error;
  for (fs::directory_iterator entry(work_dir, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (IsPreparedName(name) && !kept.contains(name)) gone.push_back(entry->path());
  }
  for (const fs::path& path : gone) fs::remove(path, error);
  MakingFolder::RemoveDead(work_dir);
}

}  // namespace kindred

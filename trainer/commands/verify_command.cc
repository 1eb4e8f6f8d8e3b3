#include <filesystem>
#include <iostream>
#include <memory>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "core/base/unique_folder.h"
#include "core/bundle/compression.h"
#include "core/engine/derive.h"
#include "core/engine/golden.h"
#include "core/engine/model.h"
#include "trainer/commands/commands.h"

namespace kindred {
namespace {

struct Verified {
  std::shared_ptr<const Model> model;
  int golden_queries = 0;
};

absl::StatusOr<Verified> Verify(const std::string& path) {
  Verified out;
  ASSIGN_OR_RETURN(out.model, Model::Load(path));
  RETURN_IF_ERROR(CheckDerived(out.model->info(), out.model->tensors()));
  const absl::StatusOr<int> golden = CheckGoldenQueries(*out.model);
  if (!golden.ok()) {
    return absl::Status(golden.status().code(), absl::StrFormat("%s: %s", path, golden.status().message()));
  }
  out.golden_queries = *golden;
  return out;
}

// A compressed bundle is unpacked to a temporary file, which is gone when it has been mapped.
absl::StatusOr<Verified> VerifyCompressed(const std::string& path) {
  std::error_code error;
  const std::string temporary = std::filesystem::temp_directory_path(error).string();
  if (error) return absl::UnavailableError(StrCat("there is no folder for temporary files: ", error.message()));
  ASSIGN_OR_RETURN(const std::string folder, MakeUniqueFolder(temporary + "/kindred-verify-"));
  const absl::Cleanup remove = [&] { std::filesystem::remove_all(folder, error); };
  const std::string bundle = folder + "/bundle.safetensors";
  RETURN_IF_ERROR(UnpackBundle(path, bundle, kMaxUnpackedBytes, nullptr).status());
  absl::StatusOr<Verified> verified = Verify(bundle);
  if (verified.ok()) return verified;
  return absl::Status(
      verified.status().code(),
      absl::StrReplaceAll(verified.status().message(), {{absl::string_view(bundle), absl::string_view(path)}}));
}

int Run(const std::string& path) {
  const bool compressed = IsCompressed(path);
  const absl::StatusOr<Verified> verified = compressed ? VerifyCompressed(path) : Verify(path);
  if (absl::IsNotFound(verified.status())) {
    std::cout << "NOT FOUND: " << path << "\n";
    return kExitUsage;
  }
  if (!verified.ok()) {
    std::cout << "INVALID: " << verified.status().message() << "\n";
    return kExitFailed;
  }
  const BundleInfo& info = verified->model->info();
  std::cout << "VALID\n";
  std::cout << absl::StrFormat("path             %s\n", path);
  std::cout << absl::StrFormat("created          %s\n", info.created_at.empty() ? "not said" : info.created_at);
  std::cout << absl::StrFormat("users            %s\n", WithThousands(info.n_users));
  std::cout << absl::StrFormat("items            %s\n", WithThousands(info.n_items));
  const std::string lists = StrCat(WithThousands(info.n_recommendations), " made before, ");
  std::cout << absl::StrFormat("recommendations  %s%d golden queries answered as when packed\n",
                               info.n_recommendations > 0 ? lists : "", verified->golden_queries);
  if (compressed) {
    std::cout << absl::StrFormat("compressed       %s bytes when unpacked\n", WithThousands(info.file_size));
  }
  if (!info.sealed) {
    std::cout << "note             raw: it has no checksums to compare; kindred pack makes a sealed bundle of it\n";
  }
  return kExitOk;
}

}  // namespace

void AddVerifyCommand(CLI::App& app, int* exit_code) {
  CLI::App* verify = app.add_subcommand("verify", "Check every byte of a bundle and answer its golden queries");
  const auto path = std::make_shared<std::string>();
  verify->add_option("FILE", *path, "Bundle to check, compressed or not")->required();
  verify->footer(
      "Checks the header, every tensor's bounds, type and shape, checksums, ids, index ranges and finite numbers, "
      "that\n"
      "derived parts follow from the factors, and that the golden queries are answered as when the bundle was packed.\n"
      "A compressed bundle is unpacked to a temporary file (in TMPDIR, else /tmp) first.\n"
      "Prints VALID and what the bundle holds, or INVALID and what is wrong and where.\n\n"
      "Exit codes: 0 valid, 1 invalid, 2 wrong usage or no such file.\n\n"
      "Example:\n  kindred verify bundle.safetensors");
  verify->callback([path, exit_code] { *exit_code = Run(*path); });
}

}  // namespace kindred

// Puts a bundle into a model store as a version: whole or not at all, whatever stops it half-way.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace kindred {

struct PublishOptions {
  uint64_t version = 0;  // 0: the highest there is, whatever became of it, and one
  // Told while it works: the step ("checking", "checking what is there", "copying", "checking the copy", "syncing")
  // and, of "copying", bytes done and in all; else both 0. May be null.
  std::function<void(std::string_view step, uint64_t done, uint64_t total)> progress;
};

struct Published {
  uint64_t version = 0;
  std::string path;  // of the bundle in the store
  std::string digest;
  uint64_t bytes = 0;
  bool already = false;  // it was there before, and nothing was done
};

// Copies the bundle at `file` to <model_dir>/<version>/bundle.safetensors, where a server that watches the store finds
// it. It is checked first, every byte of it, with derived parts and golden queries; then copied into a folder with a
// name that no version has, read back and checked again, synced and renamed. A version that exists is never replaced:
// publishing what it holds, every byte of it, succeeds and changes nothing (of version 0: what the highest version
// holds; where that is damaged, a new version is made). `model_dir` is
// made when missing. Folders that publishers left which died are removed.
//
// NOT_FOUND for a missing file; INVALID_ARGUMENT for one that is not a valid bundle or of another model than the
// folder's name says; DATA_LOSS for golden queries, a copy that differs and a version named that is this bundle but
// damaged; FAILED_PRECONDITION where no version number is left; ALREADY_EXISTS for another bundle under
// that version; PERMISSION_DENIED, RESOURCE_EXHAUSTED (no space) and other errors of the system, saying where. On error
// nothing is left behind. Any number of publishers may work on one model.
absl::StatusOr<Published> PublishBundle(const std::string& file, const std::string& model_dir,
                                        const PublishOptions& options);

// Folders of publishers begin so; those of dead ones are removed when they are this old.
inline constexpr std::string_view kPublishPrefix = ".publish-";
inline constexpr std::chrono::minutes kPublishLeftoverAge{10};

}  // namespace kindred

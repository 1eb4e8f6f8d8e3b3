#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_format.h"
#include "core/base/text.h"
#include "core/engine/model_publisher.h"
#include "trainer/base/progress.h"
#include "trainer/commands/commands.h"

namespace kindred {
namespace {

constexpr char kPublishFooter[] =
    R"(Checks FILE as `kindred verify` does, copies it into MODEL_DIR under a name that no version has, reads the copy back,
syncs it to the disk and renames it to the version's folder: a server that watches the store finds all of it or nothing,
also when this command is killed or the machine stops. The name of MODEL_DIR is the model's; a bundle of another model
is refused. A version that exists is never replaced; publishing the same bundle again does nothing and succeeds.

Exit codes: 0 published, or there already; 1 failed: not a valid bundle, another version of that number, no space, …
(the message says where and why); 2 wrong usage or no such file.

Examples:
  kindred publish bundle.safetensors models/groceries
  kindred publish bundle.safetensors /srv/kindred/models/groceries --version 20260131)";

struct Flags {
  std::string file, model_dir;
  uint64_t version = 0;
  bool quiet = false;
};

int Run(const Flags& flags) {
  Progress progress(flags.quiet ? Progress::Mode::kSilent : Progress::Mode::kAuto);
  std::string current;
  PublishOptions options;
  options.version = flags.version;
  options.progress = [&](std::string_view step, uint64_t done, uint64_t total) {
    if (step != current) progress.Begin(step, total, total > 0 ? "bytes" : "");
    current = step;
    progress.Update(done);
  };
  const absl::StatusOr<Published> published = PublishBundle(flags.file, flags.model_dir, options);
  if (!published.ok()) return Fail(published.status());
  if (!current.empty()) progress.End(published->already ? "nothing to do" : "in the store");
  std::cout << absl::StrFormat("%s %s (%s bytes)\nversion    %d\ndigest     %s\n",
                               published->already ? "there      " : "published ", published->path,
                               WithThousands(published->bytes), published->version, published->digest);
  return kExitOk;
}

}  // namespace

void AddPublishCommand(CLI::App& app, int* exit_code) {
  CLI::App* publish = app.add_subcommand("publish", "Put a bundle into a model store, as a version that servers find");
  const auto flags = std::make_shared<Flags>();
  publish->add_option("FILE", flags->file, "Bundle to publish")->required();
  publish->add_option("MODEL_DIR", flags->model_dir, "Folder of the model in the store; made when missing")->required();
  publish
      ->add_option("--version", flags->version,
                   "Version to publish it as (default: one more than the highest there is)")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  publish->add_flag("--quiet", flags->quiet, "No progress on standard error");
  publish->footer(kPublishFooter);
  publish->callback([flags, exit_code] { *exit_code = Run(*flags); });
}

}  // namespace kindred

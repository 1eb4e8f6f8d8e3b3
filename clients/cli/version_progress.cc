#include "clients/cli/version_progress.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "clients/cli/text_table.h"
#include "clients/cli/words.h"

namespace kindred {
namespace {

const v1::ModelVersion* OnItsWay(const v1::ServedModel& model, uint64_t version) {
  for (const v1::ModelVersion& candidate : model.versions()) {
    const bool under_way =
        candidate.state() == v1::VERSION_STATE_VERIFYING || candidate.state() == v1::VERSION_STATE_WARMING;
    if (under_way && (version == 0 || candidate.version() == version)) return &candidate;
  }
  return nullptr;
}

}  // namespace

void VersionProgress::Update(const v1::ServedModel& model, uint64_t version) {
  const v1::ModelVersion* found = quiet_ ? nullptr : OnItsWay(model, version);
  if (found == nullptr) return;
  std::string text = FitToWidth(absl::StrCat(model.model(), " ", found->version(), ": ", StateWord(found->state()),
                                             found->step().empty() ? "" : ": ", found->step()),
                                terminal_ ? 70 : SIZE_MAX);
  if (terminal_) absl::StrAppend(&text, absl::StrFormat(", %.0f %%", found->progress() * 100));
  if (text == said_) return;
  *out_ << (terminal_ ? "\r\033[K" : "kindred: ") << text << (terminal_ ? "" : "\n") << std::flush;
  shown_ = terminal_;
  said_ = std::move(text);
}

void VersionProgress::Interrupt() {
  if (std::exchange(shown_, false)) *out_ << "\r\033[K" << std::flush;
  said_.clear();
}

}  // namespace kindred

#include "clients/cli/transfer_progress.h"

#include <unistd.h>

#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kindred {

std::string WithCommas(uint64_t number) {
  const std::string digits = absl::StrCat(number);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

TransferProgress::TransferProgress(std::string what, bool quiet)
    : what_(std::move(what)), quiet_(quiet), terminal_(isatty(STDERR_FILENO) == 1) {
  next_ = begin_ + (terminal_ ? std::chrono::milliseconds(500) : std::chrono::seconds(10));
}

TransferProgress::~TransferProgress() { Interrupt(); }

void TransferProgress::Update(uint64_t done) {
  const auto now = Clock::now();
  if (quiet_ || now < next_) return;
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  std::cerr << (terminal_ ? "\r\033[K" : "kindred: ") << WithCommas(done) << " " << what_ << ", "
            << WithCommas(static_cast<uint64_t>(static_cast<double>(done) / seconds)) << " a second"
            << (terminal_ ? "" : "\n") << std::flush;
  shown_ = terminal_;
  next_ = now + (terminal_ ? std::chrono::milliseconds(500) : std::chrono::seconds(10));
}

void TransferProgress::Interrupt() {
  if (std::exchange(shown_, false)) std::cerr << "\r\033[K" << std::flush;
}

}  // namespace kindred

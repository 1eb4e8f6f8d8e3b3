#include "trainer/base/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"

namespace kindred {
namespace {

constexpr int kBarWidth = 24;

void WriteToStandardError(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

}  // namespace

Progress::Progress(Mode mode, std::function<void(std::string_view)> sink)
    : mode_(mode), sink_(sink ? std::move(sink) : WriteToStandardError) {
  if (mode_ == Mode::kAuto) mode_ = isatty(STDERR_FILENO) ? Mode::kTerminal : Mode::kPlain;
}

Progress::~Progress() { Clear(); }

void Progress::Begin(std::string_view stage, uint64_t total, std::string_view unit) {
  Clear();
  stage_ = stage;
  unit_ = unit;
  note_.clear();
  total_ = total;
  done_ = 0;
  active_ = true;
  begin_ = Clock::now();
  last_draw_ = begin_;
}

void Progress::Update(uint64_t done, std::string_view note) {
  done_ = done;
  if (mode_ == Mode::kSilent || !active_) return;
  const auto interval = mode_ == Mode::kTerminal ? std::chrono::milliseconds(100) : std::chrono::milliseconds(5000);
  const Clock::time_point now = Clock::now();
  if (now - last_draw_ < interval) return;
  last_draw_ = now;
  note_ = note;
  Draw();
}

void Progress::Draw() {
  const double seconds = stage_seconds();
  const double rate = seconds > 0 ? done_ / seconds : 0;
  std::string line = StrCat(stage_, " ");
  if (total_ > 0) {
    const double share = std::min(1.0, static_cast<double>(done_) / total_);
    if (mode_ == Mode::kTerminal) {
      const int filled = static_cast<int>(share * kBarWidth);
      StrAppend(&line, "[", std::string(filled, '#'), std::string(kBarWidth - filled, '.'), "] ");
    }
    absl::StrAppendFormat(&line, "%.0f%% ", share * 100);
    StrAppend(&line, WithThousands(done_), "/", WithThousands(total_), " ", unit_);
  } else {
    StrAppend(&line, WithThousands(done_), " ", unit_);
  }
  if (rate >= 10) {
    StrAppend(&line, ", ", WithThousands(std::llround(rate)), "/s");
  } else if (rate > 0) {
    absl::StrAppendFormat(&line, ", %.1f/s", rate);
  }
  if (total_ > done_ && rate > 0) StrAppend(&line, ", ", HumanSeconds((total_ - done_) / rate), " left");
  if (!note_.empty()) StrAppend(&line, ", ", note_);
  if (mode_ == Mode::kTerminal) {
    const size_t width = line.size();
    if (width < drawn_width_) line.append(drawn_width_ - width, ' ');
    drawn_width_ = width;
    sink_(StrCat("\r", line));
  } else {
    sink_(StrCat(line, "\n"));
  }
}

void Progress::Clear() {
  if (drawn_width_ > 0) sink_(StrCat("\r", std::string(drawn_width_, ' '), "\r"));
  drawn_width_ = 0;
}

void Progress::End(std::string_view summary) {
  Clear();
  active_ = false;
  if (mode_ != Mode::kSilent) {
    sink_(StrCat(stage_, ": ", summary, " (", HumanSeconds(stage_seconds()), ")\n"));
  }
}

void Progress::Say(std::string_view line) {
  Clear();
  if (mode_ != Mode::kSilent) sink_(StrCat(line, "\n"));
}

double Progress::stage_seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }

std::string HumanSeconds(double seconds) {
  if (seconds < 9.95) return absl::StrFormat("%.2f s", seconds);
  if (seconds < 99.5) return absl::StrFormat("%.1f s", seconds);
  const int64_t whole = std::llround(seconds);
  if (whole < 3600) return absl::StrFormat("%d min %02d s", whole / 60, whole % 60);
  return absl::StrFormat("%d h %02d min", whole / 3600, whole % 3600 / 60);
}

}  // namespace kindred

// Progress of long work, for people: on a terminal one line that redraws itself with rate and time left, elsewhere a
// plain line every few seconds. One thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace kindred {

class Progress {
 public:
  enum class Mode : uint8_t { kAuto, kTerminal, kPlain, kSilent };

  // Writes to `sink` whole lines or, on a terminal, lines that begin with a carriage return. kAuto: a terminal when
  // standard error is one. `sink` defaults to standard error.
  explicit Progress(Mode mode = Mode::kAuto, std::function<void(std::string_view)> sink = nullptr);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Begins a stage; `total` 0 = not known. Ends the stage before it.
  void Begin(std::string_view stage, uint64_t total, std::string_view unit);
  // `done` units so far; `note` is shown behind the figures ("error 0.412"). Cheap: draws at most ten times a second on
  // a terminal, every five seconds elsewhere.
  void Update(uint64_t done, std::string_view note = "");
  // Ends the stage and says in one line what it came to.
  void End(std::string_view summary);
  // One line of its own between stages.
  void Say(std::string_view line);

  double stage_seconds() const;

 private:
  void Draw();
  void Clear();

  using Clock = std::chrono::steady_clock;
  Mode mode_;
  std::function<void(std::string_view)> sink_;
  std::string stage_, unit_, note_;
  uint64_t total_ = 0, done_ = 0;
  bool active_ = false;
  size_t drawn_width_ = 0;
  Clock::time_point begin_{}, last_draw_{};
};

// "0.42 s", "12.3 s", "3 min 05 s", "2 h 10 min".
std::string HumanSeconds(double seconds);

}  // namespace kindred

// Where on an axis a value lies and what stands beside it. Pure functions and plain values, thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace kindred {

struct Tick {
  double value = 0;
  std::string label;
};

// A range of values [low, high], low < high, with ticks inside it, ascending.
struct Axis {
  double low = 0, high = 1;
  bool log = false;
  std::vector<Tick> ticks;

  // Where `value` lies between `from` (low) and `to` (high). REQUIRES: value > 0 on a log axis.
  double At(double value, double from, double to) const;
};

// Spans the finite ones of `values` (and 0 with `from_zero`), widened to ticks at 1, 2 or 5 times a power of ten,
// about `count` of them. All equal: a range around that value. None: 0 to 1.
Axis LinearAxis(std::span<const double> values, bool from_zero, int count);

// Spans the values of `ticks` with a margin at either side; linear or logarithmic. REQUIRES: ticks ascending, finite,
// positive when `log`; any number of them.
Axis AxisOfTicks(std::vector<Tick> ticks, bool log);

// Whether a logarithmic axis suits these values: all positive, and the largest at least 8 times the smallest.
bool SuitsLog(std::span<const double> values);

// A tick's value with as many digits as steps of `step` need: "0.05", "20", "1,500", "2e-05".
std::string TickLabel(double value, double step);

// About how wide `text` is at this font size, in its units.
double TextWidth(std::string_view text, double font_size);

// Those ticks whose centred labels do not overlap when the axis is `length` long; first and last are preferred.
std::vector<Tick> WithoutOverlap(const Axis& axis, double length, double font_size);

}  // namespace kindred

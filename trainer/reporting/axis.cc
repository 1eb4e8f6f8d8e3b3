#include "trainer/reporting/axis.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_format.h"
#include "core/base/text.h"

namespace kindred {
namespace {

// The least of 1, 2 and 5 times a power of ten that is ≥ `rough`.
double NiceStep(double rough) {
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (rough <= factor * power * (1 + 1e-9)) return factor * power;
  }
  return 10 * power;
}

}  // namespace

double Axis::At(double value, double from, double to) const {
  const double share =
      log ? (std::log(value) - std::log(low)) / (std::log(high) - std::log(low)) : (value - low) / (high - low);
  return from + share * (to - from);
}

Axis LinearAxis(std::span<const double> values, bool from_zero, int count) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (low > high) {
    low = 0;
    high = 1;
  }
  if (from_zero) {
    low = std::min(low, 0.0);
    high = std::max(high, 0.0);
  }
  if (!(high - low > 1e-9 * std::max(std::abs(low), std::abs(high)))) {
    const double margin = low == 0 ? 1 : 0.1 * std::abs(low);
    if (from_zero || low == 0) {
      high += margin;
    } else {
      low -= margin;
      high += margin;
    }
  }
  Axis out;
  const double step = NiceStep((high - low) / std::max(count - 1, 1));
  const double first = std::floor(low / step + 1e-6), last = std::ceil(high / step - 1e-6);
  for (double i = first; i <= last; ++i) out.ticks.push_back({i * step, TickLabel(i * step, step)});
  out.low = first * step;
  out.high = last * step;
  return out;
}

Axis AxisOfTicks(std::vector<Tick> ticks, bool log) {
  Axis out;
  out.log = log;
  out.ticks = std::move(ticks);
  if (out.ticks.empty()) {
    out.low = log ? 0.5 : 0;
    out.high = 1;
    return out;
  }
  const double first = out.ticks.front().value, last = out.ticks.back().value;
  if (log) {
    const double margin = last > first ? std::pow(last / first, 0.06) : 2;
    out.low = first / margin;
    out.high = last * margin;
  } else {
    const double margin = last > first ? 0.06 * (last - first) : std::max(std::abs(first), 1.0) / 2;
    out.low = first - margin;
    out.high = last + margin;
  }
  return out;
}

bool SuitsLog(std::span<const double> values) {
  double low = std::numeric_limits<double>::infinity(), high = 0;
  for (const double value : values) {
    if (!(value > 0) || std::isinf(value)) return false;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  return high >= 8 * low;
}

std::string TickLabel(double value, double step) {
  if (value == 0 || std::abs(value) < 1e-9 * step) return "0";
  const double magnitude = std::abs(value);
  const std::string sign = value < 0 ? "−" : "";
  const int digits = std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
  if (magnitude >= 1e7 || digits > 5) return sign + absl::StrFormat("%.3g", magnitude);
  if (digits == 0) return sign + WithThousands(static_cast<uint64_t>(std::llround(magnitude)));
  return sign + absl::StrFormat("%.*f", digits, magnitude);
}

double TextWidth(std::string_view text, double font_size) {
  const auto characters = std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; });
  return 0.6 * font_size * static_cast<double>(characters);
}

std::vector<Tick> WithoutOverlap(const Axis& axis, double length, double font_size) {
  std::vector<Tick> out;
  if (axis.ticks.empty()) return out;
  const double gap = 0.6 * font_size;
  const auto half = [&](const Tick& tick) { return TextWidth(tick.label, font_size) / 2; };
  const auto at = [&](const Tick& tick) { return axis.At(tick.value, 0, length); };
  const Tick& last = axis.ticks.back();
  out.reserve(axis.ticks.size());
  out.push_back(axis.ticks.front());
  for (size_t i = 1; i + 1 < axis.ticks.size(); ++i) {
    const Tick& tick = axis.ticks[i];
    if (at(tick) - half(tick) < at(out.back()) + half(out.back()) + gap) continue;
    if (at(tick) + half(tick) + gap > at(last) - half(last)) continue;
    out.push_back(tick);
  }
  if (axis.ticks.size() > 1 && at(last) - half(last) >= at(out.back()) + half(out.back()) + gap) out.push_back(last);
  return out;
}

}  // namespace kindred

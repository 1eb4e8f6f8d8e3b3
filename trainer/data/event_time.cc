#include "trainer/data/event_time.h"

#include <cmath>

#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "core/base/text.h"

namespace kindred {
namespace {

constexpr int64_t kNanosecondsPerMs = 1'000'000;

int64_t UnitByMagnitude(double number) {
  const double size = std::abs(number);
  if (size < 1e11) return 1'000'000'000;
  if (size < 1e14) return 1'000'000;
  return size < 1e17 ? 1'000 : 1;
}

int64_t FloorDivide(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

// Reads text from the left.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}
  bool done() const { return text_.empty(); }
  char peek() const { return text_.empty() ? '\0' : text_.front(); }
  bool Take(char c) {
    if (peek() != c || done()) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool TakeAny(std::string_view chars, char* taken) {
    if (done() || chars.find(text_.front()) == chars.npos) return false;
    *taken = text_.front();
    text_.remove_prefix(1);
    return true;
  }
  // From `least` to `most` digits.
  std::optional<int> Digits(size_t least, size_t most) {
    int value = 0;
    size_t count = 0;
    while (count < most && count < text_.size() && text_[count] >= '0' && text_[count] <= '9') {
      value = value * 10 + (text_[count++] - '0');
    }
    if (count < least) return std::nullopt;
    text_.remove_prefix(count);
    return value;
  }
  // Milliseconds of a decimal fraction, rounded down.
  std::optional<int> Fraction() {
    int ms = 0, scale = 100;
    size_t count = 0;
    for (; count < text_.size() && text_[count] >= '0' && text_[count] <= '9'; ++count) {
      ms += scale * (text_[count] - '0');
      scale /= 10;
    }
    if (count == 0) return std::nullopt;
    text_.remove_prefix(count);
    return ms;
  }

 private:
  std::string_view text_;
};

struct Date {
  int year = 0, month = 0, day = 0;
};

std::optional<Date> ReadDate(Cursor* in, bool day_first) {
  Date date;
  const std::optional<int> first = in->Digits(1, 4);
  char separator = 0, again = 0;
  if (!first || !in->TakeAny("-/.", &separator)) return std::nullopt;
  const std::optional<int> second = in->Digits(1, 2);
  if (!second || !in->TakeAny("-/.", &again) || again != separator) return std::nullopt;
  const bool year_first = *first > 31;
  const std::optional<int> third = year_first ? in->Digits(1, 2) : in->Digits(4, 4);
  if (!third) return std::nullopt;
  if (year_first) {
    date = {*first, *second, *third};
  } else if (day_first || separator == '.') {
    date = {*third, *second, *first};
  } else {
    date = {*third, *first, *second};
  }
  const absl::CivilDay day(date.year, date.month, date.day);  // normalizes February 30
  if (day.month() != date.month || day.day() != date.day || date.year < 1000) return std::nullopt;
  return date;
}

// Behind the date: the time of day in ms, and the zone taken off; 0 when there is none.
std::optional<int64_t> ReadTimeOfDay(Cursor* in) {
  if (in->done()) return 0;
  if (!in->Take('T') && !in->Take('t')) {
    if (!in->Take(' ')) return std::nullopt;
    while (in->Take(' ')) {
    }
  }
  const std::optional<int> hour = in->Digits(1, 2);
  if (!hour || *hour > 23 || !in->Take(':')) return std::nullopt;
  const std::optional<int> minute = in->Digits(2, 2);
  if (!minute || *minute > 59) return std::nullopt;
  int second = 0, ms = 0;
  if (in->Take(':')) {
    const std::optional<int> digits = in->Digits(2, 2);
    if (!digits || *digits > 60) return std::nullopt;  // 60: a leap second
    second = *digits;
    if (in->Take('.') || in->Take(',')) {
      const std::optional<int> fraction = in->Fraction();
      if (!fraction) return std::nullopt;
      ms = *fraction;
    }
  }
  const bool blank = in->Take(' ');
  int zone_minutes = 0;
  char sign = 0;
  if (in->Take('Z') || in->Take('z')) {
    // UTC
  } else if (in->TakeAny("+-", &sign)) {
    const std::optional<int> hours = in->Digits(2, 2);
    if (!hours) return std::nullopt;
    in->Take(':');
    const int minutes = in->done() ? 0 : in->Digits(2, 2).value_or(60);
    if (*hours > 23 || minutes > 59) return std::nullopt;
    zone_minutes = (sign == '-' ? -1 : 1) * (*hours * 60 + minutes);
  } else if (in->Take('U')) {
    if (!in->Take('T') || !in->Take('C')) return std::nullopt;
  } else if (blank) {
    return std::nullopt;
  }
  if (!in->done()) return std::nullopt;
  return ((int64_t{*hour} * 60 + *minute - zone_minutes) * 60 + second) * 1000 + ms;
}

}  // namespace

std::optional<int64_t> TimeOfNumber(double number, const TimeFormat& format) {
  if (!std::isfinite(number)) return std::nullopt;
  const int64_t unit = format.number_unit_ns != 0 ? format.number_unit_ns : UnitByMagnitude(number);
  // A decimal fraction such as 1485630413.125 is not exact: what is within a thousandth of a ms is meant to be it.
  const double ms = std::floor(number * (static_cast<double>(unit) / kNanosecondsPerMs) + 1e-3);
  if (std::abs(ms) > 9e15) return std::nullopt;
  return static_cast<int64_t>(ms);
}

std::optional<int64_t> TimeOfInteger(int64_t number, const TimeFormat& format) {
  const int64_t unit =
      format.number_unit_ns != 0 ? format.number_unit_ns : UnitByMagnitude(static_cast<double>(number));
  if (unit < kNanosecondsPerMs) return FloorDivide(number, kNanosecondsPerMs / unit);
  const int64_t ms_per_unit = unit / kNanosecondsPerMs;
  if (number > INT64_MAX / ms_per_unit || number < INT64_MIN / ms_per_unit) return std::nullopt;
  return number * ms_per_unit;
}

std::optional<int64_t> ParseEventTime(std::string_view text, const TimeFormat& format) {
  text = Trimmed(text);
  Cursor in(text);
  if (const std::optional<Date> date = ReadDate(&in, format.day_first)) {
    const std::optional<int64_t> time = ReadTimeOfDay(&in);
    if (!time) return std::nullopt;
    const int64_t days = absl::CivilDay(date->year, date->month, date->day) - absl::CivilDay(1970, 1, 1);
    return days * 86'400'000 + *time;
  }
  const std::optional<double> number = ParseNumber(text);
  if (!number) return std::nullopt;
  // Nanoseconds of today need more than the 53 bits of a double.
  if (std::abs(*number) < 9e18 && *number == std::floor(*number) &&
      text.find_first_not_of("+-0123456789") == text.npos) {
    int64_t integer = 0;
    bool negative = false;
    for (char c : text) {
      if (c == '-') negative = true;
      if (c >= '0' && c <= '9') integer = integer * 10 + (c - '0');
    }
    return TimeOfInteger(negative ? -integer : integer, format);
  }
  return TimeOfNumber(*number, format);
}

std::string TimeText(int64_t time_ms) {
  const int64_t seconds = FloorDivide(time_ms, 1000);
  const absl::CivilSecond at = absl::ToCivilSecond(absl::FromUnixSeconds(seconds), absl::UTCTimeZone());
  const int64_t ms = time_ms - seconds * 1000;
  std::string out = absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02d", at.year(), at.month(), at.day(), at.hour(),
                                    at.minute(), at.second());
  if (ms != 0) out += absl::StrFormat(".%03d", ms);
  return out + "Z";
}

}  // namespace kindred

// Times as files write them. Pure functions, thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kindred {

struct TimeFormat {
  // What a bare number counts, as its length in nanoseconds; 0: by magnitude, below 1e11 seconds (until the year 5138),
  // below 1e14 milliseconds, below 1e17 microseconds, else nanoseconds.
  int64_t number_unit_ns = 0;
  bool day_first = false;  // 1/12/2010 is the first of December, not the twelfth of January
};

// Milliseconds since 1970 of a number of seconds, milliseconds, …; nullopt when it is not finite or out of range.
std::optional<int64_t> TimeOfNumber(double number, const TimeFormat& format);
std::optional<int64_t> TimeOfInteger(int64_t number, const TimeFormat& format);

// Milliseconds since 1970, UTC unless the text says otherwise, rounded down, of
//   2017-01-07T23:15:32.125Z, …+01:00, …+0100, without a zone, with a blank for the T, without seconds, date only, with
//   slashes (2017/01/07 23:15); 1/7/2017 23:15:32 or 1/7/2017 (month first unless `format` says otherwise), with dots
//   (7.1.2017, always day first); a number.
// nullopt for anything else.
std::optional<int64_t> ParseEventTime(std::string_view text, const TimeFormat& format = {});

// "2017-01-07T23:15:32.125Z", without a fraction when it is 0.
std::string TimeText(int64_t time_ms);

// For messages: the forms that ParseEventTime takes.
inline constexpr std::string_view kTimeForms =
    "a time such as 2017-01-07 23:15:32, 2017-01-07T23:15:32Z, 1/7/2017 23:15 or seconds, ms, µs or ns since 1970";

}  // namespace kindred

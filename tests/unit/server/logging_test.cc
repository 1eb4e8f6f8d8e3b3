#include "server/logging.h"

#include <gtest/gtest.h>

namespace kindred {
namespace {

constexpr char kTime[] = "2024-05-01T12:00:00Z";

std::string Json(std::string_view message, const LogFields& fields) {
  return FormatLogLine(v1::LOG_FORMAT_JSON, kTime, "info", message, fields);
}

TEST(Logging, OneJsonObjectALine) {
  EXPECT_EQ(Json("model loaded", {{"model", "groceries"}, {"items", 5}}),
            R"({"time":"2024-05-01T12:00:00Z","level":"info","msg":"model loaded","model":"groceries","items":5})");
}

TEST(Logging, EscapesWhatWouldBreakTheLine) {
  const std::string line = Json("a\"b\\c\nd\r\te\x01", {{"k\n", "v\n"}});
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto parsed = LogFields::parse(line);
  EXPECT_EQ(parsed["msg"], "a\"b\\c\nd\r\te\x01");
  EXPECT_EQ(parsed["k\n"], "v\n");
}

TEST(Logging, ReplacesWhatIsNotUtf8) {
  const auto parsed = LogFields::parse(Json("bad \xff\xfe id", {{"id", "\xc3("}}));
  EXPECT_EQ(parsed["msg"], "bad \xEF\xBF\xBD\xEF\xBF\xBD id");
}

TEST(Logging, AFieldCannotForgeTheOwnOnes) {
  const auto parsed = LogFields::parse(Json("real", {{"msg", "forged"}, {"level", "debug"}, {"time", "never"}}));
  EXPECT_EQ(parsed["msg"], "real");
  EXPECT_EQ(parsed["level"], "info");
  EXPECT_EQ(parsed["time"], kTime);
}

TEST(Logging, TextIsOneLineToo) {
  EXPECT_EQ(FormatLogLine(v1::LOG_FORMAT_TEXT, kTime, "warn", "two\nlines", {{"a", "b c"}, {"n", 1}}),
            "2024-05-01T12:00:00Z warn two lines a=\"b c\" n=1");
}

}  // namespace
}  // namespace kindred

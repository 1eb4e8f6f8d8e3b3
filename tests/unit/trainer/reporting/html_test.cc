#include "trainer/reporting/html.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace kindred {
namespace {

using ::testing::HasSubstr;

TEST(HtmlTest, EscapesWhatWouldBeMarkup) {
  EXPECT_EQ(Escaped("<script>alert('x')</script> & \"y\""),
            "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;y&quot;");
  EXPECT_EQ(Escaped("Käse 🧀\t"), "Käse 🧀\t");
  EXPECT_EQ(Escaped(std::string_view("a\0b\x1b", 4)),
            "a\xef\xbf\xbd"
            "b\xef\xbf\xbd");
  EXPECT_EQ(Escaped("\xff\xc3("), "\xef\xbf\xbd\xef\xbf\xbd(") << "broken UTF-8 cannot swallow what follows";
  EXPECT_EQ(Escaped(""), "");
}

TEST(HtmlTest, ShortensByCharacters) {
  EXPECT_EQ(Shortened("abcdef", 6), "abcdef");
  EXPECT_EQ(Shortened("abcdefg", 6), "abcde…");
  EXPECT_EQ(Shortened("ääää", 3), "ää…");
  EXPECT_EQ(Shortened("ab", 1), "…");
  EXPECT_EQ(NameHtml("a<b"), "<bdi>a&lt;b</bdi>");
  EXPECT_EQ(NameHtml("\"1234567890", 5), "<bdi title=\"&quot;1234567890\">&quot;123…</bdi>");
}

TEST(HtmlTest, Figures) {
  EXPECT_EQ(Number(0.12345), "0.1235");
  EXPECT_EQ(Number(0), "0.0000");
  EXPECT_EQ(Number(-0.5, 2), "−0.50");
  EXPECT_EQ(Number(0.00001), "1e-05");
  EXPECT_EQ(Number(2.5e12), "2.5e+12");
  EXPECT_EQ(Number(NAN), "–");
  EXPECT_EQ(Number(-INFINITY), "−∞");
  EXPECT_EQ(Percent(0.1234), "12.3 %");
  EXPECT_EQ(Percent(1), "100.0 %");
  EXPECT_EQ(Percent(NAN), "–");
  EXPECT_EQ(HumanBytes(999), "999 bytes");
  EXPECT_EQ(HumanBytes(12'345'678), "12.3 MB");
  EXPECT_EQ(HumanBytes(999'990), "1.0 MB");
}

TEST(HtmlTest, TableNamesItsRowsAndColumns) {
  const std::string html = TableHtml({"Caption", {"Name", "Value"}, {{"x", "1"}}, 1});
  EXPECT_THAT(html, HasSubstr("<caption>Caption</caption>"));
  EXPECT_THAT(html, HasSubstr("<th scope=\"col\" class=\"n\">Value</th>"));
  EXPECT_THAT(html, HasSubstr("<tr><th scope=\"row\">x</th><td class=\"n\">1</td></tr>"));
  EXPECT_THAT(BarCell("50 %", 0.5), HasSubstr("width:50.0%"));
  EXPECT_THAT(BarCell("–", NAN), HasSubstr("width:0.0%"));
  EXPECT_THAT(BarCell("130 %", 1.3), HasSubstr("width:100.0%"));
  EXPECT_THAT(MissingHtml("no <x>", "do > this"), HasSubstr("no &lt;x&gt;<br><code>do &gt; this</code>"));
}

}  // namespace
}  // namespace kindred

#include "clients/cli/text_table.h"

#include <gtest/gtest.h>

namespace kindred {
namespace {

TEST(DisplayWidth, CountsColumnsNotBytes) {
  EXPECT_EQ(DisplayWidth(""), 0u);
  EXPECT_EQ(DisplayWidth("milk"), 4u);
  EXPECT_EQ(DisplayWidth("crème"), 5u);
  EXPECT_EQ(DisplayWidth("cre\u0300me"), 5u);  // a combining grave takes no column
  EXPECT_EQ(DisplayWidth("豆腐"), 4u);         // wide characters take two
}

TEST(FitToWidth, CutsWithAnEllipsis) {
  EXPECT_EQ(FitToWidth("bananas", 7), "bananas");
  EXPECT_EQ(FitToWidth("bananas", 6), "banan…");
  EXPECT_EQ(FitToWidth("bananas", 1), "…");
  EXPECT_EQ(FitToWidth("bananas", 0), "");
  EXPECT_EQ(FitToWidth("豆腐豆腐", 4), "豆…") << "half of a wide character cannot be shown";
  EXPECT_EQ(DisplayWidth(FitToWidth("豆腐豆腐", 4)), 3u);
}

TEST(FitToWidth, NothingThatATerminalWouldObey) {
  EXPECT_EQ(FitToWidth("a\x1b[31mb\nc\td", 40), "a?[31mb?c?d");
  EXPECT_EQ(FitToWidth("bad \xff\xfe utf-8", 40), "bad ?? utf-8");
  EXPECT_EQ(FitToWidth(std::string_view("nul\0l", 5), 40), "nul?l");
  EXPECT_EQ(FitToWidth("cut \xe8\xb1", 40), "cut ??");
}

TEST(TextTable, AlignsColumns) {
  TextTable table({{"#", TextTable::Align::kRight}, {"name"}, {"score", TextTable::Align::kRight}});
  table.AddRow({"1", "crème", "0.5"});
  table.AddRow({"10", "豆腐", "12.25"});
  EXPECT_EQ(table.ToString(),
            "   #  name   score\n"
            "   1  crème    0.5\n"
            "  10  豆腐   12.25\n");
}

TEST(TextTable, LeavesOutEmptyColumnsAndTrailingSpaces) {
  TextTable table({{"id"}, {"name"}, {"category"}});
  table.AddRow({"a", "", "x"});
  table.AddRow({"bbb", "", ""});
  EXPECT_EQ(table.ToString(),
            "  id   category\n"
            "  a    x\n"
            "  bbb\n");
}

TEST(TextTable, CutsLongCellsAndKeepsNotesUnderTheirRow) {
  TextTable table({{"id"}, {"name", TextTable::Align::kLeft, 5}});
  table.AddRow({"a", "bananas"});
  table.AddNote("because");
  table.AddRow({"b", "milk"});
  EXPECT_EQ(table.ToString(),
            "  id  name\n"
            "  a   bana…\n"
            "      because\n"
            "  b   milk\n");
}

}  // namespace
}  // namespace kindred

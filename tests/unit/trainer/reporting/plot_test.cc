#include "trainer/reporting/plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <regex>

namespace kindred {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// Every coordinate lies in the picture and is a number.
void ExpectInside(const std::string& html) {
  EXPECT_THAT(html, Not(HasSubstr("nan")));
  EXPECT_THAT(html, Not(HasSubstr("inf")));
  std::smatch box;
  ASSERT_TRUE(std::regex_search(html, box, std::regex("viewBox=\"0 0 (\\d+) (\\d+)\" role")));
  const double width = std::stod(box[1]), height = std::stod(box[2]);
  const std::regex number("(?: |^)(x|x1|x2|cx|y|y1|y2|cy)=\"(-?[0-9.]+)\"");
  for (std::sregex_iterator at(html.begin(), html.end(), number), end; at != end; ++at) {
    const double value = std::stod((*at)[2]);
    EXPECT_GE(value, 0) << at->str();
    EXPECT_LE(value, (*at)[1].str()[0] == 'x' || (*at)[1] == "cx" ? width : height) << at->str();
  }
}

LinePlot Curve(std::vector<PlotPoint> points) {
  LinePlot plot;
  plot.title = "NDCG per K";
  plot.description = "what it shows";
  plot.x_label = "K";
  plot.y_label = "NDCG";
  for (const PlotPoint& point : points) {
    if (std::isfinite(point.x)) plot.x_ticks.push_back({point.x, std::to_string(static_cast<int>(point.x))});
  }
  plot.series = {{"model", std::move(points)}};
  return plot;
}

TEST(LinePlotTest, DrawsPointsErrorsAndTicks) {
  const std::string html = LinePlotHtml(Curve({{5, 0.1, 0.01}, {10, 0.2, 0.02}, {20, 0.3}}));
  ExpectInside(html);
  EXPECT_THAT(html, HasSubstr("<title>NDCG per K</title><desc>what it shows</desc>"));
  EXPECT_THAT(html, HasSubstr("role=\"img\""));
  EXPECT_EQ(Count(html, "class=\"dot\""), 3);
  EXPECT_EQ(Count(html, "class=\"error\""), 6);  // a bar and two caps each
  EXPECT_THAT(html, HasSubstr(">0.3</text>"));
  EXPECT_THAT(html, HasSubstr(">20</text>"));
  EXPECT_THAT(html, Not(HasSubstr("class=\"legend\""))) << "one series needs none";
  EXPECT_EQ(html, LinePlotHtml(Curve({{5, 0.1, 0.01}, {10, 0.2, 0.02}, {20, 0.3}}))) << "the same bytes";
  // x = 5, 10, 20 lie in order, y upwards.
  const std::regex dot("<circle cx=\"([0-9.]+)\" cy=\"([0-9.]+)\"");
  double x = 0, y = 1e9;
  for (std::sregex_iterator at(html.begin(), html.end(), dot), end; at != end; ++at) {
    EXPECT_GT(std::stod((*at)[1]), x);
    EXPECT_LT(std::stod((*at)[2]), y);
    x = std::stod((*at)[1]);
    y = std::stod((*at)[2]);
  }
}

TEST(LinePlotTest, DegenerateDataIsDrawnInside) {
  for (const bool from_zero : {false, true}) {
    for (const auto& points : std::vector<std::vector<PlotPoint>>{{},
                                                                  {{5, 0.5}},
                                                                  {{5, 0}},
                                                                  {{1, 0.3}, {2, 0.3}, {3, 0.3}},
                                                                  {{1, NAN}},
                                                                  {{1, 0.2}, {2, NAN}, {3, 0.4}},
                                                                  {{NAN, 0.2}, {2, INFINITY}},
                                                                  {{1, 0.2, NAN}},
                                                                  {{1, -0.2, 0.1}, {2, 1e-9}},
                                                                  {{1, 1e12}, {2, 0}}}) {
      LinePlot plot = Curve(points);
      plot.y_from_zero = from_zero;
      ExpectInside(LinePlotHtml(plot));
      plot.log_x = true;
      ExpectInside(LinePlotHtml(plot));
    }
  }
  EXPECT_THAT(LinePlotHtml(Curve({})), HasSubstr("nothing to show"));
  EXPECT_THAT(LinePlotHtml(Curve({{1, NAN}})), HasSubstr("nothing to show"));
  // A gap splits the line.
  const std::string gap = LinePlotHtml(Curve({{1, 0.2}, {2, 0.3}, {3, NAN}, {4, 0.4}, {5, 0.5}}));
  EXPECT_TRUE(std::regex_search(gap, std::regex("d=\"M[0-9. ]+L[0-9. ]+M[0-9. ]+L[0-9. ]+\"")));
}

TEST(LinePlotTest, TextIsEscapedAndLevelsAreNamed) {
  LinePlot plot = Curve({{1, 1}, {2, 2}});
  plot.title = "<script>alert(1)</script>";
  plot.x_ticks[0].label = "<b>";
  plot.series[0].name = "\"model\" & co";
  plot.levels = {{"98 % of <best>", 1.5}, {"nowhere", NAN}};
  const std::string html = LinePlotHtml(plot);
  ExpectInside(html);
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, HasSubstr("&lt;b&gt;</text>"));
  EXPECT_THAT(html, HasSubstr("&quot;model&quot; &amp; co</li>"));
  EXPECT_THAT(html, HasSubstr("98 % of &lt;best&gt;</li>"));
}

TEST(LinePlotTest, SeriesDifferInShapeAsWellAsColour) {
  LinePlot plot = Curve({{1, 1}, {2, 2}});
  for (int style = 1; style < 8; ++style) plot.series.push_back({"s", {{1, 1.0 + style}}, style});
  const std::string html = LinePlotHtml(plot);
  ExpectInside(html);
  for (const char* shape : {"<circle", "<rect", "l5 9h-10z", "l5.5 5.5", "l5 -9h-10z"})
    EXPECT_THAT(html, HasSubstr(shape));
  EXPECT_THAT(html, Not(HasSubstr("class=\"s6\"")));
}

TEST(BarPlotTest, BarsAreAsLongAsTheirFigures) {
  BarPlot plot{"Errors",
               "d",
               {"RMSE", "MAE"},
               {{"model", {0.5, 0.25}, {0.1, NAN}}, {"<global> mean that is long", {1, NAN}, {}}}};
  const std::string html = BarPlotHtml(plot);
  ExpectInside(html);
  std::vector<double> widths;
  const std::regex bar("<rect x=\"[0-9.]+\" y=\"[0-9.]+\" width=\"([0-9.]+)\" height=\"[0-9.]+\" class=\"s");
  for (std::sregex_iterator at(html.begin(), html.end(), bar), end; at != end; ++at)
    widths.push_back(std::stod((*at)[1]));
  ASSERT_EQ(widths.size(), 3) << "none for NaN";
  EXPECT_NEAR(widths[0], 2 * widths[1], 0.2);
  EXPECT_NEAR(widths[2], 2 * widths[0], 0.2);
  EXPECT_EQ(Count(html, "class=\"whisker\""), 1);
  EXPECT_THAT(html, HasSubstr(">0.2500</text>"));
  EXPECT_THAT(html, HasSubstr(">–</text>"));
  EXPECT_THAT(html, HasSubstr("&lt;global&gt;"));
  EXPECT_THAT(html, Not(HasSubstr("that is long")));
}

TEST(BarPlotTest, DegenerateDataIsDrawnInside) {
  ExpectInside(BarPlotHtml({"t", "d", {}, {}}));
  EXPECT_THAT(BarPlotHtml({"t", "d", {}, {}}), HasSubstr("nothing to show"));
  for (const double value : std::vector<double>{0, -1, NAN, INFINITY, 1e-30, 1e30}) {
    ExpectInside(BarPlotHtml({"t", "d", {"a"}, {{"g", {value}, {0.5}}}}));
    ExpectInside(BarPlotHtml({"t", "d", {"a"}, {{"g", {value}, {}}, {"h", {1}, {}}}, true}));
  }
}

}  // namespace
}  // namespace kindred

#include "trainer/reporting/plot.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "trainer/reporting/html.h"

namespace kindred {
namespace {

// Small enough that text stays legible where a phone shrinks the picture to its width.
constexpr double kWidth = 440, kHeight = 270, kFont = 13;
constexpr double kTop = 26, kBottom = 44, kRight = 14;
constexpr int kStyles = 6;

int StyleOf(int style) { return ((style % kStyles) + kStyles) % kStyles; }

std::string Text(double x, double y, std::string_view anchor, std::string_view css, std::string_view text) {
  return absl::StrFormat("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>%s</text>\n", x, y, std::string(anchor),
                         css.empty() ? "" : StrCat(" class=\"", css, "\""), Escaped(text));
}

std::string Line(double x1, double y1, double x2, double y2, std::string_view css) {
  return absl::StrFormat("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n", x1, y1, x2, y2,
                         std::string(css));
}

// Shapes differ as colours do, for print and for those who cannot tell colours apart.
std::string Marker(int style, double x, double y, bool ring) {
  if (ring) return absl::StrFormat("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"8\" class=\"ring\"/>\n", x, y);
  switch (StyleOf(style)) {
    case 1:
      return absl::StrFormat("<rect x=\"%.1f\" y=\"%.1f\" width=\"8\" height=\"8\" class=\"dot\"/>\n", x - 4, y - 4);
    case 2:
      return absl::StrFormat("<path d=\"M%.1f %.1fl5 9h-10z\" class=\"dot\"/>\n", x, y - 6);
    case 3:
      return absl::StrFormat("<path d=\"M%.1f %.1fl5.5 5.5l-5.5 5.5l-5.5 -5.5z\" class=\"dot\"/>\n", x, y - 5.5);
    case 4:
      return absl::StrFormat("<path d=\"M%.1f %.1fl5 -9h-10z\" class=\"dot\"/>\n", x, y + 6);
    default:
      return absl::StrFormat("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\" class=\"dot\"/>\n", x, y);
  }
}

std::string Open(double height, std::string_view title, std::string_view description) {
  return absl::StrFormat(
      "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" font-size=\"%.0f\"><title>%s</title><desc>%s</desc>\n", kWidth,
      height, kFont, Escaped(title), Escaped(description));
}

std::string LegendItem(int style, bool line, bool dashed, bool ring, bool marker, bool level, std::string_view name) {
  std::string out = StrCat("<li><svg viewBox=\"0 0 30 18\" aria-hidden=\"true\" class=\"key s", StyleOf(style), "\">");
  if (level) {
    StrAppend(&out, Line(0, 9, 30, 9, "level"));
  } else {
    if (line) StrAppend(&out, Line(0, 9, 30, 9, dashed ? "line dashed" : "line"));
    if (marker) StrAppend(&out, Marker(style, 15, 9, ring));
  }
  return StrCat(out, "</svg>", Escaped(name), "</li>");
}

std::string Figure(std::string_view title, const std::string& legend, const std::string& svg) {
  return StrCat("<figure><figcaption>", Escaped(title), "</figcaption>", legend, "\n", svg, "</figure>\n");
}

bool Drawable(const PlotPoint& point, const LinePlot& plot) {
  return std::isfinite(point.x) && std::isfinite(point.y) && (!plot.log_x || point.x > 0);
}

double ErrorOf(const PlotPoint& point) { return std::isfinite(point.error) ? std::max(point.error, 0.0) : 0; }

std::string Series(const PlotSeries& series, const LinePlot& plot, const Axis& x_axis, const Axis& y_axis, double left,
                   double shift) {
  const double right = kWidth - kRight, bottom = kHeight - kBottom;
  std::string lines, marks, path;
  for (const PlotPoint& point : series.points) {
    if (!Drawable(point, plot)) {
      path.clear();  // a gap
      continue;
    }
    const double x = x_axis.At(point.x, left, right) + shift, y = y_axis.At(point.y, bottom, kTop);
    if (series.line) {
      const bool first = path.empty();
      path = absl::StrFormat("%.1f %.1f", x, y);
      StrAppend(&lines, first ? "M" : "L", path);
    }
    if (const double error = ErrorOf(point); error > 0) {
      // Cut at the axis: no metric is below 0.
      const double low = y_axis.At(std::max(point.y - error, y_axis.low), bottom, kTop);
      const double high = y_axis.At(point.y + error, bottom, kTop);
      StrAppend(&marks, Line(x, low, x, high, "error"), Line(x - 3, low, x + 3, low, "error"),
                Line(x - 3, high, x + 3, high, "error"));
    }
    if (series.markers) StrAppend(&marks, Marker(series.style, x, y, series.ring));
  }
  std::string out = StrCat("<g class=\"s", StyleOf(series.style), "\">");
  if (!lines.empty()) StrAppend(&out, "<path d=\"", lines, "\" class=\"line", series.dashed ? " dashed" : "", "\"/>\n");
  return StrCat(out, marks, "</g>\n");
}

Axis YAxis(const LinePlot& plot) {
  std::vector<double> values;
  for (const PlotSeries& series : plot.series) {
    for (const PlotPoint& point : series.points) {
      if (!Drawable(point, plot)) continue;
      values.push_back(point.y - (plot.y_from_zero ? 0 : ErrorOf(point)));
      values.push_back(point.y + ErrorOf(point));
    }
  }
  for (const PlotLevel& level : plot.levels) values.push_back(level.y);
  return LinearAxis(values, plot.y_from_zero, 5);
}

}  // namespace

std::string LinePlotHtml(const LinePlot& plot) {
  const Axis x_axis = AxisOfTicks(plot.x_ticks, plot.log_x), y_axis = YAxis(plot);
  double left = 20;
  for (const Tick& tick : y_axis.ticks) left = std::max(left, TextWidth(tick.label, kFont) + 12);
  const double right = kWidth - kRight, bottom = kHeight - kBottom;

  std::string svg = Open(kHeight, plot.title, plot.description);
  StrAppend(&svg, Text(2, 13, "start", "label", plot.y_label));
  StrAppend(&svg, Text(right, kHeight - 6, "end", "label", plot.x_label));
  for (const Tick& tick : y_axis.ticks) {
    const double y = y_axis.At(tick.value, bottom, kTop);
    StrAppend(&svg, Line(left, y, right, y, tick.value == y_axis.low ? "axis" : "grid"),
              Text(left - 6, y + 4.5, "end", "", tick.label));
  }
  for (const Tick& tick : WithoutOverlap(x_axis, right - left, kFont)) {
    const double x = x_axis.At(tick.value, left, right);
    // Centred, but never outside of the picture.
    const double half = TextWidth(tick.label, kFont) / 2;
    StrAppend(&svg, Line(x, bottom, x, bottom + 5, "axis"),
              Text(std::clamp(x, std::min(half, kWidth / 2), std::max(kWidth - half, kWidth / 2)), bottom + 18,
                   "middle", "", tick.label));
  }
  bool any = false;
  for (const PlotSeries& series : plot.series) {
    any = any || std::any_of(series.points.begin(), series.points.end(),
                             [&](const PlotPoint& point) { return Drawable(point, plot); });
  }
  if (!any) StrAppend(&svg, Text((left + right) / 2, (kTop + bottom) / 2, "middle", "label", "nothing to show"));
  for (const PlotLevel& level : plot.levels) {
    if (!std::isfinite(level.y)) continue;
    const double y = y_axis.At(level.y, bottom, kTop);
    StrAppend(&svg, Line(left, y, right, y, "level"));
  }
  // Error bars of one x stand beside each other.
  const auto has_errors = [](const PlotSeries& series) {
    return std::any_of(series.points.begin(), series.points.end(),
                       [](const PlotPoint& point) { return ErrorOf(point) > 0; });
  };
  const auto beside = static_cast<double>(std::count_if(plot.series.begin(), plot.series.end(), has_errors));
  const double step = beside > 1 ? std::min(4.0, 12 / (beside - 1)) : 0;
  double place = -(beside - 1) / 2;
  for (const PlotSeries& series : plot.series) {
    const double shift = has_errors(series) ? step * place++ : 0;
    StrAppend(&svg, Series(series, plot, x_axis, y_axis, left, shift));
  }
  StrAppend(&svg, "</svg>\n");

  return Figure(plot.title, plot.legend ? LegendHtml(plot) : "", svg);
}

std::string LegendHtml(const LinePlot& plot) {
  if (plot.series.size() + plot.levels.size() < 2) return "";
  std::string out = "<ul class=\"legend\">";
  for (const PlotSeries& series : plot.series) {
    StrAppend(&out,
              LegendItem(series.style, series.line, series.dashed, series.ring, series.markers, false, series.name));
  }
  for (const PlotLevel& level : plot.levels) StrAppend(&out, LegendItem(0, true, true, false, false, true, level.name));
  return out + "</ul>";
}

std::string BarPlotHtml(const BarPlot& plot) {
  constexpr double kBar = 15, kGap = 12, kFigure = 62, kMostLabel = 130;
  const auto figure = [&](double value) { return plot.percent ? Percent(value) : Number(value); };
  std::vector<double> values;
  double label_width = 0;
  for (const BarGroup& group : plot.groups) {
    label_width = std::max(label_width, TextWidth(group.label, kFont));
    for (size_t i = 0; i < group.values.size(); ++i) {
      values.push_back(group.values[i]);
      if (i < group.errors.size() && std::isfinite(group.errors[i]))
        values.push_back(group.values[i] + group.errors[i]);
    }
  }
  const double left = std::min(label_width, kMostLabel) + 10, right = kWidth - kFigure;
  const auto characters = static_cast<size_t>(kMostLabel / (0.6 * kFont));
  const Axis axis = LinearAxis(values, true, 5);
  const double zero = axis.At(0, left, right);
  const double group_height = kBar * static_cast<double>(std::max<size_t>(plot.series.size(), 1)) + kGap;
  const double height = std::max(40.0, group_height * static_cast<double>(plot.groups.size()) + kGap);

  std::string svg = Open(height, plot.title, plot.description);
  if (plot.groups.empty()) StrAppend(&svg, Text(kWidth / 2, height / 2, "middle", "label", "nothing to show"));
  double top = kGap;
  for (const BarGroup& group : plot.groups) {
    const double middle = top + (group_height - kGap) / 2;
    StrAppend(&svg, Text(left - 8, middle + 4.5, "end", "", Shortened(group.label, characters)));
    for (size_t i = 0; i < group.values.size(); ++i) {
      const double y = top + kBar * static_cast<double>(i), value = group.values[i];
      double end = zero;
      if (std::isfinite(value)) {
        end = axis.At(value, left, right);
        StrAppend(&svg, absl::StrFormat(
                            "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"s%d fill\"/>\n",
                            std::min(zero, end), y + 1, std::abs(end - zero), kBar - 2, StyleOf(static_cast<int>(i))));
        if (i < group.errors.size() && std::isfinite(group.errors[i]) && group.errors[i] > 0) {
          const double far = axis.At(value + group.errors[i], left, right);
          StrAppend(&svg, Line(axis.At(std::max(value - group.errors[i], axis.low), left, right), y + kBar / 2, far,
                               y + kBar / 2, "whisker"));
          end = std::max(end, far);
        }
      }
      StrAppend(&svg, Text(std::max(end, zero) + 5, y + kBar - 3, "start", "figure", figure(value)));
    }
    top += group_height;
  }
  StrAppend(&svg, Line(zero, kGap / 2, zero, height - kGap / 2, "axis"), "</svg>\n");
  std::string legend;
  if (plot.series.size() > 1) {
    legend = "<ul class=\"legend\">";
    for (size_t i = 0; i < plot.series.size(); ++i) {
      StrAppend(&legend, "<li><svg viewBox=\"0 0 30 18\" aria-hidden=\"true\" class=\"key s", i % kStyles,
                "\"><rect x=\"6\" y=\"2\" width=\"18\" height=\"14\" class=\"fill\"/></svg>", Escaped(plot.series[i]),
                "</li>");
    }
    legend += "</ul>";
  }
  return Figure(plot.title, legend, svg);
}

}  // namespace kindred

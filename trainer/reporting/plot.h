// Plots as inline SVG: no script, no reference to anything outside, colours from the page's style sheet (classes s0 …
// s5), a title and a description for those who do not see them. Pure functions, thread-safe; the same input gives the
// same bytes. Values that are not finite are left out.
#pragma once

#include <string>
#include <vector>

#include "trainer/reporting/axis.h"

namespace kindred {

struct PlotPoint {
  double x = 0, y = 0;
  double error = 0;  // half the length of the error bar; 0: none
};

struct PlotSeries {
  std::string name;
  std::vector<PlotPoint> points;
  int style = 0;     // colour and marker, 0 … 5
  bool line = true;  // joined, in the order of the points
  bool dashed = false;
  bool ring = false;    // markers as rings around what is there
  bool markers = true;  // at its points
};

// A horizontal line across.
struct PlotLevel {
  std::string name;
  double y = 0;
};

struct LinePlot {
  std::string title, description;  // text
  std::string x_label, y_label;
  std::vector<Tick> x_ticks;  // ascending; also the range of x
  bool log_x = false;
  bool y_from_zero = true;
  std::vector<PlotSeries> series;
  std::vector<PlotLevel> levels;
  bool legend = true;  // where there is more than one thing to tell apart
};

struct BarGroup {
  std::string label;
  std::vector<double> values;  // one a series
  std::vector<double> errors;  // likewise, or empty
};

// Horizontal bars in groups, each with its figure at its end.
struct BarPlot {
  std::string title, description;
  std::vector<std::string> series;
  std::vector<BarGroup> groups;
  bool percent = false;  // figures are shares of 1
};

// A <figure> with the title, a legend and the SVG.
std::string LinePlotHtml(const LinePlot& plot);
std::string BarPlotHtml(const BarPlot& plot);
// The legend alone, for several plots of the same series; empty where there is nothing to tell apart.
std::string LegendHtml(const LinePlot& plot);

}  // namespace kindred

// Small builders over prometheus-cpp's data types.
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace kindred {

using MetricLabels = std::vector<std::pair<std::string, std::string>>;
using MetricFamilies = std::vector<prometheus::MetricFamily>;

// One family under construction. The reference that Add… fills stays good until the next family is begun.
class MetricFamilyBuilder {
 public:
  MetricFamilyBuilder(MetricFamilies* families, std::string name, std::string help, prometheus::MetricType type);

  // A value of a counter or gauge.
  MetricFamilyBuilder& Add(const MetricLabels& labels, double value);
  // A histogram of `counts` per bucket (not cumulative; the last is unbounded) under `bounds`.
  MetricFamilyBuilder& AddHistogram(const MetricLabels& labels, std::span<const double> bounds,
                                    std::span<const uint64_t> counts, double sum);

 private:
  prometheus::MetricFamily* family_;
};

MetricFamilyBuilder Counter(MetricFamilies* families, std::string name, std::string help);
MetricFamilyBuilder Gauge(MetricFamilies* families, std::string name, std::string help);
MetricFamilyBuilder Histogram(MetricFamilies* families, std::string name, std::string help);

}  // namespace kindred

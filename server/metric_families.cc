#include "server/metric_families.h"

#include <limits>

namespace kindred {
namespace {

prometheus::ClientMetric Labelled(const MetricLabels& labels) {
  prometheus::ClientMetric metric;
  for (const auto& [name, value] : labels) metric.label.push_back({name, value});
  return metric;
}

}  // namespace

MetricFamilyBuilder::MetricFamilyBuilder(MetricFamilies* families, std::string name, std::string help,
                                         prometheus::MetricType type) {
  prometheus::MetricFamily family;
  family.name = std::move(name);
  family.help = std::move(help);
  family.type = type;
  families->push_back(std::move(family));
  family_ = &families->back();
}

MetricFamilyBuilder& MetricFamilyBuilder::Add(const MetricLabels& labels, double value) {
  prometheus::ClientMetric metric = Labelled(labels);
  if (family_->type == prometheus::MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  family_->metric.push_back(std::move(metric));
  return *this;
}

MetricFamilyBuilder& MetricFamilyBuilder::AddHistogram(const MetricLabels& labels, std::span<const double> bounds,
                                                       std::span<const uint64_t> counts, double sum) {
  prometheus::ClientMetric metric = Labelled(labels);
  uint64_t cumulative = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    cumulative += counts[i];
    const double bound = i < bounds.size() ? bounds[i] : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({cumulative, bound});
  }
  metric.histogram.sample_count = cumulative;
  metric.histogram.sample_sum = sum;
  family_->metric.push_back(std::move(metric));
  return *this;
}

MetricFamilyBuilder Counter(MetricFamilies* families, std::string name, std::string help) {
  return MetricFamilyBuilder(families, std::move(name), std::move(help), prometheus::MetricType::Counter);
}
MetricFamilyBuilder Gauge(MetricFamilies* families, std::string name, std::string help) {
  return MetricFamilyBuilder(families, std::move(name), std::move(help), prometheus::MetricType::Gauge);
}
MetricFamilyBuilder Histogram(MetricFamilies* families, std::string name, std::string help) {
  return MetricFamilyBuilder(families, std::move(name), std::move(help), prometheus::MetricType::Histogram);
}

}  // namespace kindred

// A report on a model for people: one HTML page of what is known of it, and how to come by what is not. Pure functions
// and plain values; the same input gives the same bytes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/engine/model.h"
#include "trainer/data/event_log.h"
#include "trainer/evaluation/evaluation.h"
#include "trainer/tuning/tune_results.h"

namespace kindred {

struct LabelledEvaluation {
  std::string label;
  Evaluation evaluation;
  bool of_tuning = false;  // so that it may be of another bundle than that of the report
};

// Any of these may be missing.
struct ReportInput {
  std::string title{};
  std::string made_at{};                          // when, as text
  std::shared_ptr<const Model> model{};           // a bundle
  std::vector<LabelledEvaluation> evaluations{};  // labels distinct
  std::optional<TuneResults> tune{};
  std::optional<EventLog> train{}, valid{}, test{};
};

// The whole page. Everything of the input is escaped.
std::string ReportHtml(ReportInput input);

// Of what an evaluation is, and its notes.
std::string CircumstancesHtml(const LabelledEvaluation& evaluation);

// Its sections, as HTML; each says what to give when it has nothing to show. ReportHtml adds the evaluations of a
// tuning to input.evaluations before it asks for them, and keeps those of a cold start, whose users are others, from
// the sections that compare rankings.
std::string SummarySection(const ReportInput& input);
std::string TuningSection(const ReportInput& input);
std::string ComparisonSection(const ReportInput& input);
std::string RankingSection(const ReportInput& input);
std::string ColdStartSection(const ReportInput& input);
std::string ConcentrationSection(const ReportInput& input);
std::string ValuesSection(const ReportInput& input);
std::string ModelCheckSection(const ReportInput& input);
std::string TraitsSection(const ReportInput& input);

}  // namespace kindred

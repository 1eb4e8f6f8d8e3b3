#include "trainer/reporting/report.h"

#include <cmath>
#include <set>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "trainer/reporting/html.h"
#include "trainer/reporting/page.h"

namespace kindred {
namespace {

constexpr uint32_t kUsualK = 10;

// Figures at 10, else at the first K.
const FiguresAtK& Usual(const std::vector<FiguresAtK>& figures) {
  for (const FiguresAtK& at : figures) {
    if (at.k == kUsualK) return at;
  }
  return figures.front();
}

void AddTuned(ReportInput* input) {
  if (!input->tune) return;
  std::set<std::string> labels;
  for (const LabelledEvaluation& each : input->evaluations) labels.insert(each.label);
  const auto add = [&](std::string label, const std::optional<Evaluation>& evaluation) {
    if (!evaluation) return;
    if (labels.contains(label)) label = StrCat("tuning: ", label);
    input->evaluations.push_back({label, *evaluation, true});
  };
  add("validation", input->tune->valid);
  add("test", input->tune->test);
}

std::string EvaluationTile(const LabelledEvaluation& each) {
  const std::vector<RankingFigures>& rankings = each.evaluation.rankings;
  if (each.evaluation.cold_start || rankings.empty() || rankings.front().at.empty()) return "";
  const FiguresAtK& at = Usual(rankings.front().at);
  const double ndcg = Get(at.mean, RankingMetric::kNdcg);
  std::string remark = absl::StrFormat("%s users", WithThousands(each.evaluation.scored_users));
  if (rankings.size() > 1 && !rankings[1].at.empty()) {
    StrAppend(&remark, "; ", rankings[1].name, " ", Number(Get(Usual(rankings[1].at).mean, RankingMetric::kNdcg)));
  }
  return TileHtml(StrCat("NDCG@", at.k, ", ", Shortened(each.label, 24)), Number(ndcg), remark);
}

std::string ColdStartTile(const LabelledEvaluation& each) {
  if (!each.evaluation.cold_start) return "";
  const ColdStart& cold = *each.evaluation.cold_start;
  if (cold.points.empty() || cold.points.back().at.empty()) return "";
  const ColdStartPoint& last = cold.points.back();
  std::string remark = "users the training never saw";
  if (!cold.reference.empty()) {
    remark = StrCat(Percent(ShareOfReference(cold, last, 0)), " of a model trained on them");
  }
  return TileHtml(StrCat("NDCG@", last.at[0].k, " from ", last.events, " events"),
                  Number(Get(last.at[0].mean, RankingMetric::kNdcg)), remark);
}

std::string Subtitle(const ReportInput& input) {
  std::string out;
  if (input.model != nullptr) {
    out = StrCat("Model ", NameHtml(input.model->name()), ", version ", NameHtml(input.model->version()));
    if (const std::string& made = input.model->info().created_at; !made.empty()) {
      StrAppend(&out, ", packed ", Escaped(made));
    }
    StrAppend(&out, ", digest <code>", Escaped(input.model->digest()), "</code>. ");
  }
  return StrCat(out, "Report of ", Escaped(input.made_at), ".");
}

}  // namespace

std::string SummarySection(const ReportInput& input) {
  std::string tiles;
  if (input.model != nullptr) {
    const BundleInfo& info = input.model->info();
    StrAppend(&tiles, TileHtml("Users", WithThousands(info.n_users), "in the bundle"),
              TileHtml("Items", WithThousands(info.n_items), "in the catalogue"));
    if (info.n_interactions > 0) {
      StrAppend(&tiles, TileHtml("Interactions", WithThousands(info.n_interactions), "users with items they have"));
    }
    StrAppend(&tiles, TileHtml("Bundle", HumanBytes(info.file_size),
                               absl::StrFormat("%d space%s, default %s", info.spaces.size(),
                                               info.spaces.size() == 1 ? "" : "s", info.default_space)));
  }
  for (const LabelledEvaluation& each : input.evaluations) StrAppend(&tiles, EvaluationTile(each));
  for (const LabelledEvaluation& each : input.evaluations) StrAppend(&tiles, ColdStartTile(each));
  std::string out = StrCat("<dl class=\"tiles\">\n", tiles, "</dl>\n");
  if (input.model == nullptr) {
    StrAppend(&out, MissingHtml("What the model is made of: give its bundle.", "kindred report --bundle FILE …"));
  }
  for (const LabelledEvaluation& each : input.evaluations) {
    // A cold start is of a model that lacks its users, and so another one.
    if (each.of_tuning || each.evaluation.cold_start) continue;
    if (input.model != nullptr && !each.evaluation.ranker.digest.empty() &&
        each.evaluation.ranker.digest != input.model->digest()) {
      StrAppend(&out, "<p class=\"note\">The evaluation ", NameHtml(each.label), " is of another bundle (digest <code>",
                Escaped(each.evaluation.ranker.digest), "</code>).</p>\n");
    }
  }
  return out;
}

std::string ReportHtml(ReportInput input) {
  AddTuned(&input);
  ReportInput trained = input;
  std::erase_if(trained.evaluations,
                [](const LabelledEvaluation& each) { return each.evaluation.cold_start.has_value(); });
  const std::vector<PageSection> sections = {
      {"summary", "Summary", SummarySection(input)},
      {"tuning", "Tuning", TuningSection(input)},
      {"comparison", "Validation against test", ComparisonSection(trained)},
      {"ranking", "Ranking", RankingSection(trained)},
      {"cold-start", "Cold start", ColdStartSection(input)},
      {"concentration", "Coverage and concentration", ConcentrationSection(trained)},
      {"values", "Predicted values and baselines", ValuesSection(trained)},
      {"check", "Model check", ModelCheckSection(input)},
      {"traits", "Traits", TraitsSection(input)},
  };
  return PageHtml(input.title, Subtitle(input), sections);
}

}  // namespace kindred

#include "clients/cli/query_commands.h"

#include "clients/cli/availability_commands.h"
#include "clients/cli/item_commands.h"
#include "clients/cli/profile_commands.h"
#include "clients/cli/recommend_commands.h"

namespace kindred {

void AddQueryCommands(CLI::App& app, int* exit_code) {
  CLI::App* query = app.add_subcommand("query", "Ask a running kindred-server");
  query->require_subcommand(1);
  AddRecommendCommands(query, exit_code);
  AddItemCommands(query, exit_code);
  AddProfileCommands(query, exit_code);
  AddAvailabilityCommands(query, exit_code);
}

}  // namespace kindred

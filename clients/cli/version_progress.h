// Says on standard error how far a version is on its way: a line that is written over on a terminal, else a line for
// each step. Not thread-safe.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>

#include "kindred/v1/model_service.pb.h"

namespace kindred {

class VersionProgress {
 public:
  // `out` must outlive this. Quiet ones say nothing.
  VersionProgress(std::ostream* out, bool terminal, bool quiet) : out_(out), terminal_(terminal), quiet_(quiet) {}
  // Takes the line away that was written over.
  ~VersionProgress() { Interrupt(); }

  // What the server says now. `version`: the one to follow; 0: whichever is on its way. One that is not on its way
  // says nothing.
  void Update(const v1::ServedModel& model, uint64_t version);
  // Takes the line away, for something else to be said.
  void Interrupt();

 private:
  std::ostream* const out_;
  const bool terminal_, quiet_;
  bool shown_ = false;
  std::string said_;
};

}  // namespace kindred

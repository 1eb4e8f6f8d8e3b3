// RETURN_IF_ERROR and ASSIGN_OR_RETURN for absl::Status and absl::StatusOr. (Debian 12's abseil has none.)
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define KINDRED_CONCAT_INNER_(a, b) a##b
#define KINDRED_CONCAT_(a, b) KINDRED_CONCAT_INNER_(a, b)

// Evaluates `expr` (an absl::Status) and returns it from the enclosing function unless it is OK.
#define RETURN_IF_ERROR(expr)                          \
  do {                                                 \
    ::absl::Status kindred_status_ = (expr);           \
    if (!kindred_status_.ok()) return kindred_status_; \
  } while (false)

// Evaluates `expr` (an absl::StatusOr<T>); returns its status on error, else assigns its value to `lhs`.
#define ASSIGN_OR_RETURN(lhs, expr) \
  KINDRED_ASSIGN_OR_RETURN_IMPL_(KINDRED_CONCAT_(kindred_statusor_, __LINE__), lhs, expr)
#define KINDRED_ASSIGN_OR_RETURN_IMPL_(var, lhs, expr) \
  auto var = (expr);                                   \
  if (!var.ok()) return std::move(var).status();       \
  lhs = *std::move(var)

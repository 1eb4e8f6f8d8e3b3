// The options of reading events and items as parameters: the same names as flags, YAML keys and in a bundle's memory of
// its training. docs/data.md is the manual.
#pragma once

#include "trainer/base/parameters.h"
#include "trainer/data/item_table.h"
#include "trainer/data/read_events.h"

namespace kindred {

// Adds "user_column", "item_column", …, "keep", "clip", "before", "min_user_items", …, "skip_bad_rows". `options` must
// outlive the list. Options set here that only a caller knows (allow_negative) are left out.
void DescribeEventReading(EventReadOptions* options, ParameterList* parameters);

// Adds "item_id_column", "item_name_column", "category_columns", "category_separator",
// "attribute_columns" and "text_columns".
void DescribeItemTable(ItemTableOptions* options, ParameterList* parameters);

}  // namespace kindred

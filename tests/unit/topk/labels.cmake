# gtest_discover_tests passes one label only; ctest reads this file when it runs.
set_tests_properties(${topk_tests_TESTS} PROPERTIES LABELS "unit;per_isa")

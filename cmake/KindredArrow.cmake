# Arrow C++ for kindred_parquet.so: kindred::arrow and KINDRED_HAS_ARROW. In this order: installed with CMake packages,
# installed with pkg-config files, the libraries and headers of the pyarrow wheel that scripts/fetch_arrow.sh brings
# (Debian 12 has no Arrow). Sanitizers want all of a program built with them, so they go without.
set(KINDRED_HAS_ARROW FALSE)
string(TOLOWER "${KINDRED_PARQUET}" kindred_parquet_mode)
if(kindred_parquet_mode STREQUAL "off" OR KINDRED_SANITIZE)
  return()
endif()

add_library(kindred_arrow INTERFACE)
add_library(kindred::arrow ALIAS kindred_arrow)
find_package(Arrow CONFIG QUIET)
find_package(Parquet CONFIG QUIET)
if(TARGET Arrow::arrow_shared AND TARGET Parquet::parquet_shared)
  target_link_libraries(kindred_arrow INTERFACE Parquet::parquet_shared Arrow::arrow_shared)
  set(KINDRED_HAS_ARROW TRUE)
  message(STATUS "Parquet: Arrow ${Arrow_VERSION}")
  return()
endif()

pkg_check_modules(kindred_arrow_pc QUIET IMPORTED_TARGET parquet arrow)
if(kindred_arrow_pc_FOUND)
  target_link_libraries(kindred_arrow INTERFACE PkgConfig::kindred_arrow_pc)
  set(KINDRED_HAS_ARROW TRUE)
  message(STATUS "Parquet: Arrow ${kindred_arrow_pc_arrow_VERSION} (pkg-config)")
  return()
endif()

# The wheel's libraries carry Arrow's version in their names (libarrow.so.2600 of 26.0), so the wheel is asked for it.
set(kindred_pyarrow_python ${CMAKE_SOURCE_DIR}/build/venv/arrow/bin/python)
if(EXISTS ${kindred_pyarrow_python})
  execute_process(
    COMMAND ${kindred_pyarrow_python} -c "import pyarrow; v = pyarrow.cpp_version_info; \
print(pyarrow.get_include(), pyarrow.get_library_dirs()[0], f'{v.major}{v.minor:02}', sep=';', end='')"
    OUTPUT_VARIABLE kindred_pyarrow
    RESULT_VARIABLE kindred_pyarrow_result
    ERROR_QUIET)
  if(kindred_pyarrow_result EQUAL 0)
    list(GET kindred_pyarrow 0 kindred_pyarrow_include)
    list(GET kindred_pyarrow 1 kindred_pyarrow_folder)
    list(GET kindred_pyarrow 2 kindred_pyarrow_version)
    set(kindred_pyarrow_parquet ${kindred_pyarrow_folder}/libparquet.so.${kindred_pyarrow_version})
    set(kindred_pyarrow_arrow ${kindred_pyarrow_folder}/libarrow.so.${kindred_pyarrow_version})
    if(EXISTS ${kindred_pyarrow_parquet} AND EXISTS ${kindred_pyarrow_arrow}
       AND EXISTS ${kindred_pyarrow_include}/parquet/arrow/reader.h)
      target_include_directories(kindred_arrow SYSTEM INTERFACE ${kindred_pyarrow_include})
      target_link_libraries(kindred_arrow INTERFACE ${kindred_pyarrow_parquet} ${kindred_pyarrow_arrow})
      set(KINDRED_HAS_ARROW TRUE)
      message(STATUS "Parquet: the Arrow of ${kindred_pyarrow_folder}")
      return()
    endif()
  endif()
endif()

if(kindred_parquet_mode STREQUAL "on")
  message(FATAL_ERROR "KINDRED_PARQUET is on and there is no Arrow C++; run scripts/fetch_arrow.sh (it needs PyPI)")
endif()
message(STATUS "Parquet: no Arrow C++ found, kindred is built without; scripts/fetch_arrow.sh brings it")

# Compile options of every target of ours, carried by one interface target instead of global flags.
#
# -ffp-contract=off: scores are sums in one fixed order and must be the same on every ISA; a compiler that fuses a
# multiply and an add on one of them would break that.
add_library(kindred_options INTERFACE)
add_library(kindred::options ALIAS kindred_options)
target_compile_options(kindred_options INTERFACE -Wall -Wextra -Wno-unused-parameter -ffp-contract=off)
if(KINDRED_WERROR)
  target_compile_options(kindred_options INTERFACE -Werror)
endif()
target_include_directories(kindred_options INTERFACE ${CMAKE_SOURCE_DIR})

if(KINDRED_SANITIZE)
  target_compile_options(kindred_options INTERFACE -fsanitize=${KINDRED_SANITIZE} -fno-sanitize-recover=all
                                                   -fno-omit-frame-pointer)
  target_link_options(kindred_options INTERFACE -fsanitize=${KINDRED_SANITIZE})
endif()

find_program(KINDRED_CCACHE ccache)
if(KINDRED_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${KINDRED_CCACHE})
endif()

# kindred_library(room SOURCES … DEPS … PRIVATE_DEPS …): one static library a room, aliased kindred::room.
function(kindred_library room)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(kindred_${room} STATIC ${ARG_SOURCES})
  add_library(kindred::${room} ALIAS kindred_${room})
  target_link_libraries(kindred_${room} PUBLIC kindred::options ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS})
endfunction()

# hanse_library(NAME [COLD] [DEPENDS target...] [TEST_PROPERTIES name value ...])
#
# Makes the folder that calls it one room: the static library hanse::NAME from its *.cpp, and, from its *_test.cpp,
# one test program NAME_tests whose cases CTest lists one by one. Headers are included as "NAME/file.hpp".
#
# With HANSE_UNITY (dev and release) a room's sources are compiled in a few batches, which is three times as fast:
# most of the time goes into headers that they share. So a name means one thing in a room, in its unnamed namespaces too;
# the sanitizers' presets compile file by file, and find what a file forgot to include. A room that is COLD waits for
# people, networks and containers: it is optimised less, and compiled sooner.
include(GoogleTest)

function(hanse_library name)
  cmake_parse_arguments(arg "COLD" "" "DEPENDS;TEST_PROPERTIES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")

  if(sources)
    add_library(hanse_${name} STATIC ${sources})
    set(scope PUBLIC)
  else()
    add_library(hanse_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(hanse::${name} ALIAS hanse_${name})
  set_target_properties(hanse_${name} PROPERTIES UNITY_BUILD ${HANSE_UNITY} UNITY_BUILD_BATCH_SIZE 16)
  if(arg_COLD)
    target_compile_options(hanse_${name} PRIVATE $<$<CONFIG:RelWithDebInfo>:-O1>)
  endif()
  target_include_directories(hanse_${name} ${scope} ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(hanse_${name} ${scope} ${arg_DEPENDS})

  if(tests)
    add_executable(${name}_tests ${tests})
    target_link_libraries(${name}_tests PRIVATE hanse::${name} GTest::gtest GTest::gmock GTest::gtest_main)
    gtest_discover_tests(${name}_tests TEST_PREFIX "${name}." DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 300
                         ${arg_TEST_PROPERTIES})
  endif()
endfunction()

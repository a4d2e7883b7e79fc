# What every target is compiled with: warnings as errors, and ccache and mold where the machine has them.
add_compile_options(-Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor
                    -Woverloaded-virtual -Wimplicit-fallthrough)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports false positives from inlined std::vector and std::string code with these.
  add_compile_options(-Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread -Wno-array-bounds
                      -Wno-maybe-uninitialized -Wno-dangling-pointer)
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # libstdc++ 12's own std::stable_sort uses what libstdc++ 12 deprecates; GCC does not say so, clang does.
  add_compile_options(-Wno-deprecated-declarations)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  # Relative paths and no build folder in the hash: a fresh clone and another preset's folder find what is cached.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

if(HANSE_SANITIZE)
  add_compile_options(-fsanitize=${HANSE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${HANSE_SANITIZE})
endif()
if(HANSE_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()

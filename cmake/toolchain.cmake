# What every target is compiled with: warnings, and ccache and mold where the machine has them. Warnings are errors in the
# developers' presets alone: another compiler than theirs has other ones, and must build all the same.
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor
                    -Woverloaded-virtual -Wimplicit-fallthrough)
if(HANSE_WARNINGS_ARE_ERRORS)
  add_compile_options(-Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports false positives from inlined std::vector and std::string code with these.
  add_compile_options(-Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread -Wno-array-bounds
                      -Wno-maybe-uninitialized -Wno-dangling-pointer)
  if(HANSE_UNITY)
    add_compile_options(-Wno-subobject-linkage)  # a batch includes sources, and GCC takes what is included for headers
  endif()
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
  if(HANSE_SANITIZE MATCHES thread AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    add_compile_options(-Wno-tsan)  # asio's fences, which it does not follow
  endif()
  add_link_options(-fsanitize=${HANSE_SANITIZE})
endif()
if(HANSE_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()

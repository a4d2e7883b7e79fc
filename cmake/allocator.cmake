# hanse_allocator: jemalloc, for programs that hold a ledger. Its millions of small records are what glibc's malloc does
# worst; huge pages spare most of their TLB misses (docs/performance.md has the measurements). Sanitizers bring their
# own allocator.
add_library(hanse_allocator INTERFACE)
if(NOT HANSE_SANITIZE)
  find_library(JEMALLOC jemalloc REQUIRED)
  target_sources(hanse_allocator INTERFACE ${CMAKE_CURRENT_LIST_DIR}/allocator.cpp)
  target_compile_definitions(hanse_allocator INTERFACE HANSE_JEMALLOC)
  target_link_libraries(hanse_allocator INTERFACE ${JEMALLOC})
endif()

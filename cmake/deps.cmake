# What loci stands on, as the target loci::deps: for its own build, and for programs that link the static library.
# oneDNN is looked up by its files: the CMake package it installs demands the OpenCL headers, which a CPU build has no
# use for.  OpenMP is the compiler's own runtime: libgomp with gcc, which oneDNN uses too; libomp with clang, which then
# serves oneDNN's calls as well, so there is one pool of threads either way.
find_package(PkgConfig REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS C)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_path(DNNL_INCLUDE_DIR dnnl.h REQUIRED)
find_library(DNNL_LIBRARY dnnl REQUIRED)
set(loci_requires jansson libpcre2-8 libutf8proc libjpeg libpng libwebp libxxhash)
if(LOCI_SHOW)
  list(APPEND loci_requires cairo)
endif()
if(LOCI_STORE)
  list(APPEND loci_requires sqlite3)
endif()
pkg_check_modules(LOCI_DEPS REQUIRED IMPORTED_TARGET ${loci_requires})
if(NOT TARGET loci::deps)
  add_library(loci::deps INTERFACE IMPORTED)
  target_include_directories(loci::deps SYSTEM INTERFACE ${DNNL_INCLUDE_DIR})
  target_link_libraries(loci::deps INTERFACE PkgConfig::LOCI_DEPS ${DNNL_LIBRARY} OpenMP::OpenMP_C Threads::Threads m)
endif()

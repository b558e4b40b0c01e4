# Tests.  Every src/**/x_test.c and tests/x_test.c is a cmocka program and a ctest named x_test; every fuzz/fuzz_x.c
# is a libFuzzer program in the fuzz preset, and elsewhere a ctest that replays fuzz/corpus/x.
find_package(cmocka REQUIRED)
string(FIND "${CMAKE_C_FLAGS}" "-fsanitize" sanitized_at)

# Checkpoints of any size, for benchmarks and tests; not installed.
add_executable(make_checkpoint tools/make_checkpoint/main.c tools/make_checkpoint/tensors.c
  tools/make_checkpoint/configs.c tools/make_checkpoint/write.c)
target_include_directories(make_checkpoint PRIVATE include src)
target_compile_definitions(make_checkpoint PRIVATE LOCI_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
target_link_libraries(make_checkpoint PRIVATE loci_static OpenMP::OpenMP_C m)

# How often intervals hold the truth (docs/MATH.md); not installed.
add_executable(coverage bench/coverage.c)
target_include_directories(coverage PRIVATE include src)
target_link_libraries(coverage PRIVATE loci_static OpenMP::OpenMP_C m)

# What weights in blocks cost (docs/BENCHMARKS.md); not installed.
add_executable(blocks bench/blocks.c)
target_include_directories(blocks PRIVATE include src)
target_link_libraries(blocks PRIVATE loci_static OpenMP::OpenMP_C m)

# How often screened traces run the strongest cells (docs/MATH.md); not installed.  A few questions are a test.
add_executable(screening bench/screening.c)
target_include_directories(screening PRIVATE include)
target_link_libraries(screening PRIVATE loci_static)
add_test(NAME screening COMMAND screening ${PROJECT_SOURCE_DIR}/models/flags ${PROJECT_SOURCE_DIR}/models/flags/data/trace.jsonl 2 77)

# Failing allocations: a test named *_oom_test.c gets tests/failing_malloc.c between itself and the C library.
set(wrapped malloc calloc realloc reallocarray strdup strndup posix_memalign aligned_alloc fsync)
list(TRANSFORM wrapped PREPEND "-Wl,--wrap=")

# Failing calls of the library: the linker puts the test between a study and what it calls.
set(struck loci_examples_next loci_examples_sample model_hash loci_prompt_new corruption_make walk_run db_prepare db_step db_exec)
list(TRANSFORM struck PREPEND "-Wl,--wrap=")

file(GLOB_RECURSE tests CONFIGURE_DEPENDS src/*_test.c tests/*_test.c)
foreach(test ${tests})
  get_filename_component(name ${test} NAME_WE)
  add_executable(${name} ${test})
  target_include_directories(${name} PRIVATE src tests)
  target_compile_options(${name} PRIVATE -include ${PROJECT_SOURCE_DIR}/tests/fail_is_final.h
    $<$<NOT:$<CONFIG:Debug>>:-O1>      # tests only: optimising them takes longer than it saves,
    $<$<CONFIG:RelWithDebInfo>:-g0>)   # and so does writing where each line is; sanitizers and Debug keep it
  target_link_options(${name} PRIVATE $<$<CONFIG:RelWithDebInfo>:-Wl,-S>)
  target_compile_definitions(${name} PRIVATE LOCI_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
    MAKE_CHECKPOINT="$<TARGET_FILE:make_checkpoint>")
  target_link_libraries(${name} PRIVATE loci_static cmocka m)
  if(name MATCHES "_oom_test$")
    target_sources(${name} PRIVATE tests/failing_malloc.c)
    target_link_libraries(${name} PRIVATE PkgConfig::LOCI_DEPS)
    target_link_options(${name} PRIVATE ${wrapped})
  elseif(name STREQUAL "study_fault_test")
    target_link_options(${name} PRIVATE ${struck})
  elseif(name STREQUAL "gguf_model_test")
    target_sources(${name} PRIVATE tests/gguf_written.c)
  elseif(name MATCHES "^(stranger|changed_stores)_test$")
    target_link_libraries(${name} PRIVATE PkgConfig::LOCI_DEPS OpenMP::OpenMP_C) # stores made by SQLite itself
  endif()
  add_test(NAME ${name} COMMAND ${name})
endforeach()

# What ThreadSanitizer has to report (tools/tsan.sh).
add_executable(tsan_control tests/tsan_control.c)
target_link_libraries(tsan_control PRIVATE loci_static Threads::Threads m)

add_dependencies(memory_test make_checkpoint)
add_dependencies(save_stop_test make_checkpoint)
target_link_libraries(threads_test PRIVATE OpenMP::OpenMP_C)

file(GLOB fuzzers CONFIGURE_DEPENDS fuzz/fuzz_*.c)
foreach(fuzzer ${fuzzers})
  get_filename_component(name ${fuzzer} NAME_WE)
  add_executable(${name} ${fuzzer})
  target_include_directories(${name} PRIVATE src)
  target_compile_definitions(${name} PRIVATE LOCI_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE loci_static m)
  if(name STREQUAL "fuzz_page")
    target_include_directories(${name} PRIVATE programs)
    target_sources(${name} PRIVATE programs/serve/form.c programs/serve/gate.c)
  endif()
  if(LOCI_FUZZ)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    continue()
  endif()
  target_sources(${name} PRIVATE fuzz/replay_main.c)
  string(REGEX REPLACE "^fuzz_" "" corpus ${name})
  if(EXISTS ${PROJECT_SOURCE_DIR}/fuzz/corpus/${corpus})
    add_test(NAME ${name}_replay COMMAND ${name} ${PROJECT_SOURCE_DIR}/fuzz/corpus/${corpus})
  endif()
endforeach()

# The source tree itself, and what is installed.
add_test(NAME check_includes COMMAND ${PROJECT_SOURCE_DIR}/tools/check_includes.sh)
add_test(NAME check_circles COMMAND ${PROJECT_SOURCE_DIR}/tools/check_circles.sh ${PROJECT_BINARY_DIR})
add_test(NAME check_docs COMMAND ${PROJECT_SOURCE_DIR}/tools/check_docs.sh $<TARGET_FILE:loci>)
add_test(NAME completion COMMAND ${PROJECT_SOURCE_DIR}/tests/completion.sh ${PROJECT_BINARY_DIR})
if(sanitized_at EQUAL -1)
  add_test(NAME exports COMMAND ${PROJECT_SOURCE_DIR}/tests/exports.sh $<TARGET_FILE:loci_shared>)
  add_test(NAME install COMMAND ${PROJECT_SOURCE_DIR}/tests/installed.sh ${PROJECT_BINARY_DIR} ${PROJECT_SOURCE_DIR} ${CMAKE_COMMAND}
    ${CMAKE_C_COMPILER})
endif()

# The program, as people call it: tests/cli/test_x.sh is the ctest cli_x.  And the examples, which must build.
file(GLOB cli_tests CONFIGURE_DEPENDS tests/cli/test_*.sh)
foreach(test ${cli_tests})
  string(REGEX REPLACE "^.*/test_(.*)\\.sh$" "cli_\\1" name ${test})
  add_test(NAME ${name} COMMAND bash ${test} $<TARGET_FILE:loci> ${PROJECT_SOURCE_DIR})
endforeach()

# Commands that are refused an allocation; the sanitizers have allocations of their own.
if(sanitized_at EQUAL -1)
  add_library(refuse_nth MODULE tests/refuse_nth.c)
  set_target_properties(refuse_nth PROPERTIES C_VISIBILITY_PRESET default)
  add_test(NAME refused COMMAND bash ${PROJECT_SOURCE_DIR}/tests/refused.sh $<TARGET_FILE:loci> ${PROJECT_SOURCE_DIR}
    $<TARGET_FILE:refuse_nth>)
endif()

# Walks on a device; skipped where there is none.  Compiled kernels are kept in the build folder.
if(LOCI_HAS_OPENCL AND sanitized_at EQUAL -1)
  foreach(name oracle_forward oracle_trace oracle_knockout oracle_flow oracle_lens oracle_spans oracle_edit oracle_attribution)
    add_test(NAME device_${name} COMMAND ${PROJECT_SOURCE_DIR}/tests/on_device.sh $<TARGET_FILE:loci> ${PROJECT_SOURCE_DIR}
      $<TARGET_FILE:${name}_test>)
    list(APPEND device_tests device_${name})
  endforeach()
  foreach(shim tests/fail_cl.c bench/time_cl.c) # preloaded; time_cl is bench/device.sh's
    get_filename_component(name ${shim} NAME_WE)
    add_library(${name} MODULE ${shim})
    set_target_properties(${name} PROPERTIES C_VISIBILITY_PRESET default)
    target_include_directories(${name} SYSTEM PRIVATE ${OPENCL_INCLUDE_DIR})
    target_compile_options(${name} PRIVATE -Wno-missing-prototypes -Wno-pedantic)
  endforeach()
  add_test(NAME device_faults COMMAND ${PROJECT_SOURCE_DIR}/tests/device_faults.sh $<TARGET_FILE:loci> ${PROJECT_SOURCE_DIR}
    $<TARGET_FILE:fail_cl> $<TARGET_FILE:make_checkpoint>)
  add_test(NAME device_bytes COMMAND ${PROJECT_SOURCE_DIR}/tests/device_bytes.sh $<TARGET_FILE:loci> ${PROJECT_SOURCE_DIR}
    $<TARGET_FILE:make_checkpoint> $<TARGET_FILE:fail_cl>)
  list(APPEND device_tests device_faults device_bytes)
  find_program(PYTHON python3)
  if(PYTHON)
    add_test(NAME device_families COMMAND ${PYTHON} ${PROJECT_SOURCE_DIR}/tests/device_families.py $<TARGET_FILE:loci>
      ${PROJECT_SOURCE_DIR})
    list(APPEND device_tests device_families)
  endif()
  set_tests_properties(${device_tests} PROPERTIES SKIP_RETURN_CODE 77 LABELS slow RESOURCE_LOCK device
    ENVIRONMENT POCL_CACHE_DIR=${PROJECT_BINARY_DIR}/pocl)
endif()

# A study shared by processes; skipped where there is no MPI.
add_test(NAME mpi COMMAND ${PROJECT_SOURCE_DIR}/tests/mpi.sh $<TARGET_FILE:loci> ${PROJECT_SOURCE_DIR})
set_tests_properties(mpi PROPERTIES SKIP_RETURN_CODE 77)

# A written edit in transformers; skipped where there is none.
add_test(NAME reproduce COMMAND ${PROJECT_SOURCE_DIR}/tests/reproduce.sh $<TARGET_FILE:loci> ${PROJECT_SOURCE_DIR})
add_test(NAME transformers COMMAND ${PROJECT_SOURCE_DIR}/tests/transformers.sh $<TARGET_FILE:loci> ${PROJECT_SOURCE_DIR})
set_tests_properties(transformers PROPERTIES SKIP_RETURN_CODE 77)

# Other programs beside loci; skipped where there is no torch with transformers.
if(sanitized_at EQUAL -1)
  add_test(NAME peers COMMAND ${PROJECT_SOURCE_DIR}/tests/peers.sh $<TARGET_FILE:loci_shared> ${PROJECT_SOURCE_DIR})
  set_tests_properties(peers PROPERTIES SKIP_RETURN_CODE 77)
endif()

# A real language model; skipped unless it has been fetched.
add_test(NAME real_model COMMAND ${PROJECT_SOURCE_DIR}/tests/real_model.sh $<TARGET_FILE:loci> ${PROJECT_SOURCE_DIR})
add_test(NAME eyes COMMAND ${PROJECT_SOURCE_DIR}/tests/eyes.sh $<TARGET_FILE:loci> ${PROJECT_SOURCE_DIR})
set_tests_properties(real_model eyes PROPERTIES SKIP_RETURN_CODE 77)

# The page in a browser; skipped where there is none, or no page.
find_program(PYTHON python3)
if(PYTHON)
  add_test(NAME page COMMAND ${PYTHON} ${PROJECT_SOURCE_DIR}/tests/page/test_page.py $<TARGET_FILE:loci> ${PROJECT_SOURCE_DIR})
  add_test(NAME page_requests COMMAND ${PYTHON} ${PROJECT_SOURCE_DIR}/tests/page/odd_requests.py $<TARGET_FILE:loci>
    ${PROJECT_SOURCE_DIR})
  add_test(NAME page_store COMMAND ${PYTHON} ${PROJECT_SOURCE_DIR}/tests/page/test_store.py $<TARGET_FILE:loci>
    ${PROJECT_SOURCE_DIR})
  add_test(NAME page_parts COMMAND ${PYTHON} ${PROJECT_SOURCE_DIR}/tests/page/test_parts.py $<TARGET_FILE:loci>
    ${PROJECT_SOURCE_DIR})
  add_test(NAME page_api COMMAND ${PYTHON} ${PROJECT_SOURCE_DIR}/tests/page/test_api.py $<TARGET_FILE:loci> ${PROJECT_SOURCE_DIR})
  add_test(NAME page_links COMMAND ${PYTHON} ${PROJECT_SOURCE_DIR}/tests/page/test_links.py $<TARGET_FILE:loci>
    ${PROJECT_SOURCE_DIR})
  set_tests_properties(page page_api page_links page_parts page_requests page_store PROPERTIES SKIP_RETURN_CODE 77)
endif()
set_tests_properties(cli_serve cli_memory_limit PROPERTIES SKIP_RETURN_CODE 77)

# The Python package; skipped where there is no Python with NumPy and pytest.
if(sanitized_at EQUAL -1)
  add_test(NAME python COMMAND ${PROJECT_SOURCE_DIR}/tests/python.sh $<TARGET_FILE:loci> $<TARGET_FILE:loci_shared>
    ${PROJECT_SOURCE_DIR})
  set_tests_properties(python PROPERTIES SKIP_RETURN_CODE 77)
endif()

file(GLOB examples CONFIGURE_DEPENDS examples/*.c)
foreach(example ${examples})
  get_filename_component(name ${example} NAME_WE)
  add_executable(example_${name} ${example})
  target_link_libraries(example_${name} PRIVATE loci_static m)
endforeach()

# The longest begin first, so that none is left alone at the end.
set_tests_properties(edit_oom_test cli_edit_sets cli_store mpi PROPERTIES COST 100)

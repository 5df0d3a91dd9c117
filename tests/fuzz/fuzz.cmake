# Every tests/fuzz/fuzz_NAME.cpp is a program of that name and a short ctest `fuzz.NAME`. Run one
# for longer, best under the sanitize preset: build/sanitize/tests/fuzz_gguf --seconds 3600
# Ten minutes of each, one after another:
#     for fuzz in build/sanitize/tests/fuzz_*; do "$fuzz" --seconds 600 || break; done
file(GLOB fuzz_targets CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/fuzz_*.cpp)
foreach(source ${fuzz_targets})
    get_filename_component(target ${source} NAME_WE)
    string(REPLACE "fuzz_" "fuzz." test ${target})
    add_executable(${target} ${source} ${CMAKE_CURRENT_LIST_DIR}/standalone.cpp
                   ${CMAKE_CURRENT_SOURCE_DIR}/support/files/gguf_writer.cpp)
    target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR})
    target_link_libraries(${target} PRIVATE compute_model compute_document compute_core
                          longscope_warnings)
    target_compile_definitions(${target} PRIVATE LONGSCOPE_TEST_DATA="${LONGSCOPE_TEST_DATA}")
    add_dependencies(${target} longscope-pdf)
    add_test(NAME ${test} COMMAND ${target} --seconds 5)
    set_tests_properties(${test} PROPERTIES TIMEOUT 60)
endforeach()

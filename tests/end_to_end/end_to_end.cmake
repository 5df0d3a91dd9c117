# Every function test_NAME of a script here is a ctest `end_to_end.SCRIPT.NAME`, which runs the real
# program with the default model (the user's own copy, as app/setup.sh fetched it).
file(GLOB end_to_end_scripts CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*_test.sh)
foreach(script ${end_to_end_scripts})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${script})
    get_filename_component(topic ${script} NAME_WE)
    string(REPLACE "_test" "" topic ${topic})
    file(STRINGS ${script} cases REGEX "^test_[a-zA-Z0-9]+\\(\\)")
    foreach(case ${cases})
        string(REGEX REPLACE "^test_([a-zA-Z0-9]+).*" "\\1" case ${case})
        set(test end_to_end.${topic}.${case})
        add_test(NAME ${test} COMMAND bash ${CMAKE_CURRENT_LIST_DIR}/support.sh ${script} test_${case})
        set_tests_properties(${test} PROPERTIES
            TIMEOUT 300 LABELS end_to_end SKIP_RETURN_CODE 77
            ENVIRONMENT "LONGSCOPE=$<TARGET_FILE:longscope>;LONGSCOPE_SOURCE=${CMAKE_SOURCE_DIR}")
        if(topic STREQUAL "border")
            set_property(TEST ${test} APPEND PROPERTY ENVIRONMENT
                "LONGSCOPE_UI_INCLUDES=$<JOIN:$<TARGET_PROPERTY:ui,INCLUDE_DIRECTORIES>,:>"
                "LONGSCOPE_CXX=${CMAKE_CXX_COMPILER}")
        endif()
        if(topic MATCHES "^(interrupt|window)$") # measure time: nothing beside them
            set_tests_properties(${test} PROPERTIES RUN_SERIAL ON)
        endif()
    endforeach()
endforeach()

# The fuzz entries under the sanitizers, which tests/run.sh has built by now.
get_filename_component(preset ${CMAKE_BINARY_DIR} NAME)
if(preset STREQUAL "release")
    add_test(NAME sanitized_fuzz
             COMMAND ${CMAKE_CTEST_COMMAND} --test-dir ${CMAKE_SOURCE_DIR}/build/sanitize
                     -R "^fuzz" --no-tests=error --output-on-failure)
    set_tests_properties(sanitized_fuzz PROPERTIES TIMEOUT 600)
endif()

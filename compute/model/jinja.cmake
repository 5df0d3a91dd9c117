# The Jinja library behind chat templates: sources of llama.cpp (MIT licence) that app/setup.sh
# unpacks, built unchanged and without our warnings.
set(jinja_common ${LONGSCOPE_THIRD_PARTY}/jinja/common)
set(jinja_sources)
foreach(file jinja/lexer.cpp jinja/parser.cpp jinja/runtime.cpp jinja/string.cpp jinja/value.cpp
        json.cpp unicode.cpp)
    if(NOT EXISTS ${jinja_common}/${file})
        message(FATAL_ERROR "The sources of the chat template library are missing: "
                "${jinja_common}/${file}. Run app/setup.sh once; it fetches and unpacks them.")
    endif()
    list(APPEND jinja_sources ${jinja_common}/${file})
endforeach()

# json.cpp wants one macro of ggml.h and nothing else.
set(jinja_stub ${CMAKE_BINARY_DIR}/jinja_stub)
file(CONFIGURE OUTPUT ${jinja_stub}/ggml.h CONTENT
"#pragma once
#include <cstdlib>
#define GGML_ASSERT(x) do { if (!(x)) std::abort(); } while (0)
")

add_library(longscope_jinja STATIC ${jinja_sources})
# Never common/jinja itself: its string.h would hide the system's.
target_include_directories(longscope_jinja SYSTEM PUBLIC ${jinja_common})
target_include_directories(longscope_jinja SYSTEM PRIVATE ${jinja_stub})
target_link_libraries(longscope_jinja PRIVATE nlohmann_json::nlohmann_json)
target_compile_options(longscope_jinja PRIVATE -w)

target_link_libraries(compute_model PRIVATE longscope_jinja)

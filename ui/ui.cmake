# The panels. They see the arithmetic of attention and their own snapshot and commands; an include of
# the engine, of documents or of Vulkan does not build.
file(GLOB ui_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/ui/*.cpp ${CMAKE_SOURCE_DIR}/ui/panels/*.cpp
     ${CMAKE_SOURCE_DIR}/ui/widgets/*.cpp)
list(REMOVE_ITEM ui_sources ${CMAKE_SOURCE_DIR}/ui/theme.cpp)
set(ui_view ${CMAKE_BINARY_DIR}/rooms/ui)
file(MAKE_DIRECTORY ${ui_view})
file(CREATE_LINK ${CMAKE_SOURCE_DIR}/ui ${ui_view}/ui SYMBOLIC)

# What panels and those who answer them share: headers alone.
add_library(ui_contract INTERFACE)
target_include_directories(ui_contract INTERFACE ${ui_view})
target_link_libraries(ui_contract INTERFACE compute_core compute_attention)

# ui_library(NAME SUFFIX): SUFFIX of the imgui variant
function(ui_library name suffix)
    add_library(${name} STATIC ${ui_sources})
    target_link_libraries(${name} PUBLIC ui_contract ui_theme${suffix} imgui${suffix}
                          PRIVATE longscope_warnings)
endfunction()

ui_library(ui "")
if(LONGSCOPE_TESTS)
    ui_library(ui_tested _tested)
endif()

# Dear ImGui with docking, ImPlot, the Markdown view, the command palette and the file dialogs: sources
# that app/setup.sh unpacks, built unchanged and without our warnings. Each library comes in two
# variants: NAME for the program, NAME_tested with the hooks of the test engine (its licence is not
# MIT: for the tests alone).
foreach(folder imgui implot imgui_rich_md imgui_command_palette portable_file_dialogs)
    if(NOT IS_DIRECTORY ${LONGSCOPE_THIRD_PARTY}/${folder})
        message(FATAL_ERROR "The sources of the window are missing: ${LONGSCOPE_THIRD_PARTY}/${folder}. "
                "Run app/setup.sh once; it fetches and unpacks them.")
    endif()
endforeach()

pkg_check_modules(FREETYPE REQUIRED IMPORTED_TARGET freetype2)
pkg_check_modules(FONTCONFIG REQUIRED IMPORTED_TARGET fontconfig)
pkg_check_modules(GLFW REQUIRED IMPORTED_TARGET glfw3>=3.3)
pkg_check_modules(PNG REQUIRED IMPORTED_TARGET libpng)

# The one setting that is ours, seen as "ui/imgui_config.h" and nothing else of ui.
set(imgui_config_view ${CMAKE_BINARY_DIR}/rooms/imgui_config)
file(MAKE_DIRECTORY ${imgui_config_view}/ui)
file(CREATE_LINK ${CMAKE_SOURCE_DIR}/ui/imgui_config.h ${imgui_config_view}/ui/imgui_config.h SYMBOLIC)

# imgui_library(NAME [DEFINES...]): all that draws, without a backend.
function(imgui_library name)
    set(imgui ${LONGSCOPE_THIRD_PARTY}/imgui)
    set(implot ${LONGSCOPE_THIRD_PARTY}/implot)
    set(rich_md ${LONGSCOPE_THIRD_PARTY}/imgui_rich_md)
    set(palette ${LONGSCOPE_THIRD_PARTY}/imgui_command_palette)
    add_library(${name} STATIC
        ${imgui}/imgui.cpp ${imgui}/imgui_draw.cpp ${imgui}/imgui_tables.cpp
        ${imgui}/imgui_widgets.cpp ${imgui}/imgui_stacklayout.cpp
        ${imgui}/misc/freetype/imgui_freetype.cpp ${imgui}/misc/cpp/imgui_stdlib.cpp
        ${implot}/implot.cpp ${implot}/implot_items.cpp
        ${rich_md}/imgui_rich_md/rich_md.cpp ${rich_md}/imgui_rich_md/narrative_programming.cpp
        ${rich_md}/imgui_rich_md/internal/rich_md_renderer.cpp
        ${rich_md}/imgui_rich_md/internal/rich_md_search.cpp
        ${rich_md}/imgui_rich_md/third_party/stb_image_impl.cpp ${rich_md}/md4c/md4c.c
        ${palette}/imcmd_command_palette.cpp ${palette}/imcmd_fuzzy_search.cpp)
    target_include_directories(${name} SYSTEM PUBLIC ${imgui_config_view} ${imgui}
        ${imgui}/misc/cpp ${implot} ${rich_md} ${palette}
        ${LONGSCOPE_THIRD_PARTY}/portable_file_dialogs)
    target_include_directories(${name} SYSTEM PRIVATE ${rich_md}/md4c)
    # Its own copy of md4c under another name: the documents use the system's.
    target_compile_definitions(${name} PUBLIC IMGUI_USER_CONFIG="ui/imgui_config.h" ${ARGN}
                               PRIVATE md_parse=rich_md_md_parse)
    target_compile_options(${name} PRIVATE -w -O2)
    target_link_libraries(${name} PUBLIC PkgConfig::FREETYPE)
endfunction()

# What presents it: Vulkan and GLFW.
function(imgui_backends name imgui_name)
    set(backends ${LONGSCOPE_THIRD_PARTY}/imgui/backends)
    add_library(${name} STATIC ${backends}/imgui_impl_vulkan.cpp ${backends}/imgui_impl_glfw.cpp)
    target_include_directories(${name} SYSTEM PUBLIC ${backends})
    target_compile_options(${name} PRIVATE -w -O2)
    target_link_libraries(${name} PUBLIC ${imgui_name} Vulkan::Vulkan PkgConfig::GLFW)
endfunction()

# The theme is a room of its own: the presenter sees it and no panel.
set(theme_view ${CMAKE_BINARY_DIR}/rooms/ui_theme)
file(MAKE_DIRECTORY ${theme_view}/ui)
file(CREATE_LINK ${CMAKE_SOURCE_DIR}/ui/theme.h ${theme_view}/ui/theme.h SYMBOLIC)
function(theme_library name imgui_name)
    add_library(${name} STATIC ${CMAKE_SOURCE_DIR}/ui/theme.cpp)
    target_include_directories(${name} PUBLIC ${theme_view})
    target_link_libraries(${name} PUBLIC ${imgui_name} PRIVATE compute_core longscope_warnings)
endfunction()

imgui_library(imgui)
imgui_backends(imgui_backends imgui)
theme_library(ui_theme imgui)

if(LONGSCOPE_TESTS)
    set(test_engine ${LONGSCOPE_THIRD_PARTY}/imgui_test_engine)
    imgui_library(imgui_tested LONGSCOPE_TEST_ENGINE)
    file(GLOB test_engine_sources ${test_engine}/imgui_test_engine/*.cpp)
    target_sources(imgui_tested PRIVATE ${test_engine_sources}
        ${LONGSCOPE_THIRD_PARTY}/imgui/imgui_demo.cpp)
    target_include_directories(imgui_tested SYSTEM PUBLIC ${test_engine}
                               ${test_engine}/imgui_test_engine)
    target_link_libraries(imgui_tested PUBLIC Threads::Threads)
    imgui_backends(imgui_backends_tested imgui_tested)
    theme_library(ui_theme_tested imgui_tested)
endif()

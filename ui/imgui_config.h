// The settings of Dear ImGui and ImPlot (IMGUI_USER_CONFIG): every file that includes their headers
// must see the same ones, because they change structures. The variant for the tests alone has the
// hooks of the test engine.
#pragma once

#define IMGUI_USE_WCHAR32 // signs above U+FFFF
#define IMGUI_ENABLE_FREETYPE
#define IMGUI_DISABLE_OBSOLETE_FUNCTIONS
#define IMGUI_DISABLE_DEFAULT_SHELL_FUNCTIONS // nothing that is drawn may start a program

// The types that plots take: each one more costs many seconds of compiling.
#define IMPLOT_CUSTOM_NUMERIC_TYPES (float)(double)

#ifdef LONGSCOPE_TEST_ENGINE
#define IMGUI_ENABLE_TEST_ENGINE
#define IMGUI_TEST_ENGINE_ENABLE_COROUTINE_STDTHREAD_IMPL 1
#define IMGUI_TEST_ENGINE_ENABLE_IMPLOT 1
#define IMGUI_TEST_ENGINE_ENABLE_STD_FUNCTION 1
#endif

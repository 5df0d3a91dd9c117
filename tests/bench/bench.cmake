# Speed of single kernels, run by hand:
#     kernel_bench [matmul] [matvec] [experts] [prefill] [decode] [patterns] [recurrent] [tiles]
#                  [wall]
# patterns: all, or those that are named too, with both cache types or one: patterns f16 strided:90
add_executable(kernel_bench ${CMAKE_CURRENT_LIST_DIR}/kernel_bench.cpp
               ${CMAKE_CURRENT_LIST_DIR}/attention_bench.cpp
               ${CMAKE_CURRENT_LIST_DIR}/experts_bench.cpp
               ${CMAKE_CURRENT_LIST_DIR}/recurrent_bench.cpp)
target_include_directories(kernel_bench PRIVATE ${CMAKE_SOURCE_DIR})
target_link_libraries(kernel_bench PRIVATE compute_core compute_gpu compute_engine longscope_shaders
                      longscope_warnings)

# What the window costs: times of frames, the idle processor, how soon Stop is obeyed; by hand.
add_executable(window_bench ${CMAKE_CURRENT_LIST_DIR}/window_bench.cpp
               ${CMAKE_SOURCE_DIR}/tests/panels/harness/real_window.cpp)
target_include_directories(window_bench PRIVATE ${CMAKE_SOURCE_DIR})
target_link_libraries(window_bench PRIVATE app_view Threads::Threads longscope_warnings)

# Which measure chooses the better key sentences, with a model: results/key_sentences.md.
add_executable(key_sentences_bench ${CMAKE_CURRENT_LIST_DIR}/key_sentences_bench.cpp)
target_include_directories(key_sentences_bench PRIVATE ${CMAKE_SOURCE_DIR})
target_link_libraries(key_sentences_bench PRIVATE compute_core compute_gpu compute_engine
                      compute_document compute_reading longscope_warnings)

# How often retrieval finds what was planted, by words, by vectors and by both; by hand.
add_executable(retrieval_bench ${CMAKE_CURRENT_LIST_DIR}/retrieval_bench.cpp
               ${CMAKE_SOURCE_DIR}/tests/support/retrieval/planted_facts.cpp)
target_include_directories(retrieval_bench PRIVATE ${CMAKE_SOURCE_DIR})
target_compile_definitions(retrieval_bench PRIVATE LONGSCOPE_TEST_DATA="${LONGSCOPE_TEST_DATA}")
target_link_libraries(retrieval_bench PRIVATE compute_reading longscope_shaders longscope_warnings)

# What replies cost that are written together; by hand.
add_executable(together_bench ${CMAKE_CURRENT_LIST_DIR}/together_bench.cpp)
target_include_directories(together_bench PRIVATE ${CMAKE_SOURCE_DIR})
target_link_libraries(together_bench PRIVATE compute_engine longscope_shaders longscope_warnings)

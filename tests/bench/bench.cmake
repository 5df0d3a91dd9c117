# Speed of single kernels, run by hand:
#     kernel_bench [matmul] [matvec] [prefill] [decode] [patterns] [tiles] [wall]
add_executable(kernel_bench ${CMAKE_CURRENT_LIST_DIR}/kernel_bench.cpp
               ${CMAKE_CURRENT_LIST_DIR}/attention_bench.cpp)
target_include_directories(kernel_bench PRIVATE ${CMAKE_SOURCE_DIR})
target_link_libraries(kernel_bench PRIVATE compute_core compute_gpu compute_engine longscope_shaders
                      longscope_warnings)

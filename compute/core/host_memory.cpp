#include "compute/core/host_memory.h"

#include <fstream>
#include <string>

namespace longscope {

uint64_t availableHostBytes() {
    std::ifstream file("/proc/meminfo");
    std::string name;
    for (uint64_t kibibytes = 0; file >> name >> kibibytes; file.ignore(80, '\n'))
        if (name == "MemAvailable:")
            return kibibytes * 1024;
    return UINT64_MAX;
}

} // namespace longscope

// `longscope selftest`: every kernel against its CPU twin on this machine.
#include "app/commands/commands.h"
#include "app/json_output.h"
#include "app/kernel_checks.h"
#include "compute/core/error.h"

#include <cstdlib>
#include <format>

namespace longscope::app {
namespace {

void printCheck(std::string_view family, const KernelCheck &check) {
    std::string line =
        std::format("{:<6} {:<9} {:<28} {:>2} cases, largest error {:>5.1f} % of what is allowed\n",
                    check.failure.empty() ? "ok" : "FAILED", family, check.kernel, check.cases,
                    100 * check.worst);
    if (!check.failure.empty())
        line += "       " + check.failure + "\n";
    printOut(line);
}

} // namespace

int runSelftest(const Options &options, std::stop_token stop) {
    gpu::Device device({.wanted = options.device});
    const gpu::DeviceFacts &facts = device.facts();
    if (!options.json)
        printOut(std::format("{}, {} {}\n", facts.name, facts.driver, facts.driver_info));
    unsigned kernels = 0, failed = 0;
    nlohmann::json list = nlohmann::json::array();
    for (engine::KernelFamily family : familiesToCheck(facts, options.kernels)) {
        std::string_view name = engine::familyName(family);
        auto on_kernel = [&](const KernelCheck &check) {
            ++kernels;
            failed += !check.failure.empty();
            if (!options.json)
                printCheck(name, check);
            list.push_back({{"family", name},
                            {"kernel", check.kernel},
                            {"cases", check.cases},
                            {"passed", check.failure.empty()},
                            {"worst_share_of_allowed", check.worst},
                            {"failure", check.failure}});
        };
        checkKernels(device, family, on_kernel, stop);
    }
    if (options.json)
        printJson({{"device", facts.name}, {"kernels", list}, {"failed", failed}});
    if (failed == 0 && !options.json)
        printOut(std::format("all {} kernels agree with their twins\n", kernels));
    if (failed > 0)
        fail(ErrorKind::device, "{} of {} kernels are wrong on {}", failed, kernels, facts.name);
    return 0;
}

} // namespace longscope::app

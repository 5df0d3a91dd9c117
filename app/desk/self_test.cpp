#include "app/desk/self_test.h"

#include "app/file_facts.h"
#include "app/kernel_checks.h"
#include "compute/gpu/device.h"

#include <format>
#include <vector>

namespace longscope::app {
namespace {

using engine::KernelFamily;

std::string head(const gpu::DeviceFacts &facts) {
    return std::format("longscope self-test\ndevice: {}\ndriver: {} {}\nVulkan: {}\nsubgroup size: "
                       "{}, shared memory: {} bytes, 64-bit integers: {}\n\n",
                       facts.name, facts.driver, facts.driver_info, versionText(facts.api_version),
                       facts.subgroup_size, facts.shared_memory_bytes,
                       facts.has_int64 ? "yes" : "no");
}

std::string lineText(const ui::SelfTest::Line &line) {
    std::string text = std::format("{:<6} {:<40} {:>2} cases, largest error {:.1f} % of what is "
                                   "allowed\n",
                                   line.failure.empty() ? "ok" : "FAILED", line.kernel, line.cases,
                                   100 * line.worst);
    return line.failure.empty() ? text : text + "       " + line.failure + "\n";
}

std::string lastLine(const ui::SelfTest &test) {
    size_t failed = 0;
    for (const ui::SelfTest::Line &line : test.lines)
        failed += !line.failure.empty();
    return failed == 0 ? std::format("\nall {} kernels agree with their twins\n", test.lines.size())
                       : std::format("\n{} of {} kernels are wrong\n", failed, test.lines.size());
}

} // namespace

void runSelfTest(const std::string &wanted,
                 const std::function<void(const ui::SelfTest &)> &on_result, std::stop_token stop) {
    gpu::Device device({.wanted = wanted});
    std::vector<KernelFamily> families = familiesToCheck(device.facts(), "auto");
    ui::SelfTest test;
    test.running = true;
    test.report = head(device.facts());
    for (KernelFamily family : families)
        test.family += (test.family.empty() ? "" : ", ") + std::string(engine::familyName(family));
    on_result(test);
    for (KernelFamily family : families)
        checkKernels(
            device, family,
            [&](const KernelCheck &check) {
                ui::SelfTest::Line line{.kernel = check.kernel,
                                        .cases = check.cases,
                                        .worst = check.worst,
                                        .failure = check.failure};
                if (families.size() > 1) // the same kernel may be in both
                    line.kernel += std::format(" ({})", engine::familyName(family));
                test.report += lineText(line);
                test.lines.push_back(std::move(line));
                on_result(test);
            },
            stop);
    test.running = false;
    test.finished = true;
    test.report += lastLine(test);
    on_result(test);
}

} // namespace longscope::app

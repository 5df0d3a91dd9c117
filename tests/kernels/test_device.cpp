// The device of the tests, and the listener that turns validation messages into failures.
#include "tests/support/device.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace longscope::gpu {

namespace {

std::unique_ptr<Device> test_device; // NOLINT: ends with the environment below

class FailOnMessages : public testing::EmptyTestEventListener {
    void OnTestEnd(const testing::TestInfo &) override {
        if (!test_device)
            return;
        const std::vector<std::string> messages = test_device->validationMessages();
        for (; seen_ < messages.size(); seen_++)
            ADD_FAILURE() << "Vulkan validation: " << messages[seen_];
    }
    size_t seen_ = 0;
};

class EndDevice : public testing::Environment {
    void TearDown() override { test_device.reset(); }
};

[[maybe_unused]] const bool registered = [] {
    testing::UnitTest::GetInstance()->listeners().Append(new FailOnMessages); // gtest owns both
    testing::AddGlobalTestEnvironment(new EndDevice);
    return true;
}();

} // namespace

Device &testDevice() {
    if (!test_device) {
        const char *const wanted = std::getenv("LONGSCOPE_TEST_DEVICE");
        test_device = std::make_unique<Device>(
            DeviceOptions{.wanted = wanted ? wanted : "", .validation = true});
    }
    return *test_device;
}

} // namespace longscope::gpu

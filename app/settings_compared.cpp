#include "app/settings_compared.h"

namespace longscope::app {

std::vector<Setting> settingsOf(const Options &options) {
    std::vector<std::string> attentions = options.attention, ropes = options.rope;
    if (attentions.empty())
        attentions = {""};
    if (ropes.empty())
        ropes = {""};
    std::vector<Setting> settings;
    for (const std::string &rope : ropes)
        for (const std::string &attention : attentions) {
            Setting setting{.session = sessionOptions(options, attention, rope)};
            if (!attention.empty())
                setting.attention = attention;
            if (!rope.empty())
                setting.rope = rope;
            settings.push_back(std::move(setting));
        }
    return settings;
}

} // namespace longscope::app

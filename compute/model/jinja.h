// The border to the Jinja library: source and variables in, marked text out. Templates come from
// model files and are not trusted, so all of the work, parsing included, is done in a sandbox.
#pragma once

#include <string>
#include <vector>

namespace longscope::model {

struct TemplatePart {
    std::string text;
    bool is_content = false; ///< comes from the `content` of a message
};

struct TemplateVariables {
    std::string json;     ///< an object: `messages` and whatever else the template shall see
    std::string bos, eos; ///< bos_token and eos_token, unless the object has its own
    bool add_generation_prompt = true;
};

/// Neighbouring parts differ in is_content. Throws Error(model) with the library's message, which
/// holds line and column where it knows them.
std::vector<TemplatePart> renderTemplate(const std::string &source,
                                         const TemplateVariables &variables);

} // namespace longscope::model

// The scalar forward pass on small random models of every architecture: it runs, what the row of
// the table names matters, and what it does not name does not.
#include "tests/support/family_models.h"

#include "compute/model/tensor_list.h"
#include "compute/reference/forward.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

namespace longscope::testing {
namespace {

using model::Config;
using model::LayerConfig;

constexpr double kOther = 1e-5; // of what is not the same up to f32 rounding

struct Model {
    std::vector<std::byte> bytes;
    model::Gguf file;
    Config config;

    explicit Model(const GgufWriter &writer)
        : bytes(writer.build()), file(model::Gguf::parse(bytes, "family.gguf")),
          config(model::readConfig(file)) {}
    std::vector<float> logits(std::span<const int32_t> tokens) const {
        return reference::forward(file, config, tokens);
    }
};

std::vector<int32_t> someTokens(size_t count) {
    std::vector<int32_t> tokens;
    for (size_t i = 0; i < count; ++i)
        tokens.push_back(static_cast<int32_t>((i * 37 + 11) % 256));
    return tokens;
}

/// Root of the summed squares of the difference, over that of `b`.
double difference(std::span<const float> a, std::span<const float> b) {
    double error = 0, power = 0;
    for (size_t i = 0; i < b.size(); ++i) {
        auto x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
        error += (x - y) * (x - y);
        power += y * y;
    }
    return std::sqrt(error / power);
}

double rootMeanSquare(std::span<const float> x) {
    double sum = 0;
    for (float value : x)
        sum += static_cast<double>(value) * static_cast<double>(value);
    return std::sqrt(sum / static_cast<double>(x.size()));
}

struct Case {
    std::string architecture;
    FamilyVariant variant;
};
void PrintTo(const Case &which, std::ostream *out) {
    *out << which.architecture << " " << which.variant.name;
}

std::vector<Case> allCases() {
    std::vector<Case> cases;
    for (const Family &family : families())
        for (const FamilyVariant &variant : family.variants)
            cases.push_back({family.architecture, variant});
    return cases;
}
std::vector<Case> casesNamed(std::string_view name) {
    std::vector<Case> cases = allCases();
    std::erase_if(cases, [&](const Case &one) { return one.variant.name != name; });
    return cases;
}
std::string caseName(const ::testing::TestParamInfo<Case> &info) {
    std::string name = info.param.architecture + "_" + info.param.variant.name;
    std::ranges::replace_if(
        name, [](char c) { return c == '-' || c == '.'; }, '_');
    return name;
}

TEST(FamilyModels, EveryRowOfTheTableHasThem) {
    std::set<std::string> names;
    for (const Family &family : families()) {
        EXPECT_TRUE(names.insert(family.architecture).second) << family.architecture << " twice";
        EXPECT_TRUE(model::findArchitecture(family.architecture)) << family.architecture;
        EXPECT_EQ(family.variants[0].name, "bare");
        EXPECT_EQ(family.variants[1].name, "careless");
        EXPECT_EQ(family.variants[2].name, "full");
    }
    EXPECT_EQ(names.size(), 49u);
}

class FamilyForward : public ::testing::TestWithParam<Case> {};

TEST_P(FamilyForward, LogitsAreOfUnitSizeAndFollowTheTokens) {
    Model model(makeFamily(GetParam().architecture, GetParam().variant));
    std::vector<int32_t> tokens = someTokens(40);
    std::vector<float> logits = model.logits(tokens);
    size_t vocab = model.config.vocab;
    ASSERT_EQ(logits.size(), tokens.size() * vocab);
    ASSERT_TRUE(std::ranges::all_of(logits, [](float x) { return std::isfinite(x); }));
    EXPECT_GT(rootMeanSquare(logits), 0.02);
    EXPECT_LT(rootMeanSquare(logits), 100);
    std::span<const float> first = std::span(logits).first(vocab);
    for (size_t row = 1; row < tokens.size(); ++row)
        EXPECT_GT(difference(std::span(logits).subspan(row * vocab, vocab), first), 0.01) << row;
    // Another token changes the rows from its own on, and all of them.
    size_t changed = tokens.size() - 6;
    tokens[changed] = 200;
    std::vector<float> other = model.logits(tokens);
    EXPECT_TRUE(std::equal(other.begin(), other.begin() + static_cast<ptrdiff_t>(changed * vocab),
                           logits.begin()));
    for (size_t row = changed; row < tokens.size(); ++row)
        EXPECT_GT(difference(std::span(other).subspan(row * vocab, vocab),
                             std::span(logits).subspan(row * vocab, vocab)),
                  kOther)
            << row;
}
INSTANTIATE_TEST_SUITE_P(All, FamilyForward, ::testing::ValuesIn(allCases()), caseName);

class FamilyCareless : public ::testing::TestWithParam<Case> {};

TEST_P(FamilyCareless, UnreadKeysAndTensorsChangeNothing) {
    const std::string &name = GetParam().architecture;
    Model bare(makeFamily(name, findVariant(name, "bare")));
    Model careless(makeFamily(name, GetParam().variant));
    EXPECT_TRUE(careless.file.find(name + ".attention.group_norm_epsilon"));
    EXPECT_EQ(careless.config.layer, bare.config.layer);
    std::vector<int32_t> tokens = someTokens(24);
    EXPECT_EQ(careless.logits(tokens), bare.logits(tokens));
}
INSTANTIATE_TEST_SUITE_P(All, FamilyCareless, ::testing::ValuesIn(casesNamed("careless")),
                         caseName);

// ---- every tensor matters ----------------------------------------------------------------------

/// "blk.3.attn_q.weight" -> "attn_q.weight"
std::string stemOf(std::string_view name) {
    return std::string(name.starts_with("blk.") ? name.substr(name.find('.', 4) + 1) : name);
}

/// Whether a tensor that the model may read changes nothing in this one.
bool hasNoEffect(const Model &model, const std::string &stem) {
    const model::Architecture &rules = *model.config.architecture;
    const model::RopeScaling &scaling = model.config.rope().scaling;
    if (stem.starts_with("rope_factors_")) // one of them, and of llama only where the type says so
        return stem != "rope_factors_long.weight" ||
               (scaling.type != "longrope" && !model.config.rope().always_long_short);
    if (stem == "attn_output.scale") // a norm behind it takes it away
        return rules.norm.after_attention;
    // The same number for all keys of a query leaves the softmax as it is.
    return stem == "attn_k.bias" && rules.rope.layout == model::RopeLayout::none;
}

void disturb(GgufWriter::TensorInfo &tensor) {
    std::vector<float> noise =
        randomFloats(tensor.data.size() / sizeof(float), -0.5f, 0.5f, seedOfName(tensor.name, 9));
    std::span values(reinterpret_cast<float *>(tensor.data.data()), noise.size());
    for (size_t i = 0; i < noise.size(); ++i)
        values[i] += noise[i];
}

class FamilyTensors : public ::testing::TestWithParam<Case> {};

TEST_P(FamilyTensors, EachOneMatters) {
    GgufWriter writer = makeFamily(GetParam().architecture, GetParam().variant);
    Model model(writer);
    std::vector<int32_t> tokens = someTokens(7);
    std::vector<float> wanted = model.logits(tokens);
    std::set<std::string> unread, tried;
    model::HasTensor has = [&](const std::string &name) {
        return model.file.findTensor(name) != nullptr;
    };
    for (const model::TensorSpec &spec : model::tensorsOf(model.config, has))
        if (spec.need == model::TensorSpec::Need::ignored)
            unread.insert(spec.name);
    for (size_t i = 0; i < writer.tensors().size(); ++i) {
        std::string name = writer.tensors()[i].name, stem = stemOf(name);
        if (unread.contains(name) || hasNoEffect(model, stem) || !tried.insert(stem).second)
            continue;
        GgufWriter other = writer;
        disturb(other.tensors()[i]);
        EXPECT_GT(difference(Model(other).logits(tokens), wanted), kOther) << name;
    }
    EXPECT_GT(tried.size(), 10u);
}
INSTANTIATE_TEST_SUITE_P(All, FamilyTensors, ::testing::ValuesIn(casesNamed("full")), caseName);

// ---- every feature matters ---------------------------------------------------------------------

/// Switches something off; false where the model does not have it.
struct Feature {
    const char *name;
    std::function<bool(Config &)> remove;
};

template <class Value> bool replace(Value &value, Value by) {
    bool had = value != by;
    value = by;
    return had;
}

std::vector<Feature> features() {
    auto layers = [](auto change) {
        return [change](Config &config) {
            bool had = false;
            for (LayerConfig &layer : config.layer)
                had = change(layer) || had;
            return had;
        };
    };
    auto rotates = [](const Config &config) {
        return std::ranges::any_of(config.layer,
                                   [](const LayerConfig &l) { return l.rope != model::kNoRope; });
    };
    return {
        {"window",
         layers([](LayerConfig &l) { return l.window < 8192 && replace(l.window, uint64_t{0}); })},
        {"rotation", layers([](LayerConfig &l) { return replace(l.rope, model::kNoRope); })},
        {"own local rotation",
         [](Config &c) {
             if (c.ropes.size() < 2 || c.ropes[0].dims != c.ropes[1].dims)
                 return false;
             std::swap(c.ropes[0], c.ropes[1]);
             return c.ropes[0].base != c.ropes[1].base ||
                    c.ropes[0].scaling.factor != c.ropes[1].scaling.factor;
         }},
        {"norms of heads", layers([](LayerConfig &l) { return replace(l.normed_heads, false); })},
        {"temperature",
         [](Config &c) { return c.temperature.length < 30 && replace(c.temperature.scale, 0.0); }},
        {"partial rotation",
         [rotates](Config &c) {
             return rotates(c) && c.rope().factors.empty() && c.rope().long_factors.empty() &&
                    c.ropes.size() == 1 && !c.architecture->attention.latent &&
                    replace(c.ropes[0].dims, 2u);
         }},
        {"layout of pairs",
         [rotates](Config &c) {
             if (!rotates(c))
                 return false;
             bool neox = c.rope_layout == model::RopeLayout::neox;
             c.rope_layout = neox ? model::RopeLayout::norm : model::RopeLayout::neox;
             return true;
         }},
        {"score scale", [](Config &c) { return c.heads > 0 && replace(c.score_scale, 0.9f); }},
        {"soft cap", [](Config &c) { return replace(c.softcap, 0.0f); }},
        {"slopes", [](Config &c) { return replace(c.alibi_bias, 0.0f); }},
        {"clamp", [](Config &c) { return replace(c.clamp_qkv, 0.0f); }},
        {"branch factor", [](Config &c) { return replace(c.branch_factor, 1.0); }},
        {"embedding factor", [](Config &c) { return replace(c.embedding_factor, 1.0); }},
        {"logits factor", [](Config &c) { return replace(c.logits_factor, 1.0); }},
        {"logits cap", [](Config &c) { return replace(c.logits_cap, 0.0f); }},
        {"normalised experts",
         [](Config &c) { // not where a norm follows
             return c.experts.used > 1 && !c.architecture->per_layer_input &&
                    replace(c.experts.normalize, false);
         }},
        {"experts' factor", [](Config &c) { return replace(c.experts.weight_scale, 1.0); }},
        {"groups of experts", [](Config &c) { return replace(c.experts.groups, 1u); }},
        {"bias of the choice", [](Config &c) { return replace(c.experts.selection_bias, false); }},
        {"shared expert's gate", [](Config &c) { return replace(c.experts.shared_gated, false); }},
        {"norms of dt, b and c",
         [](Config &c) {
             return c.architecture->name == "mamba" && c.heads == 0 &&
                    replace(c.recurrent.norm_dt_b_c, false);
         }},
        {"halving", [](Config &c) { return replace(c.recurrent.rescale_every, 0u); }},
    };
}

class FamilyFeatures : public ::testing::TestWithParam<Case> {};

TEST_P(FamilyFeatures, EachOneMatters) {
    if (GetParam().variant.name == "deep")
        GTEST_SKIP() << "the same features in more layers";
    Model model(makeFamily(GetParam().architecture, GetParam().variant));
    std::vector<int32_t> tokens = someTokens(30);
    std::vector<float> wanted = model.logits(tokens);
    for (const Feature &feature : features()) {
        Config changed = model.config;
        if (!feature.remove(changed))
            continue;
        std::vector<float> other = reference::forward(model.file, changed, tokens);
        EXPECT_GT(difference(other, wanted), kOther) << feature.name;
    }
}
INSTANTIATE_TEST_SUITE_P(All, FamilyFeatures, ::testing::ValuesIn(allCases()), caseName);

TEST(FamilyModels, ChunksAndTheirTemperature) {
    Model model(makeFamily("llama4", findVariant("llama4", "bare")));
    std::vector<int32_t> tokens = someTokens(24);
    std::vector<float> wanted = model.logits(tokens);
    size_t vocab = model.config.vocab;
    auto firstRow = [&](std::span<const float> a, std::span<const float> b) {
        return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin()) / vocab;
    };
    Config changed = model.config;
    changed.temperature.length = 9; // 8192 in earnest: from position 8 on, q grows
    std::vector<float> other = reference::forward(model.file, changed, tokens);
    EXPECT_EQ(firstRow(other, wanted), 8u);
    changed = model.config;
    for (LayerConfig &layer : changed.layer) {
        layer.window = 10;
        layer.chunked = true;
    }
    other = reference::forward(model.file, changed, tokens);
    EXPECT_EQ(firstRow(other, wanted), 10u); // all of the first chunk are seen
    // A later chunk does not know what stands before it.
    tokens[9] = 250;
    std::vector<float> again = reference::forward(model.file, changed, tokens);
    EXPECT_EQ(firstRow(again, other), 9u);
    EXPECT_TRUE(std::ranges::equal(std::span(again).subspan(10 * vocab),
                                   std::span(other).subspan(10 * vocab)));
}

TEST(FamilyModels, QuantizedOnesAreNear) {
    for (const char *name : {"llama", "gpt-oss", "qwen35", "mamba2", "deepseek2"}) {
        const FamilyVariant &variant = findVariant(name, "full");
        Model exact(makeFamily(name, variant));
        Model coarse(makeFamily(name, variant, model::QuantType::q8_0));
        EXPECT_LT(coarse.bytes.size(), exact.bytes.size() * 3 / 5) << name;
        std::vector<float> logits = coarse.logits(someTokens(5));
        EXPECT_TRUE(std::ranges::all_of(logits, [](float x) { return std::isfinite(x); })) << name;
        EXPECT_GT(rootMeanSquare(logits), 0.02) << name;
    }
}

} // namespace
} // namespace longscope::testing

// The regular expressions behind each pre-tokenizer name: what the vocabularies were trained with,
// in the forms that PCRE2 runs without growing a stack (no loops over groups). Sources: the
// tokenizer.json files of the models, in the adapted forms that llama.cpp uses.
#include "compute/model/pretokenizer.h"

#include <map>

namespace longscope::model {
namespace {

using std::string;

// English contractions without case. Not (?i:...): with Unicode properties on, that would also
// match U+017F, the long s.
const string kContraction = R"((?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]))";

const string kGpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))";

const string kTail = R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const string kTailSlash = R"( ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const string kWord = R"([^\r\n\p{L}\p{N}]?\p{L}+)";

string qwenLike(const string &numbers) {
    return kContraction + "|" + kWord + "|" + numbers + "|" + kTail;
}

const string kQwen35 = kContraction + R"(|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}|)" +
                       R"( ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// Words cut at a change from small to capital letters, where only ASCII letters have a case.
string casedWords(const string &after_word) {
    return R"([^\r\n\p{L}\p{N}]?[^\P{L}a-z]*[^\P{L}A-Z]+)" + after_word +
           R"(|[^\r\n\p{L}\p{N}]?[^\P{L}a-z]+[^\P{L}A-Z]*)" + after_word + "|";
}

// The same with the cases of all scripts.
string casedUnicodeWords(const string &after_word) {
    return R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)" +
           after_word +
           R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)" +
           after_word + "|";
}

// Letters of deepseek-llm. Escapes, because an editor that normalises would change U+2126 and
// U+212A into other letters.
const string kDeepseekLetters =
    R"(A-Za-z\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}\x{1BC}-\x{1BF}\x{1C4}-\x{293})"
    R"(\x{295}-\x{2AF}\x{370}-\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F}\x{386}\x{388}-\x{38A})"
    R"(\x{38C}\x{38E}-\x{3A1}\x{3A3}-\x{3F5}\x{3F7}-\x{481}\x{48A}-\x{52F}\x{531}-\x{556})"
    R"(\x{10A0}-\x{10C5}\x{13A0}-\x{13F5}\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA}\x{1CBD}-\x{1CBF})"
    R"(\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77}\x{1D79}-\x{1D9A}\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D})"
    R"(\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D}\x{1F50}-\x{1F57}\x{1F59}\x{1F5B}\x{1F5D})"
    R"(\x{1F5F}-\x{1F7D}\x{1F80}-\x{1FB4}\x{1FB6}-\x{1FBC}\x{1FBE}\x{1FC2}-\x{1FC4})"
    R"(\x{1FC6}-\x{1FCC}\x{1FD0}-\x{1FD3}\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC}\x{1FF2}-\x{1FF4})"
    R"(\x{1FF6}-\x{1FFC}\x{2102}\x{2107}\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124})"
    R"(\x{2126}\x{2128}\x{212A}-\x{212D}\x{212F}-\x{2134}\x{2139}\x{213C}-\x{213F})"
    R"(\x{2145}-\x{2149}\x{214E}\x{2183}\x{2184}\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4})"
    R"(\x{2CEB}-\x{2CEE}\x{2CF2}\x{2CF3}\x{A640}-\x{A66D}\x{A680}-\x{A69B}\x{A722}-\x{A76F})"
    R"(\x{A771}-\x{A787}\x{A78B}-\x{A78E}\x{AB70}-\x{ABBF}\x{FB00}-\x{FB06}\x{FB13}-\x{FB17})"
    R"(\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A}\x{10400}-\x{1044F}\x{104B0}-\x{104D3})"
    R"(\x{104D8}-\x{104FB}\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2}\x{118A0}-\x{118DF})"
    R"(\x{1E900}-\x{1E943})";

// "CJK" of the deepseek lists: nearly everything from U+0800 to the Hangul syllables, with gaps at
// the white space, which the original turned into U+000B first.
const string kDeepseekWide =
    R"([\x{800}-\x{167F}\x{1681}-\x{1FFF}\x{200B}-\x{2027}\x{202A}-\x{202E}\x{2030}-\x{205E})"
    R"(\x{2060}-\x{2FFF}\x{3001}-\x{9FA5}\x{AC00}-\x{D7FF}]+)";

const string kDeepseekPunctuation =
    R"(\s?[!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E}\x{2018}-\x{201F}\x{3001}\x{3002}]+)";

// `\s+$`, with a look-behind that changes no match and keeps a long run of spaces from being
// scanned anew from each of its characters.
const string kSpacesAtEnd = R"((?<!\s)\s+$)";

const string kHanKana = R"([\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+)";
const string kDeepseek3Head = R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|)"
                              R"([^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+)";
const string kDeepseek3 = kDeepseek3Head + R"([\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const string kBloom = R"( ?[^(\s|.,!?\x{2026}\x{3002}\x{FF0C}\x{3001}\x{964}\x{6D4}\x{60C})]+)";

using Rules = std::map<string, PreRules, std::less<>>;

void addGpt2Family(Rules &rules) {
    for (const char *name :
         {"gpt-2", "mpt", "olmo", "jais", "trillion", "exaone4", "phi-2", "mellum", "gigachat",
          "granite-docling", "a.x-4.0", "modern-bert", "jina-es", "jina-de", "jina-v2-es",
          "jina-v2-de", "jina-v2-code", "jina-v1-en", "roberta-bpe"})
        rules[name] = {{kGpt2}};
    for (const char *name : {"starcoder", "refact", "command-r", "smollm", "codeshell", "exaone",
                             "minerva-7b", "mellum2"})
        rules[name] = {{R"(\p{N})", kGpt2}};
    rules["falcon"] = {{R"([\p{P}\$\+<=>\^~\|`]+)", kGpt2, "[0-9][0-9][0-9]"}};
    rules["default"] = {{R"([\p{P}\$\+<=>\^~\|]+)", kGpt2, R"(\p{N}+)", "[0-9][0-9][0-9]"}};
    rules[""] = rules["default"];
    rules["chameleon"] = {{"<sentinel:[0-9]+>", "IMGIMG[A-I]{1,4}Z", R"([\t\n]|    |  )",
                           R"(\p{N})", R"([\p{P}!-/:-@\[-`{-~])", kGpt2}};
    rules["chameleon"].add_bos = true;
}

void addQwenFamily(Rules &rules) {
    for (const char *name : {"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral",
                             "lfm2", "midm-2.0", "jina-v5-nano"})
        rules[name] = {
            .regexes = {qwenLike(R"(\p{N}{1,3})")}, .ignore_merges = true, .add_bos = true};
    for (const char *name : {"dbrx", "smaug-bpe"})
        rules[name] = {{qwenLike(R"(\p{N}{1,3})")}};
    for (const char *name : {"chatglm-bpe", "glm4", "glm5"})
        rules[name] = {.regexes = {qwenLike(R"(\p{N}{1,3})")},
                       .ignore_merges = string(name) != "chatglm-bpe",
                       .no_bos = true};
    for (const char *name : {"qwen2", "deepseek-r1-qwen", "stablelm2", "hunyuan", "solar-open",
                             "megrez", "grok-2", "kormo", "f2llmv2"})
        rules[name] = {{qwenLike(R"(\p{N})")}};
    rules["qwen35"] = {{kQwen35}};
    rules["minicpm5"] = {.regexes = {R"(\p{N}{1,3})", qwenLike(R"(\p{N}+)")},
                         .ignore_merges = true};
    rules["laguna"] = {{R"([^\n]+|[\n]+)", qwenLike(R"(\p{N})")}};
    rules["ufakzeka"] = {{kWord + R"(|\p{N}|)" + kTail}};
    rules["seed-coder"] = {
        {kContraction + "|" + kWord + R"(|\p{N}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+)"}};
    for (const char *name : {"bailingmoe", "bailingmoe2", "llada-moe"})
        rules[name] = {{R"('(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|)" + kWord +
                        R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)"}};
    rules["exaone-moe"] = {{kContraction +
                            R"(|[^\r\n\p{L}\p{N}]?\p{L}[\p{L}\p{M}]*+(?: \p{L}[\p{L}\p{M}]*+)*+)"
                            R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+)"}};
    rules["jais-2"] = {{kContraction + "|" + kWord +
                        R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s{512}(?!\S))"
                        R"(|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S))"
                        R"(|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s)"}};
}

void addCasedFamily(Rules &rules) {
    for (const char *name : {"gpt-4o", "llama4", "minimax-m2", "kanana2", "talkie"})
        rules[name] = {{casedWords(kContraction + "?") + R"(\p{N}{1,3}|)" + kTailSlash}};
    rules["tekken"] = {.regexes = {casedWords("") + R"(\p{N}|)" + kTailSlash},
                       .ignore_merges = true,
                       .add_bos = true};
    for (const char *name : {"tiny_aya", "cohere2moe"})
        rules[name] = {
            .regexes = {R"(\d{1,3}(?=(?:\d{3})*\b))",
                        casedUnicodeWords(kContraction + "?") + R"(\p{N}{1,3}|)" + kTailSlash},
            .verified = false};
    rules["youtu"] = {
        .regexes = {R"([\x{AC00}-\x{D7A3}\x{3131}-\x{318E}]+|)"
                    R"([\x{FF01}\x{2026}\x{201C}\x{201D}\x{2018}\x{2019}\x{2014}\x{FF1A}\x{FF1B})"
                    R"(\x{FF0C}\x{3001}-\x{303F}\x{FE30}-\x{FE4F}]+|[\x{3105}-\x{312F}]+|)" +
                        kHanKana,
                    casedUnicodeWords(kContraction + "?") + R"(\p{N}|)" + kTailSlash},
        .ignore_merges = true,
        .verified = false};
}

void addDeepseekFamily(Rules &rules) {
    rules["deepseek-llm"] = {{R"([\r\n])", R"(\s?[)" + kDeepseekLetters + "]+",
                              kDeepseekPunctuation, kSpacesAtEnd, kDeepseekWide, R"(\p{N}+)"}};
    rules["deepseek-coder"] = {
        {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)", kDeepseekWide, R"(\p{N})"}};
    for (const char *name : {"deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"})
        rules[name] = {{R"(\p{N}{1,3})", kHanKana, kDeepseek3}};
    rules["spark2_5"] = {
        {R"(\p{N}{1,3})", kHanKana, kDeepseek3Head + R"(|[\r\n]|\s+(?!\S)|\s+)", R"(\p{N})"}};
    for (const char *name : {"poro-chat", "bloom", "gpt3-finnish"})
        rules[name] = {{kBloom}};
    rules["viking"] = {{kBloom, R"(\p{N})"}};
}

Rules makeRules() {
    Rules rules;
    addGpt2Family(rules);
    addQwenFamily(rules);
    addCasedFamily(rules);
    addDeepseekFamily(rules);
    return rules;
}

} // namespace

const PreRules *findPreRules(std::string_view name) {
    static const Rules kRules = makeRules();
    auto found = kRules.find(name);
    return found == kRules.end() ? nullptr : &found->second;
}

} // namespace longscope::model

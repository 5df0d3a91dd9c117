// `longscope attention`: where a layer's heads look, as a picture in a file; without a file what
// every head of every layer does, in figures.
#include "app/commands/commands.h"
#include "app/image.h"
#include "app/json_output.h"
#include "app/progress.h"
#include "app/setting_specs.h"
#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/engine/attention_map.h"
#include "compute/engine/attention_metrics.h"
#include "compute/engine/layer_decay.h"
#include "compute/engine/mixer_plan.h"
#include "compute/engine/plan.h"

#include <algorithm>
#include <charconv>
#include <format>
#include <functional>

namespace longscope::app {
namespace {

using attention::Interval;
using nlohmann::json;

/// "A:B", where either may be missing; "" is everything.
Interval parseRange(const char *option, const std::string &text, uint64_t tokens) {
    Interval range{0, tokens};
    if (text.empty())
        return range;
    size_t colon = text.find(':');
    auto read = [&](std::string_view part, uint64_t &number) {
        if (part.empty())
            return true;
        auto [end, error] = std::from_chars(part.begin(), part.end(), number);
        return error == std::errc() && end == part.end();
    };
    if (colon == std::string::npos || !read(std::string_view(text).substr(0, colon), range.first) ||
        !read(std::string_view(text).substr(colon + 1), range.end))
        fail(ErrorKind::usage, "{} \"{}\" is not A:B, two numbers of tokens", option, text);
    return range;
}

std::vector<std::string> namesOf(uint32_t count, const std::function<Interval(uint32_t)> &rangeOf) {
    std::vector<std::string> names;
    for (uint32_t i = 0; i < count; ++i)
        names.push_back(std::format("{}:{}", rangeOf(i).first, rangeOf(i).end));
    return names;
}

class Looking {
  public:
    Looking(const Options &options, std::stop_token stop)
        : options_(options), stop_(std::move(stop)), line_(options.quiet),
          format_(options.out.empty() ? ImageFormat::npy : imageFormat(options.out)),
          settings_(sessionOptions(options)) {
        engine::checkPlaces(settings_);
        if (options.recall.empty())
            return;
        engine::SessionOptions recalled;
        applySpecs(recalled, options.recall, "", "");
        recalled_ = recalled.patterns;
        if (settings_.patterns.text() != "full")
            fail(ErrorKind::usage,
                 "--recall tells what a pattern leaves of full attention, so it goes without "
                 "--attention {}",
                 settings_.patterns.text());
    }

    int run() {
        std::string text = readWholeFile(options_.files.front());
        engine::Engine engine(engineOptions(options_), line_.sink(), stop_);
        tokens_ = engine.tokenizer().encode(text, {.parse_special = false, .add_bos = true});
        if (tokens_.empty())
            fail(ErrorKind::file, "{} holds no text", options_.files.front());
        if (settings_.context_tokens == 0)
            settings_.context_tokens = tokens_.size();
        if (tokens_.size() > settings_.context_tokens)
            fail(ErrorKind::model, "{} needs {} tokens, the window has {}", options_.files.front(),
                 tokens_.size(), settings_.context_tokens);
        warnOutOfReach(engine.config(), settings_);
        engine::Session session(engine, settings_);
        options_.out.empty() ? printMetrics(session) : writeMap(session);
        return 0;
    }

  private:
    void read(engine::Session &session, engine::Observer &observer) {
        engine::ReadResult result = session.read(tokens_, line_.sink(), stop_, &observer);
        line_.clear();
        if (result.stopped)
            fail(ErrorKind::stopped, "stopped after {} of {} tokens", session.tokens().size(),
                 tokens_.size());
        seconds_ = result.seconds;
    }

    static uint64_t deviceBytes(const engine::Session &session) {
        for (const gpu::BookedPart &part : session.engine().device().booked())
            if (part.name == "maps")
                return part.bytes;
        return 0;
    }

    /// What both forms tell at the end.
    json facts(const engine::Session &session, double map_seconds) const {
        return {{"tokens", tokens_.size()},
                {"attention", session.options().patterns.text()},
                {"seconds", seconds_},
                {"map_seconds", map_seconds},
                {"map_device_bytes", deviceBytes(session)}};
    }
    void note(const engine::Session &session, const std::string &what, double map_seconds) const {
        if (!options_.quiet)
            printNote(std::format("longscope: {} tokens, {}; {:.2f} s beyond the reading of {:.1f} "
                                  "s, {} on the device",
                                  tokens_.size(), what, map_seconds, seconds_ - map_seconds,
                                  formatBytes(deviceBytes(session))));
    }

    // ---- a picture ----------------------------------------------------------------------------

    void writeMap(engine::Session &session) {
        Interval queries = parseRange("--queries", options_.queries, tokens_.size());
        Interval keys = parseRange("--keys", options_.keys, tokens_.size());
        engine::MapRequest request{.layer = options_.layer,
                                   .heads = options_.heads,
                                   .first_query = queries.first,
                                   .end_query = queries.end,
                                   .first_key = keys.first,
                                   .end_key = keys.end,
                                   .size = options_.size};
        const engine::Engine &engine = session.engine();
        engine::checkMap(engine.config(), request, tokens_.size());
        OutputFile file(options_.out); // a path that cannot be written is told before the reading
        engine::MapCollector collector(engine.device(), engine.config(), request);
        read(session, collector);
        engine::AttentionPicture picture = collector.picture();
        writePicture(file, picture);
        if (options_.json) {
            json object = facts(session, collector.seconds());
            object.update({{"layer", options_.layer},
                           {"heads", options_.heads},
                           {"pool", options_.pool},
                           {"rows", picture.rows},
                           {"columns", picture.columns},
                           {"query_tokens", picture.query_step},
                           {"key_tokens", picture.key_step},
                           {"out", options_.out}});
            printJson(object);
        }
        note(session,
             std::format("{} x {} cells of {} queries by {} keys ({}){} in {}", picture.rows,
                         picture.columns, picture.query_step, picture.key_step, options_.pool,
                         format_ == ImageFormat::png
                             ? std::format(", logarithmic down to {:g} of the largest", kLeastShown)
                             : "",
                         options_.out),
             collector.seconds());
    }

    static void writeCsv(OutputFile &file, const engine::AttentionPicture &picture,
                         const Matrix &matrix) {
        auto rows = namesOf(picture.rows, [&](uint32_t i) { return picture.queriesOf(i); });
        auto columns = namesOf(picture.columns, [&](uint32_t i) { return picture.keysOf(i); });
        const std::string text = encodeCsv(matrix, "queries", rows, columns);
        file.write(std::as_bytes(std::span(text)));
    }

    void writePicture(OutputFile &file, const engine::AttentionPicture &picture) const {
        std::vector<float> values = options_.pool == "sum"   ? picture.sum
                                    : options_.pool == "max" ? picture.maximum
                                                             : picture.mean();
        Matrix matrix{values, picture.rows, picture.columns};
        if (format_ == ImageFormat::npy)
            file.write(encodeNpy(matrix));
        else if (format_ == ImageFormat::png)
            file.write(encodePng(matrix));
        else
            writeCsv(file, picture, matrix);
        file.commit();
    }

    // ---- figures ------------------------------------------------------------------------------

    void printMetrics(engine::Session &session) {
        const engine::Engine &engine = session.engine();
        engine::MetricsCollector collector(engine.device(), engine.config(), widths_,
                                           options_.recall.empty() ? nullptr : &recalled_);
        engine::DecayCollector decays(engine.device(), engine.config());
        engine::Observers both;
        both.add(collector);
        both.add(decays);
        read(session, both);
        json heads = json::array();
        std::string text =
            std::format("layer  head  entropy  distance  first {}  last {}{}\n", widths_.sinks,
                        widths_.recent, options_.recall.empty() ? "" : "  recall");
        for (uint32_t layer = 0; layer < collector.layers(); ++layer)
            for (uint32_t head = 0; head < collector.headsOf(layer); ++head) {
                engine::HeadMetrics metrics = collector.of(layer, head);
                text += lineOf(layer, head, metrics);
                heads.push_back({{"layer", layer},
                                 {"head", head},
                                 {"entropy", metrics.entropy},
                                 {"distance", metrics.distance},
                                 {"sink_share", metrics.sink_share},
                                 {"recent_share", metrics.recent_share}});
                if (metrics.recall)
                    heads.back()["recall"] = *metrics.recall;
            }
        if (options_.json) {
            json object = facts(session, collector.seconds());
            object.update({{"sinks", widths_.sinks}, {"recent", widths_.recent}});
            if (!options_.recall.empty())
                object["recall_of"] = options_.recall;
            object["heads"] = std::move(heads);
            object["recurrent"] = engine::describeRecurrence(engine.config());
            object["decay"] = decayJson(decays);
            printJson(object);
        } else {
            if (engine.config().heads == 0)
                text = "no layer of this model attends\n";
            if (std::string rest = engine::describeRecurrence(engine.config()); !rest.empty())
                text += rest + "\n" + decayText(decays);
            printOut(text);
        }
        note(session,
             std::format("{} heads; entropy in nats, distance in tokens, shares of probability",
                         engine::allHeads(session.engine().config())),
             both.seconds());
    }

    json decayJson(const engine::DecayCollector &decays) const {
        json layers = json::array();
        for (uint32_t layer = 0; layer < decays.layers(); ++layer)
            if (std::vector<double> means = decays.meanLog(layer); !means.empty())
                layers.push_back({{"layer", layer}, {"mean_log_decay", std::move(means)}});
        return layers;
    }

    /// The memory of each head or channel is -1 / its mean logarithm.
    static std::string decayText(const engine::DecayCollector &decays) {
        std::string text;
        for (uint32_t layer = 0; layer < decays.layers(); ++layer) {
            std::vector<double> means = decays.meanLog(layer);
            if (means.empty())
                continue;
            std::ranges::sort(means); // the shortest memory first
            auto tokens = [](double mean) { return -1 / std::min(mean, -1e-9); };
            text += std::format("{:5}  {:6}  {:8.1f}  {:8.1f}  {:8.1f}\n", layer, means.size(),
                                tokens(means.front()), tokens(means[means.size() / 2]),
                                tokens(means.back()));
        }
        return text.empty() ? text
                            : "memory in tokens, after which 37 % is left\n"
                              "layer   rates  shortest    median   longest\n" +
                                  text;
    }

    static std::string lineOf(uint32_t layer, uint32_t head, const engine::HeadMetrics &metrics) {
        std::string line = std::format("{:5}  {:4}  {:7.3f}  {:8.1f}  {:7.3f}  {:8.3f}", layer,
                                       head, metrics.entropy, metrics.distance, metrics.sink_share,
                                       metrics.recent_share);
        return line + (metrics.recall ? std::format("  {:6.3f}\n", *metrics.recall) : "\n");
    }

    const Options &options_;
    std::stop_token stop_;
    ProgressLine line_;
    ImageFormat format_;
    engine::SessionOptions settings_;
    const engine::MetricWidths widths_;
    attention::LayerPatterns recalled_;
    std::vector<model::Token> tokens_;
    double seconds_ = 0; ///< of the reading, with what was looked at
};

} // namespace

int runAttention(const Options &options, std::stop_token stop) {
    return Looking(options, std::move(stop)).run();
}

} // namespace longscope::app

// The tensors of an RWKV-6 layer, which has nothing in common with the others.
#include "compute/model/tensor_list.h"

#include <format>

namespace longscope::model {
namespace {

using Shape = std::vector<uint64_t>;
using Need = TensorSpec::Need;

class RwkvList {
  public:
    explicit RwkvList(uint32_t layer) : layer_(layer) {}

    void own(std::string_view name, Shape shape, Need need = Need::required) {
        list.push_back({std::format("blk.{}.{}", layer_, name), std::move(shape), need});
    }
    void norm(std::string_view stem, uint64_t dim) {
        own(std::format("{}.weight", stem), {dim});
        own(std::format("{}.bias", stem), {dim}, Need::optional);
    }
    void matrix(std::string_view stem, uint64_t columns, uint64_t rows) {
        own(std::format("{}.weight", stem), {columns, rows});
        own(std::format("{}.scale", stem), {1}, Need::ignored);
    }

    std::vector<TensorSpec> list;

  private:
    uint32_t layer_;
};

} // namespace

std::vector<TensorSpec> rwkv6Tensors(const Config &config, uint32_t layer) {
    const RecurrentConfig &sizes = config.recurrent;
    uint64_t dim = config.model_dim, mix = sizes.mix_rank, decay = sizes.decay_rank;
    RwkvList made(layer);
    made.norm("attn_norm", dim);
    made.norm("attn_norm_2", dim);
    made.own("time_mix_w1.weight", {dim, 5 * mix});
    made.own("time_mix_w2.weight", {mix, dim, 5});
    made.own("time_mix_lerp_x.weight", {dim, 1, 1});
    if (sizes.fused_lerp)
        made.own("time_mix_lerp_fused.weight", {dim, 1, 1, 5});
    else
        for (char part : {'w', 'k', 'v', 'r', 'g'})
            made.own(std::format("time_mix_lerp_{}.weight", part), {dim, 1, 1});
    made.own("time_mix_first.weight", {sizes.head_dim, sizes.heads});
    made.own("time_mix_decay.weight", {dim});
    made.own("time_mix_decay_w1.weight", {dim, decay});
    made.own("time_mix_decay_w2.weight", {decay, dim});
    for (const char *name : {"time_mix_key", "time_mix_value", "time_mix_receptance",
                             "time_mix_gate", "time_mix_output"})
        made.matrix(name, dim, dim);
    made.own("time_mix_ln.weight", {dim});
    made.own("time_mix_ln.bias", {dim});
    made.own("channel_mix_lerp_k.weight", {dim, 1, 1});
    made.own("channel_mix_lerp_r.weight", {dim, 1, 1});
    made.matrix("channel_mix_key", dim, sizes.channel_dim);
    made.matrix("channel_mix_value", sizes.channel_dim, dim);
    made.matrix("channel_mix_receptance", dim, dim);
    return std::move(made.list);
}

} // namespace longscope::model

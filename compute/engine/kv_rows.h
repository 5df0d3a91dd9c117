// Keys and values of some tokens of a timeline as bytes, in all layers: to keep a text while it is
// read, and to bring its beginning back. Every row is there, also those of layers that forget: any
// number of tokens can come back, each ring with what it would hold then.
//
//     for each layer with a cache, of K and then of V:
//         for each kv head the data [rows], then for each kv head the scales [rows]
#pragma once

#include "compute/engine/session.h"

#include <cstddef>
#include <span>
#include <string>

namespace longscope::engine {

/// Why a session's rows cannot be kept in this way, as a sentence; "" when they can.
std::string whyNotKept(const Session &session);

/// Bytes of one token.
uint64_t rowBytes(const Session &session);
/// Bytes of the states of recurrent layers; 0 without such layers.
uint64_t stateBytes(const Session &session);
/// How many tokens may be read, beside one more chunk, before rings write over their rows.
uint64_t tokensHeld(const Session &session);
/// Whether all layers still have the rows first .. end - 1.
bool holdsRows(const Session &session, uint64_t first, uint64_t end);

/// `to`: (end - first) * rowBytes. The rows must be held.
void downloadRows(const Session &session, uint64_t first, uint64_t end, std::span<std::byte> to);
/// The rows `first` and on, as many as `from` has, of a timeline that will be the first `tokens`
/// tokens: those beyond are left out, and those that rings have forgotten by then. The session must
/// be empty.
void uploadRows(Session &session, uint64_t first, uint64_t tokens, std::span<const std::byte> from);
/// The states of recurrent layers behind the tokens that were read.
std::vector<std::byte> downloadStates(const Session &session);
/// The empty session becomes these tokens, whose rows were uploaded, with these states.
void adoptTokens(Session &session, std::vector<Token> tokens, std::span<const std::byte> states);

} // namespace longscope::engine
